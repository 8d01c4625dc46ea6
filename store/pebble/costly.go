package pebble

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// costly remembers for a minute or two which bounded totals could not be counted, so that the next clients with the same query do not pay for
// finding that out again. It holds a digest and the minute in each word; what collides is forgotten.
type costly struct{ words [1024]atomic.Uint64 }

const minuteBits = 16

func thisMinute() uint64 { return uint64(time.Now().Unix()/60) & (1<<minuteBits - 1) }

// costlyDigest tells one total from another.
func costlyDigest(q *search.Query) uint64 {
	return binary.BigEndian.Uint64(store.Fingerprint(&search.Query{Type: q.Type, Plan: q.Plan}))
}

func (c *costly) has(digest uint64) bool {
	word := c.words[digest%uint64(len(c.words))].Load()
	age := (thisMinute() - word) & (1<<minuteBits - 1)
	return word>>minuteBits == digest>>minuteBits && age < 2
}

func (c *costly) add(digest uint64) {
	c.words[digest%uint64(len(c.words))].Store(digest>>minuteBits<<minuteBits | thisMinute())
}
