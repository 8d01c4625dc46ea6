package pebble

import (
	"bytes"

	engine "github.com/cockroachdb/pebble/v2"
)

// newComparer orders keys bytewise and tells the engine what of a posting is its index key, so that Bloom filters hold index keys and
// not single rows. Its name is stored: changing how keys are split needs a new one.
func newComparer() *engine.Comparer {
	c := *engine.DefaultComparer
	c.Name = "firth.1"
	c.Split = splitKey
	return &c
}

// splitKey returns the length of the part that Bloom filters are about. A prefix ends behind a NUL, which index keys cannot contain, so prefixes
// order as the keys do.
func splitKey(key []byte) int {
	if len(key) < typeLen || key[0] != spacePosting {
		return len(key)
	}
	if i := bytes.IndexByte(key[typeLen:], 0); i >= 0 {
		return typeLen + i + 1
	}
	return len(key)
}
