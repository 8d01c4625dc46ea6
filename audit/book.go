package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/firth-health/firth/store"
)

// Kinds of records in [store.State].
const (
	kindChains      = "audit.chains"       // id: name of the chain; what came before it
	kindEvents      = "audit/"             // + chain; id: number of the last event of the block
	kindCheckpoints = "audit.checkpoints/" // + chain; id: number of the event
	kindTombstones  = "audit.tombstones/"  // + chain; id: number of the last event that was removed
)

// book reads the chains of a store. It is safe for concurrent use.
type book struct {
	state    store.State
	shared   bool // other servers may write to the store
	unpacker *unpacker
}

func openBook(s store.Store) (*book, error) {
	state, ok := store.Unwrap(s).(store.State)
	if !ok {
		return nil, errors.New("audit: this kind of store keeps no records, so that it cannot have an audit trail")
	}
	shared, ok := store.Unwrap(s).(store.Shared)
	u, err := newUnpacker()
	return &book{state: state, shared: ok && shared.Shared(), unpacker: u}, err
}

// recordID is the id of what is kept under the number of an event. Ids sort as numbers do.
func recordID(number uint64) string { return fmt.Sprintf("%016d", number) }

func parseRecordID(id string) (uint64, error) { return strconv.ParseUint(id, 10, 64) }

// Head is a place in a chain.
type Head struct {
	Chain  string `json:"chain"`
	Number uint64 `json:"number"` // of the newest event
	Hash   string `json:"hash"`   // in hexadecimal digits
}

// chainRecord says how a chain began. The first event of the chain has its digest, so that it, and that there were the chains it names, cannot be denied.
type chainRecord struct {
	Chain   string    `json:"chain"`
	Started time.Time `json:"started"`
	Server  string    `json:"server,omitempty"`
	Follows []Head    `json:"follows,omitempty"` // how far the other chains were
}

// all lists the records of a kind behind an id, page by page.
func (b *book) all(ctx context.Context, kind, after string, visit func(*store.Record) error) error {
	const page = 64 // blocks take up to some ten kilobytes
	for {
		records, err := b.state.ListState(ctx, kind, after, page)
		if err != nil {
			return err
		}
		for i := range records {
			if err := visit(&records[i]); err != nil {
				return err
			}
			after = records[i].ID
		}
		if len(records) < page {
			return nil
		}
	}
}

// chains lists the chains by name.
func (b *book) chains(ctx context.Context) (list []chainRecord, err error) {
	err = b.all(ctx, kindChains, "", func(r *store.Record) error {
		var c chainRecord
		if err := json.Unmarshal(r.Value, &c); err != nil || c.Chain != r.ID {
			return fmt.Errorf("the record of chain %s cannot be read", r.ID)
		}
		list = append(list, c)
		return nil
	})
	return list, err
}

// blockFrom is the first block of a chain that has an event with the number or a greater one; nil when there is none.
func (b *book) blockFrom(ctx context.Context, chain string, number uint64) (*store.Record, error) {
	after := ""
	if number > 0 {
		after = recordID(number - 1)
	}
	found, err := b.state.ListState(ctx, kindEvents+chain, after, 1)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// lastID is the greatest id of a kind, as a number; 0 when there is none. Lists go forward only, so it is searched for.
func (b *book) lastID(ctx context.Context, kind string) (uint64, error) {
	from := func(number uint64) (uint64, error) { // the first id that is not smaller
		found, err := b.state.ListState(ctx, kind, recordID(number-1), 1)
		if err != nil || len(found) == 0 {
			return 0, err
		}
		return parseRecordID(found[0].ID)
	}
	low, err := from(1)
	if err != nil || low == 0 {
		return 0, err
	}
	step := uint64(1)
	for { // low is there; look further and further
		next, err := from(low + step)
		if err != nil {
			return 0, err
		}
		if next == 0 {
			break
		}
		low, step = next, step*2
	}
	for high := low + step; low+1 < high; { // nothing is at high or behind it
		middle := low + (high-low)/2
		next, err := from(middle)
		switch {
		case err != nil:
			return 0, err
		case next == 0:
			high = middle
		default:
			low = next
		}
	}
	return low, nil
}

// lastBlock is the header of the newest block; nil when the chain has none.
func (b *book) lastBlock(ctx context.Context, chain string) (*header, error) {
	number, err := b.lastID(ctx, kindEvents+chain)
	if err != nil || number == 0 {
		return nil, err
	}
	found, err := b.state.GetState(ctx, kindEvents+chain, recordID(number))
	if err != nil {
		return nil, err
	}
	return parseHeader(found.Value)
}
