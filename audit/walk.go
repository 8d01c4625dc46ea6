package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/firth-health/firth/store"
)

// walker goes through a chain from newer events to older ones. Lists of a store go forward only, so it reads windows of blocks and goes through each backwards.
type walker struct {
	b     *book
	chain string
	wants func(*header) bool // whether a block may have something; others are passed over

	next    uint64 // events up to this number are still to come; 0 at the end
	window  []store.Record
	span    uint64 // of numbers that the next window covers
	current *header
	events  [][]byte
	read    int // blocks read so far
}

// Windows cover as many events as give some blocks of them.
const (
	minSpan    = blockEvents
	maxSpan    = 64 * blockEvents
	fewBlocks  = 16
	manyBlocks = 128
)

// walk begins at an event; 0 is the end.
func (b *book) walk(chain string, from uint64, wants func(*header) bool) *walker {
	return &walker{b: b, chain: chain, wants: wants, next: from, span: minSpan}
}

// older returns the next record; nil at the end.
func (w *walker) older(ctx context.Context) (*record, error) {
	for w.next > 0 {
		if w.current == nil || w.next < w.current.first {
			if err := w.load(ctx); err != nil || w.current == nil {
				return nil, err
			}
			continue
		}
		number := w.next
		w.next--
		r, err := decodeRecord(w.events[number-w.current.first])
		if err != nil {
			return nil, fmt.Errorf("event %d of chain %s: %w", number, w.chain, err)
		}
		r.number = number
		return r, nil
	}
	return nil, nil
}

// load opens the block that has the next event, or an older one that is wanted. At the end there is no current one.
func (w *walker) load(ctx context.Context) error {
	w.current, w.events = nil, nil
	for w.next > 0 {
		if len(w.window) == 0 {
			floor, err := w.fill(ctx)
			if err != nil {
				return err
			}
			if len(w.window) == 0 { // a gap that retention left
				w.next = floor
				continue
			}
		}
		last := len(w.window) - 1
		h, err := parseHeader(w.window[last].Value)
		w.window = w.window[:last]
		if err != nil {
			return fmt.Errorf("chain %s, block before event %d: %w", w.chain, w.next, err)
		}
		w.read++
		if !w.wants(h) {
			w.next = h.first - 1
			continue
		}
		w.next = min(w.next, h.last())
		w.current = h
		if w.events, err = w.b.unpacker.events(h); err != nil {
			return fmt.Errorf("chain %s, block of event %d: %w", w.chain, h.first, err)
		}
		return nil
	}
	return nil
}

// fill reads the blocks that hold the events behind the floor, up to the next one.
func (w *walker) fill(ctx context.Context) (floor uint64, err error) {
	floor = w.next - min(w.next, w.span)
	for len(w.window) == 0 || w.window[len(w.window)-1].ID < recordID(w.next) {
		const page = 64
		from := recordID(floor)
		if n := len(w.window); n > 0 {
			from = w.window[n-1].ID
		}
		records, err := w.b.state.ListState(ctx, kindEvents+w.chain, from, page)
		if err != nil {
			return 0, err
		}
		for i := range records {
			w.window = append(w.window, records[i])
			if records[i].ID >= recordID(w.next) {
				break
			}
		}
		if len(records) < page {
			break
		}
	}
	if n := len(w.window); n > 0 { // the last one may begin behind the next event
		h, err := parseHeader(w.window[n-1].Value)
		if err != nil {
			return 0, fmt.Errorf("chain %s, block of event %d: %w", w.chain, w.next, err)
		}
		if h.first > w.next {
			w.window = w.window[:n-1]
		}
	}
	switch n := len(w.window); {
	case n < fewBlocks:
		w.span = min(2*w.span, maxSpan)
	case n > manyBlocks:
		w.span = max(w.span/2, minSpan)
	}
	return floor, nil
}

// seek finds the newest event of a chain that may have been recorded at the instant or before; 0 when there is none.
func (b *book) seek(ctx context.Context, chain string, at time.Time) (uint64, error) {
	high, err := b.lastID(ctx, kindEvents+chain)
	if err != nil {
		return 0, err
	}
	low, millis := uint64(0), at.UnixMilli()
	for low < high {
		middle := low + (high-low+1)/2
		found, err := b.blockFrom(ctx, chain, middle)
		if err != nil {
			return 0, err
		}
		if found == nil {
			high = middle - 1
			continue
		}
		h, err := parseHeader(found.Value)
		switch {
		case err != nil:
			return 0, err
		case h.from > millis:
			high = min(middle, h.first) - 1
		default:
			low = max(middle, h.last())
		}
	}
	return low, nil
}

// get reads one record; nil when it is not there.
func (b *book) get(ctx context.Context, chain string, number uint64) (*record, error) {
	if number == 0 {
		return nil, nil
	}
	found, err := b.blockFrom(ctx, chain, number)
	if err != nil || found == nil {
		return nil, err
	}
	h, err := parseHeader(found.Value)
	if err != nil || number < h.first {
		return nil, err
	}
	events, err := b.unpacker.events(h)
	if err != nil {
		return nil, err
	}
	r, err := decodeRecord(events[number-h.first])
	if err == nil {
		r.number = number
	}
	return r, err
}
