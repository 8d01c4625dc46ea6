package mongo

import (
	"sync"
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	c := &clock{now: func() time.Time { return at }, node: 7}
	first := c.take(1, 0)
	if got := instant(first); !got.Equal(at) || first%nodes != 7 {
		t.Errorf("the first number is %d, of %v", first, got)
	}
	if next := c.take(1, 0); next != first+nodes {
		t.Errorf("the next is %d behind %d", next, first)
	}
	many := c.take(perMilli, 0)
	if last := c.add(many, perMilli-1); instant(many) != instant(last) || many <= first {
		t.Errorf("those taken together are of %v and %v", instant(many), instant(last))
	}
	at = at.Add(-time.Hour)
	if next := c.take(1, 0); next <= c.add(many, perMilli-1) {
		t.Error("numbers went back with the clock")
	}
	ahead := (&clock{now: func() time.Time { return at.Add(24 * time.Hour) }, node: 8}).take(1, 0)
	if next := c.take(1, ahead); next <= ahead || !instant(next).Equal(instant(ahead)) {
		t.Errorf("behind %d of another process comes %d", ahead, next)
	}
	c.pass(next(ahead, 5))
	if got := c.take(1, 0); got <= next(ahead, 5) {
		t.Errorf("%d is not behind what was passed", got)
	}
	if bound := sequenceAt(instant(first)); first < bound || first >= sequenceAt(instant(first).Add(time.Nanosecond)) {
		t.Error("the bounds of an instant do not hold its numbers")
	}
}

// The times of requests may lie anywhere from the year 1 to 9999.
func TestSequenceAtTheEnds(t *testing.T) {
	now := sequenceAt(time.Now())
	for _, year := range []int{1, 1600, 1969} {
		if at := sequenceAt(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); at < 0 || at >= now {
			t.Errorf("the year %d begins with %d", year, at)
		}
	}
	for _, year := range []int{2105, 2110, 2999, 9999} {
		if at := sequenceAt(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); at <= now {
			t.Errorf("the year %d begins with %d", year, at)
		}
	}
}

func next(sequence int64, n int) int64 { return sequence + int64(n)<<nodeBits }

func TestClockIsForMany(t *testing.T) {
	c := &clock{now: time.Now}
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for i := range 500 {
				first := c.take(1+i%3, 0)
				mu.Lock()
				for k := range 1 + i%3 {
					if seen[c.add(first, k)] {
						t.Errorf("%d came twice", c.add(first, k))
					}
					seen[c.add(first, k)] = true
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
}
