package audit

import (
	"context"

	"github.com/firth-health/firth/fhir"
)

// batch is what waits to be written, and later how that ended.
type batch struct {
	data    []byte // canonical bytes, one behind the other
	names   []uint64
	entries []pendingEntry

	first uint64 // number of the first event, once written
	done  chan struct{}
	err   error
}

// pendingEntry is one event of a batch.
type pendingEntry struct {
	at         int64
	end        int // of its bytes in data
	namesUntil int
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// refill is an empty batch that has the buffers of one that was written.
func (b *batch) refill() *batch {
	return &batch{data: b.data[:0], names: b.names[:0], entries: b.entries[:0], done: make(chan struct{})}
}

// enqueue puts an event behind those that wait. It blocks while there is no room.
func (t *Trail) enqueue(ctx context.Context, e *Event, patients []string) (b *batch, place int, err error) {
	at := t.opts.Clock().UnixMilli()
	cleaned := *e
	cleaned.Query = withoutSecrets(e.Query, !isAboutAccess(e.Interaction))
	t.mu.Lock()
	for len(t.pending.data) >= t.opts.QueueBytes && !t.isClosed {
		room := t.room
		t.mu.Unlock()
		if !e.Durable && t.failing.Load() {
			return nil, 0, ErrUnavailable
		}
		t.poke()
		select {
		case <-room:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
		t.mu.Lock()
	}
	defer t.mu.Unlock()
	if t.isClosed {
		return nil, 0, ErrClosed
	}
	t.last = max(t.last, at)
	b, place = t.pending, len(t.pending.entries)
	b.data = appendRecord(b.data, &cleaned, patients, t.last)
	b.names = appendNames(b.names, &cleaned, patients)
	b.entries = append(b.entries, pendingEntry{t.last, len(b.data), len(b.names)})
	switch {
	case e.Durable || t.opts.AllDurable || len(b.entries) >= blockEvents:
		t.poke()
	case place == 0:
		t.timer.Reset(t.opts.Delay)
	}
	return b, place, nil
}

// take hands what waits to the writer.
func (t *Trail) take(spare *batch) *batch {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.pending
	t.pending = spare
	close(t.room)
	t.room = make(chan struct{})
	return b
}

// appendNames appends what an event can be found by: the references in it.
func appendNames(names []uint64, e *Event, patients []string) []uint64 {
	for _, id := range patients {
		names = append(names, nameOf("Patient/"+id))
	}
	if e.Key.ID != "" {
		names = append(names, nameOf(e.Key.Type+"/"+e.Key.ID))
	}
	if e.Claims != nil && e.Claims.FHIRUser != "" {
		names = append(names, nameOf(e.Claims.FHIRUser))
	}
	if e.posted != nil {
		for key := range references(e.posted) {
			names = append(names, nameOf(fhir.Key{Type: key.Type, ID: key.ID}.String()))
		}
	}
	return names
}
