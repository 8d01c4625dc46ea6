package audit

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/firth-health/firth/store"
)

// block verifies the events of one block.
func (v *verifier) block(r *store.Record) {
	next := v.number + 1
	h, err := parseHeader(r.Value)
	if err != nil {
		v.found(next, 0, Altered, "the block %s cannot be read", r.ID)
		return
	}
	switch {
	case r.ID != recordID(h.last()):
		v.found(next, 0, Altered, "the block %s says that it has events %d to %d", r.ID, h.first, h.last())
	case h.first > next:
		v.found(next, h.first-1, Removed, "event %d is followed by event %d", v.number, h.first)
	case h.first < next:
		v.found(h.first, h.last(), Inserted, "the block of events %d to %d is there twice, or not in its place", h.first, h.last())
	}
	if v.report.Finding != nil {
		return
	}
	events, err := v.b.unpacker.events(h)
	if h.before != v.hash {
		v.breach(h, events)
		return
	}
	var told telling
	for i, canonical := range events {
		number := h.first + uint64(i)
		sum, buffer := link(v.hash, number, canonical, v.buffer)
		v.buffer = buffer
		if want := h.link(i); !bytes.Equal(sum[:linkSize], want) {
			v.mismatch(h, events, i)
			return
		}
		event, broken := decodeRecord(canonical)
		if broken != nil {
			v.found(number, 0, Inserted, "the event cannot be read")
			return
		}
		told.add(event)
		v.number, v.hash = number, sum
		if !v.pass() {
			return
		}
	}
	switch {
	case err != nil:
		v.found(min(v.number+1, h.last()), h.last(), Altered, "the content of the block cannot be read from here on")
	case v.hash != h.end:
		v.found(h.last(), 0, Altered, "the hash of the block is not that of its last event")
	case !told.by(h):
		v.found(h.first, h.last(), Altered, "what the block tells searches of its events is not so; the events themselves are as they were")
	}
}

// breach names a block that does not rest on the one before. When its own hashes hold from what it says was before, something before was changed and hashed anew.
func (v *verifier) breach(h *header, events [][]byte) {
	sum := h.before
	for i, canonical := range events {
		sum, v.buffer = link(sum, h.first+uint64(i), canonical, v.buffer)
	}
	switch {
	case len(events) != h.count || sum != h.end || v.number == 0:
	case v.number == v.proven:
		v.found(h.first, 0, Inserted, "the event does not rest on event %d, which a checkpoint has", v.number)
		return
	default:
		v.found(v.number, h.first, Altered, "event %d does not rest on event %d: one of the two, or those next to them, was changed and hashed anew", h.first, v.number)
		return
	}
	v.found(h.first, 0, Altered, "the event does not rest on the one before")
}

// link is the beginning of the hash that the block has for an event.
func (h *header) link(i int) []byte { return h.links[i*linkSize : (i+1)*linkSize] }

// mismatch names an event whose hash is another: one of those behind it may have its place.
func (v *verifier) mismatch(h *header, events [][]byte, i int) {
	number := h.first + uint64(i)
	for j := i + 1; j < len(events); j++ {
		sum, _ := link(v.hash, number, events[j], nil)
		if !bytes.Equal(sum[:linkSize], h.link(i)) {
			continue
		}
		if j == i+1 {
			after, _ := link(sum, number+1, events[i], nil)
			if !bytes.Equal(after[:linkSize], h.link(i+1)) {
				v.found(number, 0, Inserted, "the event stands before the one that was recorded here")
				return
			}
		}
		v.found(number, h.first+uint64(j), Swapped, "event %d stands in the place of event %d", number, h.first+uint64(j))
		return
	}
	v.found(number, 0, Altered, "the event is not the one that was recorded here: it was changed, replaced or removed")
}

// pass holds the chain against the points that are reached; false after a finding.
func (v *verifier) pass() bool {
	for len(v.points) > 0 && v.points[0].Number == v.number {
		if v.points[0].Hash != hex.EncodeToString(v.hash[:]) {
			v.found(v.number, 0, Altered, "the chain up to here is not the one that %s knows: an event since the last checkpoint that agrees was changed, and all behind it hashed anew", v.points[0].source)
			return false
		}
		v.points = v.points[1:]
		v.report.Checkpoints++
		v.proven = v.number
	}
	return true
}

// namesDigest reports whether the first event of a chain names the digest of its record.
func namesDigest(detail, digest string) bool {
	_, named, found := strings.Cut(detail, recordDetail)
	return found && named == digest
}

// recordDetail introduces that digest.
const recordDetail = "chain begins, record "

// telling is what the header of a block must say of its events.
type telling struct {
	from, to int64
	count    int
	names    []uint64
}

func (t *telling) add(r *record) {
	at := r.at.UnixMilli()
	if t.count == 0 {
		t.from = at
	}
	t.to = at
	t.count++
	t.names = appendNames(t.names, &r.Event, r.Patients)
}

func (t *telling) by(h *header) bool {
	return h.from == t.from && h.to == t.to && bytes.Equal(h.filter, newFilter(t.names))
}
