package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/firth-health/firth/store"
)

// Tombstone stands for events that were removed by policy. The chain goes on behind it, from its hash, so that the rest stays proven and the gap is one that somebody answers for.
type Tombstone struct {
	Chain     string    `json:"chain"`
	From      uint64    `json:"from"` // the first event that was removed
	To        uint64    `json:"to"`   // the last
	Count     uint64    `json:"count"`
	Hash      string    `json:"hash"`   // behind the last
	Before    time.Time `json:"before"` // the policy: events recorded before then
	Time      time.Time `json:"time"`   // of the removal
	Key       string    `json:"key,omitempty"`
	Signature []byte    `json:"signature,omitempty"` // Ed25519 over "firth audit tombstone" and the fields above Key, each on a line
}

func (t *Tombstone) signed() []byte {
	return fmt.Appendf(nil, "firth audit tombstone\n%s\n%d\n%d\n%d\n%s\n%s\n%s\n", t.Chain, t.From, t.To, t.Count, t.Hash,
		t.Before.UTC().Format(time.RFC3339Nano), t.Time.UTC().Format(time.RFC3339Nano))
}

// Retain removes the events that were recorded before an instant, whole blocks of them, from all chains; the newest block of a chain stays. What is removed is an event itself. It returns how many
// events went. A call that was interrupted is completed by the next one.
func (t *Trail) Retain(ctx context.Context, before time.Time) (removed uint64, err error) {
	chains, err := t.chains(ctx)
	if err != nil {
		return 0, err
	}
	for _, c := range chains {
		n, err := t.retainIn(ctx, c.Chain, before)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("retention in chain %s: %w", c.Chain, err)
		}
	}
	return removed, nil
}

func (t *Trail) retainIn(ctx context.Context, chain string, before time.Time) (removed uint64, err error) {
	buried, err := t.lastID(ctx, kindTombstones+chain)
	if err != nil {
		return 0, err
	}
	tomb, err := t.expired(ctx, chain, buried, before)
	if err != nil {
		return 0, err
	}
	if tomb != nil {
		if err := t.bury(ctx, tomb); err != nil {
			return 0, err
		}
		buried, removed = tomb.To, tomb.Count
	}
	return removed, t.clear(ctx, chain, buried)
}

// errStop ends a list.
var errStop = errors.New("stop")

// expired makes the tombstone of the blocks that are older than the policy; nil when there are none.
func (t *Trail) expired(ctx context.Context, chain string, buried uint64, before time.Time) (*Tombstone, error) {
	tomb := &Tombstone{Chain: chain, From: buried + 1, Before: before.UTC().Truncate(time.Millisecond), Time: t.opts.Clock().UTC().Truncate(time.Millisecond)}
	var previous *header // is not the newest once another follows
	err := t.all(ctx, kindEvents+chain, recordID(buried), func(r *store.Record) error {
		if previous != nil {
			tomb.To, tomb.Hash = previous.last(), hex.EncodeToString(previous.end[:])
		}
		h, err := parseHeader(r.Value)
		if err != nil {
			return err
		}
		if !h.lastAt().Before(before) {
			return errStop
		}
		previous = h
		return nil
	})
	if err != nil && !errors.Is(err, errStop) || tomb.To == 0 {
		return nil, ignore(err, errStop)
	}
	tomb.Count = tomb.To - tomb.From + 1
	return tomb, nil
}

// ignore is err unless it is one that is none.
func ignore(err, none error) error {
	if errors.Is(err, none) {
		return nil
	}
	return err
}

// bury keeps the tombstone, and tells of it.
func (t *Trail) bury(ctx context.Context, tomb *Tombstone) error {
	if key := t.opts.Key; key != nil {
		tomb.Key = keyName(publicOf(key))
		tomb.Signature = ed25519.Sign(key, tomb.signed())
	}
	value, err := json.Marshal(tomb)
	if err != nil {
		return err
	}
	event := &Event{Interaction: Retention, Durable: true,
		Detail: fmt.Sprintf("chain %s, events %d to %d, recorded before %s; record %s", tomb.Chain, tomb.From, tomb.To, tomb.Before.Format(time.RFC3339), digestOf(value))}
	if err := t.Record(ctx, event); err != nil {
		return err
	}
	_, err = t.state.PutState(ctx, kindTombstones+tomb.Chain, recordID(tomb.To), value, 0)
	return err
}

// clear deletes blocks and checkpoints up to an event.
func (t *Trail) clear(ctx context.Context, chain string, until uint64) error {
	for _, kind := range []string{kindEvents + chain, kindCheckpoints + chain} {
		err := t.all(ctx, kind, "", func(r *store.Record) error {
			if r.ID > recordID(until) {
				return errStop
			}
			return ignore(t.state.DeleteState(ctx, kind, r.ID, r.Revision), store.ErrNotFound)
		})
		if err := ignore(err, errStop); err != nil {
			return err
		}
	}
	return nil
}

// keep removes old events from time to time, until ctx ends.
func (t *Trail) keep(ctx context.Context, age time.Duration) {
	const every = time.Hour
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		n, err := t.Retain(ctx, t.opts.Clock().Add(-age))
		switch {
		case err != nil && ctx.Err() == nil:
			t.opts.Logger.Error("old audit events were not removed", "error", err)
		case n > 0:
			t.opts.Logger.Info("old audit events were removed", "events", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
