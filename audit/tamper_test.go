package audit

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/store"
)

// forger changes a chain as somebody could who has the store but not the key.
type forger struct {
	t testing.TB
	b *book
}

// blocks returns the blocks of the chain.
func (f *forger) blocks() []store.Record {
	f.t.Helper()
	var list []store.Record
	if err := f.b.all(f.t.Context(), kindEvents+onlyChain, "", func(r *store.Record) error { list = append(list, *r); return nil }); err != nil {
		f.t.Fatal(err)
	}
	return list
}

// open unpacks a block.
func (f *forger) open(r store.Record) (*header, [][]byte) {
	f.t.Helper()
	h, err := parseHeader(r.Value)
	if err != nil {
		f.t.Fatal(err)
	}
	events, err := f.b.unpacker.events(h)
	if err != nil {
		f.t.Fatal(err)
	}
	return h, events
}

// holding is the block that has an event.
func (f *forger) holding(number uint64) (store.Record, *header, [][]byte) {
	f.t.Helper()
	r, err := f.b.blockFrom(f.t.Context(), onlyChain, number)
	if err != nil || r == nil {
		f.t.Fatal(r, err)
	}
	h, events := f.open(*r)
	return *r, h, events
}

func (f *forger) replace(r store.Record, value []byte) {
	f.t.Helper()
	if _, err := f.b.state.PutState(f.t.Context(), r.Kind, r.ID, value, r.Revision); err != nil {
		f.t.Fatal(err)
	}
}

func (f *forger) remove(r store.Record) {
	f.t.Helper()
	if err := f.b.state.DeleteState(f.t.Context(), r.Kind, r.ID, r.Revision); err != nil {
		f.t.Fatal(err)
	}
}

// pack makes a block of events. With links nil they are hashed anew.
func (f *forger) pack(h *header, events [][]byte, links []byte) []byte {
	f.t.Helper()
	b, err := newBuilder()
	if err != nil {
		f.t.Fatal(err)
	}
	b.begin(h.first-1, h.before)
	for _, e := range events {
		r, err := decodeRecord(e)
		if err != nil {
			f.t.Fatal(err)
		}
		b.add(r.at.UnixMilli(), e, appendNames(nil, &r.Event, r.Patients))
	}
	if links != nil {
		b.links, b.end = links, h.end
	}
	return b.encode()
}

// forged is an event as its maker would like it.
func forged() []byte {
	e := readOf(1)
	e.Claims.Subject = "somebody else"
	return appendRecord(nil, e, nil, time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).UnixMilli())
}

// tampering is a way to change a chain, and what verification is to say of it.
type tampering struct {
	name    string
	tamper  func(f *forger)
	problem string
	first   uint64 // event
}

// Event 1 is the start of the server; the block of 50 events behind it ends at 51, and so on. Behind the checkpoint of event 251 there may be more blocks: the writer, which comes round once more
// after it, takes what waits at that moment.

// alterations change what events say.
func alterations() []tampering {
	return []tampering{
		{"an event is changed", func(f *forger) {
			r, h, events := f.holding(120)
			events[120-h.first] = []byte(strings.Replace(string(events[120-h.first]), "Practitioner/dr", "Practitioner/xx", 1))
			f.replace(r, f.pack(h, events, h.links))
		}, Altered, 120},
		{"an event is changed and its block hashed anew", func(f *forger) {
			r, h, events := f.holding(120)
			events[120-h.first] = forged()
			f.replace(r, f.pack(h, events, nil))
		}, Altered, 151},
		{"an event is changed and all behind it hashed anew", (*forger).rehashAll, Altered, 251},
		{"two events next to each other change places", func(f *forger) { f.exchange(120, 121) }, Swapped, 120},
		{"two events change places", func(f *forger) { f.exchange(120, 125) }, Swapped, 120},
		{"an event is put in", func(f *forger) {
			r, h, events := f.holding(120)
			i := 120 - h.first
			events = append(events[:i:i], append([][]byte{forged()}, events[i:]...)...)
			f.replace(r, f.pack(h, events[:h.count], h.links))
		}, Inserted, 120},
		{"a checkpoint is changed", func(f *forger) {
			list, err := f.b.state.ListState(f.t.Context(), kindCheckpoints+onlyChain, "", 10)
			if err != nil || len(list) < 2 {
				f.t.Fatal(list, err)
			}
			f.replace(list[0], []byte(strings.Replace(string(list[0].Value), `"hash":"`, `"hash":"0`, 1)))
		}, Unproven, 0},
	}
}

// rehashAll changes an event of the fourth block and makes all that follow rest on it.
func (f *forger) rehashAll() {
	f.t.Helper()
	before := hash{}
	for i, r := range f.blocks() {
		h, events := f.open(r)
		if i == 3 {
			events[18] = forged()
		}
		if i > 3 {
			h.before = before
		}
		value := f.pack(h, events, nil)
		r.Value = value
		changed, _ := f.open(r)
		before = changed.end
		f.replace(r, value)
	}
}

// exchange has two events of a block change places.
func (f *forger) exchange(one, other uint64) {
	f.t.Helper()
	r, h, events := f.holding(one)
	events[one-h.first], events[other-h.first] = events[other-h.first], events[one-h.first]
	f.replace(r, f.pack(h, events, h.links))
}

// removals take events and blocks away, and move or add them.
func removals() []tampering {
	return []tampering{
		{"an event is removed from its block", func(f *forger) {
			r, h, events := f.holding(120)
			at := int(120 - h.first)
			events = append(events[:at:at], events[at+1:]...)
			links := append(h.links[:at*linkSize:at*linkSize], h.links[(at+1)*linkSize:]...)
			f.remove(r)
			value := f.pack(h, events, links)
			r.Revision, r.ID = 0, recordID(h.last()-1)
			f.replace(r, value)
		}, Altered, 120},
		{"the last event of a block is removed, and the block hashed anew", func(f *forger) {
			r, h, events := f.holding(151)
			f.remove(r)
			r.Revision, r.ID = 0, recordID(150)
			f.replace(r, f.pack(h, events[:len(events)-1], nil))
		}, Removed, 151},
		{"a block is removed", func(f *forger) {
			r, _, _ := f.holding(120)
			f.remove(r)
		}, Removed, 102},
		{"two blocks change places", func(f *forger) {
			a, _, _ := f.holding(120)
			b, _, _ := f.holding(170)
			f.replace(a, b.Value)
			f.replace(b, a.Value)
		}, Altered, 102},
		{"a forged event is appended", func(f *forger) {
			r, h, _ := f.holding(502)
			h.first, h.before, h.count = h.last()+1, hash{1}, 1
			f.replace(store.Record{Kind: r.Kind, ID: recordID(h.first)}, f.pack(h, [][]byte{forged()}, nil))
		}, Inserted, 503},
		{"the newest block is removed", func(f *forger) {
			r, _, _ := f.holding(502)
			f.remove(r)
		}, Truncated, 502},
		{"the tail is cut off", func(f *forger) { f.cut(351) }, Truncated, 352},
		{"everything is removed", func(f *forger) { f.cut(0) }, Truncated, 1},
	}
}

// cut removes all blocks behind that which ends with an event.
func (f *forger) cut(number uint64) {
	f.t.Helper()
	for _, r := range f.blocks() {
		if r.ID > recordID(number) {
			f.remove(r)
		}
	}
}

// TestTampering changes a chain of ten blocks of 50 events, with checkpoints at its half and its end, in every way, and expects the first event that is concerned to be named.
func TestTampering(t *testing.T) {
	for _, c := range slices.Concat([]tampering{{name: "nothing", tamper: func(*forger) {}}}, alterations(), removals()) {
		t.Run(c.name, func(t *testing.T) {
			s := chainOfBlocks(t)
			b, err := openBook(s)
			if err != nil {
				t.Fatal(err)
			}
			c.tamper(&forger{t, b})
			got := verified(t, s, VerifyOptions{})
			if c.problem == "" {
				if got.Finding != nil || got.Events != 502 || got.Checkpoints != 2 {
					t.Errorf("%+v, %v", got, got.Finding)
				}
				return
			}
			if got.Finding == nil || got.Finding.Problem != c.problem || got.Finding.First != c.first {
				t.Errorf("found %v, want %s at %d", got.Finding, c.problem, c.first)
			}
		})
	}
}

// chainOfBlocks makes a chain of the start, ten blocks of 50 events, and the stop: 502 events.
func chainOfBlocks(t testing.TB) store.Store {
	t.Helper()
	s := memoryStore(t)
	trail := openTrail(t, Options{Store: s, CheckpointEvents: 251, Delay: time.Hour, Clock: newTicking().now})
	for i := range 10 {
		for j := range 50 {
			must(t, trail, readOf(50*i+j))
		}
		if err := trail.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	closeTrail(t, trail)
	return s
}

// TestEveryBit flips bits all over the blocks of a chain, one at a time: each is found, in the block it is in or at its end.
func TestEveryBit(t *testing.T) {
	s := chainOfBlocks(t)
	b, err := openBook(s)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{t, b}
	step := 1
	if testing.Short() {
		step = 37
	}
	block, h, events := f.holding(120)
	missed := 0
	for bit := 0; bit < len(block.Value)*8; bit += step {
		value := []byte(string(block.Value))
		value[bit/8] ^= 1 << (bit % 8)
		v := verifier{b: b, chain: onlyChain, number: h.first - 1, hash: h.before}
		v.block(&store.Record{Kind: block.Kind, ID: block.ID, Value: value})
		got := v.report.Finding
		if got == nil {
			if !isUnused(b, value, h, events) {
				missed++
				t.Errorf("bit %d of %d is not found", bit, len(block.Value)*8)
			}
			continue
		}
		if got.First < h.first || got.First > h.last() {
			t.Errorf("bit %d: %v, but the block has %d to %d", bit, got, h.first, h.last())
		}
		if missed > 5 {
			return
		}
	}
}

// isUnused reports whether a changed block says the same: its compression has bits that mean nothing.
func isUnused(b *book, value []byte, was *header, events [][]byte) bool {
	h, err := parseHeader(value)
	if err != nil {
		return false
	}
	now, err := b.unpacker.events(h)
	h.payload = was.payload
	return err == nil && cmp.Diff(events, now) == "" && reflect.DeepEqual(h, was)
}
