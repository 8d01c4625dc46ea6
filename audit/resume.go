package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/store"
)

// onlyChain is the chain of a store that one server at a time has open.
const onlyChain = "1"

// resume finds where the chain goes on, or begins one. On a store that several servers may have open each start begins a chain: a write of the process before, which was killed, may yet
// arrive. The event it returns is the first to be recorded.
func (t *Trail) resume(ctx context.Context) (*Event, error) {
	t.chain = onlyChain
	if t.shared {
		t.chain = strings.ToLower(rand.Text()[:12])
	}
	b, err := newBuilder()
	if err != nil {
		return nil, err
	}
	t.maker.builder, t.due = b, t.opts.Clock().Add(t.opts.CheckpointEvery)
	known, err := t.chains(ctx)
	if err != nil {
		return nil, err
	}
	start := &Event{Interaction: Start, Detail: "firth " + t.opts.Version, Durable: true}
	if !slices.ContainsFunc(known, func(c chainRecord) bool { return c.Chain == t.chain }) {
		digest, err := t.found(ctx, known)
		start.Detail += "; " + recordDetail + digest
		return start, err
	}
	last, err := t.lastBlock(ctx, t.chain)
	if err != nil {
		return nil, err
	}
	checkpoint, err := t.lastCheckpoint(ctx, t.chain)
	if err != nil {
		return nil, err
	}
	if last == nil { // killed before the first event, or emptied
		digest, err := t.digest(ctx)
		start.Detail += "; " + recordDetail + digest
		return start, errors.Join(err, t.complainOf(checkpoint, 0))
	}
	t.maker.number, t.maker.hash, t.last = last.last(), last.end, last.to
	t.durable, t.durableHash = last.last(), last.end
	return start, t.complainOf(checkpoint, last.last())
}

// complainOf tells of a chain that is shorter than its checkpoint says. The server goes on: the checkpoint stays, and verify names it.
func (t *Trail) complainOf(c *Checkpoint, last uint64) error {
	if c != nil && c.Number > last {
		t.opts.Logger.Error("the audit trail is shorter than its last checkpoint: events were removed; run firth audit verify", "chain", t.chain, "last", last, "checkpoint", c.Number)
	}
	if c != nil {
		t.checked = c.Number
	}
	return nil
}

// found makes the record of a new chain and returns its digest.
func (t *Trail) found(ctx context.Context, known []chainRecord) (digest string, err error) {
	record := chainRecord{Chain: t.chain, Started: t.opts.Clock().UTC(), Server: t.opts.Name}
	for _, c := range known {
		head := Head{Chain: c.Chain}
		last, err := t.lastBlock(ctx, c.Chain)
		if err != nil {
			return "", err
		}
		if last != nil {
			head.Number, head.Hash = last.last(), hex.EncodeToString(last.end[:])
		}
		record.Follows = append(record.Follows, head)
	}
	value, err := json.Marshal(record)
	if err != nil {
		return "", err
	}
	if _, err := t.state.PutState(ctx, kindChains, t.chain, value, 0); err != nil {
		return "", fmt.Errorf("begin the audit trail: %w", err)
	}
	return digestOf(value), nil
}

// digest is that of the record of the chain.
func (b *book) chainDigest(ctx context.Context, chain string) (string, error) {
	found, err := b.state.GetState(ctx, kindChains, chain)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return digestOf(found.Value), nil
}

func (t *Trail) digest(ctx context.Context) (string, error) { return t.chainDigest(ctx, t.chain) }

func digestOf(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])
}
