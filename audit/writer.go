package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firth-health/firth/store"
)

// writer is the one goroutine that extends the chain: one block at a time, so that a crash leaves a beginning of it.
type writer struct {
	builder *builder
	spare   *batch
	number  uint64 // of the last event that was put into a block
	hash    hash
	checked uint64 // number of the last checkpoint
	due     time.Time
	err     error // why events could not be written in the end
}

func newWriter(t *Trail) (*writer, error) {
	b, err := newBuilder()
	return &writer{builder: b, spare: newBatch(), due: t.opts.Clock().Add(t.opts.CheckpointEvery)}, err
}

// How long a store has for a block, and how the trail comes back to one that fails.
const (
	putTime  = 20 * time.Second
	retryMin = 50 * time.Millisecond
	retryMax = 2 * time.Second
)

// write runs until the trail is closed and all is written.
func (t *Trail) write() {
	tick := time.NewTicker(t.opts.CheckpointEvery)
	defer tick.Stop()
	defer t.refuse()
	for {
		select {
		case <-t.wake:
		case <-tick.C:
		}
		t.mu.Lock()
		isLast := t.isClosed
		t.mu.Unlock()
		b := t.take(t.writer.spare)
		if err := t.append(b); err != nil {
			t.writer.err = err
			return
		}
		t.writer.spare = b.refill()
		if err := t.checkpointIfDue(t.wanted.Swap(false) || isLast); err != nil {
			t.opts.Logger.Error("checkpoint of the audit trail not written", "chain", t.chain, "error", err)
			if isLast {
				t.writer.err = err
			}
		}
		if isLast {
			return
		}
	}
}

// refuse ends the wait of those who come too late.
func (t *Trail) refuse() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.isClosed = true
	t.pending.err = ErrClosed
	close(t.pending.done)
	close(t.room)
}

// append writes a batch as blocks. When the store fails, those who wait are told at once, and the batch is tried again until it is written or the trail is closed.
func (t *Trail) append(b *batch) error {
	w := &t.writer
	b.first = w.number + 1
	isTold := false
	defer func() {
		if !isTold {
			close(b.done)
		}
	}()
	start, names := 0, 0
	w.builder.begin(w.number, w.hash)
	for i, e := range b.entries {
		w.builder.add(e.at, b.data[start:e.end], b.names[names:e.namesUntil])
		start, names = e.end, e.namesUntil
		if i < len(b.entries)-1 && !w.builder.isFull() {
			continue
		}
		err := t.put(func(err error) {
			if !isTold {
				isTold, b.err = true, fmt.Errorf("%w: %w", ErrUnavailable, err)
				close(b.done)
			}
		})
		if err != nil {
			return fmt.Errorf("%d events of the audit trail could not be written: %w", len(b.entries), err)
		}
		w.number, w.hash = w.builder.last(), w.builder.end
		w.builder.begin(w.number, w.hash)
	}
	return nil
}

// put writes the block at hand until that succeeds; failed is called each time it does not.
func (t *Trail) put(failed func(error)) error {
	value, number := t.writer.builder.encode(), t.writer.builder.last()
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		err := t.putOnce(recordID(number), value)
		if err == nil {
			if t.failing.Swap(false) {
				t.opts.Logger.Info("the audit trail is written again", "chain", t.chain)
			}
			return nil
		}
		if !t.failing.Swap(true) {
			t.opts.Logger.Error("the audit trail cannot be written", "chain", t.chain, "error", err)
		}
		failed(err)
		if t.closing.Err() != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-t.closing.Done(): // once more
		}
	}
}

// putOnce writes a block. One that is there already is this one when an earlier try succeeded without an answer.
func (t *Trail) putOnce(id string, value []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), putTime)
	defer cancel()
	kind := kindEvents + t.chain
	_, err := t.state.PutState(ctx, kind, id, value, 0)
	if err == nil || !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnknown) {
		return err
	}
	found, lookErr := t.state.GetState(ctx, kind, id)
	if lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if !bytes.Equal(found.Value, value) {
		return fmt.Errorf("chain %s has another block %s, which this server did not write: %w", t.chain, id, err)
	}
	return nil
}
