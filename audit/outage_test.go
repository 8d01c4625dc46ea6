package audit

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// hangingState hangs while it is told to, and then fails while it is told to.
type hangingState struct {
	recordsOnly
	hangs, fails atomic.Bool
	begun        chan struct{}
	end          chan struct{}
}

func (s *hangingState) PutState(ctx context.Context, kind, id string, value []byte, revision uint64) (uint64, error) {
	if s.hangs.Swap(false) {
		s.begun <- struct{}{}
		<-s.end
	}
	if s.fails.Load() {
		return 0, store.ErrBusy
	}
	return s.State.PutState(ctx, kind, id, value, revision)
}

// TestNobodyWaitsForAStoreThatFails has events come while the store hangs with an earlier one. When it fails in the end, all who wait are told, those whose events it was not yet given and those
// for whose events there was no room; and what was done is recorded once the store is back.
func TestNobodyWaitsForAStoreThatFails(t *testing.T) {
	inner, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	s := &hangingState{recordsOnly: withoutJournal(inner), begun: make(chan struct{}), end: make(chan struct{})}
	trail := openTrail(t, Options{Store: s})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	record := func(i int, durable bool) <-chan error {
		told := make(chan error, 1)
		e := readOf(i)
		e.Durable = durable
		go func() { told <- trail.Record(ctx, e) }()
		return told
	}
	s.hangs.Store(true)
	written := record(1, true)
	<-s.begun
	next := record(2, true)
	for isThere := false; !isThere && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		trail.mu.Lock()
		if isThere = len(trail.pending.entries) == 1; isThere {
			trail.opts.QueueBytes = len(trail.pending.data) // so that there is no room
		}
		trail.mu.Unlock()
	}
	noRoom, noRoomForRead := record(3, true), record(4, false)
	s.fails.Store(true)
	close(s.end)
	for what, told := range map[string]<-chan error{"being written": written, "next": next, "without room": noRoom, "of a read, without room": noRoomForRead} {
		select {
		case err := <-told:
			if !errors.Is(err, ErrUnavailable) {
				t.Errorf("the event %s: %v", what, err)
			}
		case <-ctx.Done():
			t.Errorf("the event %s: its caller still waits", what)
		}
	}
	s.fails.Store(false)
	for trail.Ready() != nil {
		time.Sleep(time.Millisecond)
	}
	must(t, trail, readOf(5))
	closeTrail(t, trail)
	if r := intact(t, inner); r.Events != 6 {
		t.Errorf("%d events, want start, three of what was done, one of afterwards and stop", r.Events)
	}
}
