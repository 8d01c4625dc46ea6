package search

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// KeySet is many keys, any of which will do. Immutable: it is made once and shared by the queries of a caller.
type KeySet struct {
	Keys   []string // sorted, each once
	Digest string   // tells sets apart
}

// Has reports whether a key is in the set.
func (s *KeySet) Has(key string) bool {
	_, found := slices.BinarySearch(s.Keys, key)
	return found
}

// Among matches any of some keys. Where there are few, an [Or] of [OneKey] lets stores see more.
func Among(keys []string) Keys {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	if len(keys) == 0 {
		return Keys{}
	}
	sum := sha256.Sum256([]byte(strings.Join(keys, "\x00")))
	return Keys{Lo: keys[0], Hi: keys[len(keys)-1] + "\x00", Among: &KeySet{Keys: keys, Digest: string(sum[:])}}
}
