package audit

import "github.com/firth-health/firth/fhir"

// batch is what waits to be written, and later how that ended.
type batch struct {
	data    []byte // canonical bytes, one behind the other
	names   []uint64
	entries []pendingEntry

	first  uint64 // number of the first event, once it has one
	done   chan struct{}
	isTold bool  // done is closed
	err    error // for those who wait for done
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

// add puts an event with some of its patients behind the others.
func (b *batch) add(e *Event, patients []string, at int64) {
	cleaned := *e
	cleaned.Query = withoutSecrets(e.Query, !isAboutAccess(e.Interaction))
	b.data = appendRecord(b.data, &cleaned, patients, at)
	b.names = appendNames(b.names, &cleaned, patients)
	b.entries = append(b.entries, pendingEntry{at, len(b.data), len(b.names)})
}

// addAll puts an event behind the others, as many records as its patients take.
func (b *batch) addAll(e *Event, at int64) {
	rest := e.Patients
	for ; len(rest) > maxPatients; rest = rest[maxPatients:] {
		b.add(e, rest[:maxPatients], at)
	}
	b.add(e, rest, at)
}

// cut takes off all but the first n events.
func (b *batch) cut(n int) {
	b.entries = b.entries[:n]
	data, names := 0, 0
	if n > 0 {
		data, names = b.entries[n-1].end, b.entries[n-1].namesUntil
	}
	b.data, b.names = b.data[:data], b.names[:names]
}

// tell ends the wait of those who wait for the batch, once.
func (b *batch) tell(err error) {
	if !b.isTold {
		b.isTold, b.err = true, err
		close(b.done)
	}
}

// overfull is how many times [Options].QueueBytes may wait while the store takes no events: that of what was done before it was known. Nothing new begins then (see [Trail.Ready]).
const overfull = 4

// ticket is what the caller waits with for an event that was taken on.
type ticket struct {
	batch   *batch
	place   int           // in the batch
	trouble chan struct{} // closed when the store fails
}

// enqueue puts an event behind those that wait. It blocks while there is no room, whether the caller still wants to wait or not, but not for a store that fails: what was done is recorded.
func (t *Trail) enqueue(e *Event, patients []string) (ticket, error) {
	at := t.opts.Clock().UnixMilli()
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.pending.data) >= t.opts.QueueBytes && !t.isClosed {
		if t.failing.Load() {
			if !e.Durable || len(t.pending.data) >= overfull*t.opts.QueueBytes {
				return ticket{}, ErrUnavailable
			}
			break
		}
		room, trouble := t.room, t.trouble
		t.mu.Unlock()
		t.poke()
		select {
		case <-room:
		case <-trouble:
		}
		t.mu.Lock()
	}
	if t.isClosed {
		return ticket{}, ErrClosed
	}
	t.last = max(t.last, at)
	b, place := t.pending, len(t.pending.entries)
	b.add(e, patients, t.last)
	switch {
	case e.Durable || t.opts.AllDurable || len(b.entries) >= blockEvents:
		t.poke()
	case place == 0:
		t.timer.Reset(t.opts.Delay)
	}
	return ticket{b, place, t.trouble}, nil
}

// take hands out what waits. The caller has t.mu.
func (t *Trail) take() *batch {
	b := t.pending
	t.pending, t.spare = t.spare, nil
	if t.pending == nil {
		t.pending = newBatch()
	}
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
