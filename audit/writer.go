package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firth-health/firth/store"
)

// maker makes blocks of events, one behind the other. One goroutine has it: the writer of the trail, or the one that commits in a store with a journal.
type maker struct {
	builder *builder
	number  uint64 // of the last event that was put into a block
	hash    hash
}

// blocks appends the blocks that a batch fills, and gives its events their numbers.
func (m *maker) blocks(dst []store.Record, chain string, b *batch) []store.Record {
	b.first = m.number + 1
	start, names := 0, 0
	m.builder.begin(m.number, m.hash)
	for i, e := range b.entries {
		m.builder.add(e.at, b.data[start:e.end], b.names[names:e.namesUntil])
		start, names = e.end, e.namesUntil
		if i < len(b.entries)-1 && !m.builder.isFull() {
			continue
		}
		m.number, m.hash = m.builder.last(), m.builder.end
		dst = append(dst, store.Record{Kind: kindEvents + chain, ID: recordID(m.number), Value: m.builder.encode()})
		m.builder.begin(m.number, m.hash)
	}
	return dst
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
		if err := t.writeOut(); err != nil {
			t.err = fmt.Errorf("events of the audit trail could not be written: %w", err)
			return
		}
		if err := t.checkpointIfDue(t.wanted.Swap(false) || isLast); err != nil {
			t.opts.Logger.Error("checkpoint of the audit trail not written", "chain", t.chain, "error", err)
			if isLast {
				t.err = err
			}
		}
		t.endTurn()
		if isLast {
			return
		}
	}
}

// endTurn tells those who wait for the writer to have come round.
func (t *Trail) endTurn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.turn)
	t.turn = make(chan struct{})
}

// writeOut makes everything durable that waits.
func (t *Trail) writeOut() error {
	if t.journal != nil {
		return t.insist(t.putTogether, func(error) {})
	}
	t.mu.Lock()
	b := t.take()
	t.mu.Unlock()
	defer b.tell(nil)
	for _, block := range t.maker.blocks(nil, t.chain, b) {
		if err := t.insist(func(ctx context.Context) error { return t.putOnce(ctx, &block) }, func(err error) { b.tell(unavailable(err)) }); err != nil {
			return err
		}
	}
	t.written(t.maker.number, t.maker.hash)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spare = b.refill()
	return nil
}

// written notes how far the chain is durable.
func (t *Trail) written(number uint64, end hash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.durable, t.durableHash = number, end
	t.recovered()
}

// refuse ends the wait of those who come too late.
func (t *Trail) refuse() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.isClosed, t.isOver = true, true
	t.pending.tell(ErrClosed)
	close(t.room)
	close(t.turn)
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

// insist does something until it succeeds or the trail is to give up; failed is called each time it does not.
func (t *Trail) insist(do func(context.Context) error, failed func(error)) error {
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		ctx, cancel := context.WithTimeout(context.Background(), putTime)
		err := do(ctx)
		cancel()
		if err == nil {
			return nil
		}
		t.failed(err)
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

// failed notes that the store does not take events now, and tells all who wait for it.
func (t *Trail) failed(err error) {
	t.mu.Lock()
	isNew := !t.failing.Swap(true)
	if isNew {
		close(t.trouble)
	}
	t.mu.Unlock()
	if isNew {
		t.opts.Logger.Error("the audit trail cannot be written", "chain", t.chain, "error", err)
	}
}

// recovered notes that it does. The caller has t.mu.
func (t *Trail) recovered() {
	if t.failing.Swap(false) {
		t.trouble = make(chan struct{})
		t.opts.Logger.Info("the audit trail is written again", "chain", t.chain)
	}
}

// putOnce writes a block. One that is there already is this one when an earlier try succeeded without an answer.
func (t *Trail) putOnce(ctx context.Context, block *store.Record) error {
	_, err := t.state.PutState(ctx, block.Kind, block.ID, block.Value, 0)
	if err == nil || !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnknown) {
		return err
	}
	found, lookErr := t.state.GetState(ctx, block.Kind, block.ID)
	if lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if !bytes.Equal(found.Value, block.Value) {
		return fmt.Errorf("chain %s has another block %s, which this server did not write: %w", t.chain, block.ID, err)
	}
	return nil
}
