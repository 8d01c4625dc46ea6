package mongo

import (
	"math"
	"sync"
	"time"
)

// A sequence number is 63 bits: milliseconds since 1970 (42), a counter (12), and the process (9). Numbers of one process only grow; a version's number is
// greater than that of the version before it, whoever made it.
const (
	counterBits = 12
	nodeBits    = 9
	perMilli    = 1 << counterBits
	nodes       = 1 << nodeBits
)

// clock gives out sequence numbers: a hybrid logical clock.
type clock struct {
	now  func() time.Time
	node int64

	mu   sync.Mutex
	last int64 // milliseconds and counter
}

// take returns the first of n sequence numbers, all greater than after. Up to [perMilli] have one millisecond; see [clock.add] for the others.
func (c *clock) take(n int, after int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := max(c.last+1, c.now().UnixMilli()<<counterBits, after>>nodeBits+1)
	if first%perMilli+int64(n) > perMilli {
		first = (first/perMilli + 1) * perMilli
	}
	c.last = first + int64(n) - 1
	return first<<nodeBits | c.node
}

// pass lets no sequence number be given out that is not greater than one that was.
func (c *clock) pass(sequence int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(c.last, sequence>>nodeBits)
}

// add is the i-th sequence number after the first of those taken together.
func (c *clock) add(first int64, i int) int64 { return first + int64(i)<<nodeBits }

// instant is the time of a sequence number, in milliseconds.
func instant(sequence int64) time.Time {
	return time.UnixMilli(sequence >> (counterBits + nodeBits)).UTC()
}

// sequenceAt is the smallest sequence number of an instant or later. What lies before 1970, or behind the last number, is as far as the numbers go.
func sequenceAt(t time.Time) int64 {
	milli := t.UnixMilli()
	if t.After(time.UnixMilli(milli)) {
		milli++
	}
	return min(max(milli, 0), math.MaxInt64>>(counterBits+nodeBits)) << (counterBits + nodeBits)
}
