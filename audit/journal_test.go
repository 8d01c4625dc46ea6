package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// patientOp writes Patient/<id>, and has the event of that for the trail of its store.
func patientOp(t testing.TB, id string) (store.Op, *Note) {
	t.Helper()
	res, err := fhir.ParseResource([]byte(`{"resourceType":"Patient"}`))
	if err != nil {
		t.Fatal(err)
	}
	stamped, err := res.Stamp(id)
	if err != nil {
		t.Fatal(err)
	}
	note := &Note{Tell: func(results []store.Result, record func(*Event)) {
		record(&Event{Interaction: "update", Key: results[0].Version.Key, Status: 200, Patients: []string{results[0].Version.Key.ID}})
	}}
	return store.Op{Method: store.Update, Key: fhir.Key{Type: "Patient", ID: id}, Resource: stamped, Note: note}, note
}

// recorded are the events of a chain, as "interaction key".
func recorded(t testing.TB, s store.Store) (list []string) {
	t.Helper()
	f := &forger{t: t}
	var err error
	if f.b, err = openBook(s); err != nil {
		t.Fatal(err)
	}
	for _, block := range f.blocks() {
		_, events := f.open(block)
		for _, event := range events {
			r, err := decodeRecord(event)
			if err != nil {
				t.Fatal(err)
			}
			text := r.Interaction
			if r.Key.ID != "" {
				text += " " + r.Key.String()
			}
			list = append(list, text)
		}
	}
	return list
}

// TestNotes has events of operations among others: they stand in the order of the commits, behind what waited.
func TestNotes(t *testing.T) {
	s := memoryStore(t)
	trail := openTrail(t, Options{Store: s, Delay: time.Hour})
	write := func(id string) {
		op, note := patientOp(t, id)
		if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil || !note.Kept() {
			t.Fatalf("%v, kept: %t", err, note.Kept())
		}
	}
	must(t, trail, readOf(1))
	write("a")
	must(t, trail, readOf(2))
	write("b")
	write("a")
	want := []string{"start", "read Observation/o1/_history/1", "update Patient/a/_history/1", "read Observation/o2/_history/1", "update Patient/b/_history/1", "update Patient/a/_history/2"}
	if diff := cmp.Diff(want, recorded(t, s)); diff != "" { // durable with the operations, without a Flush
		t.Errorf("-want +got\n%s", diff)
	}
	closeTrail(t, trail)
	intact(t, s)
	op, note := patientOp(t, "c")
	if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil || note.Kept() {
		t.Errorf("%v, kept without a trail: %t", err, note.Kept())
	}
	if _, err := trail.Enter(nil); !errors.Is(err, store.ErrBusy) || !errors.Is(err, ErrClosed) {
		t.Errorf("a commit after the end of the trail: %v", err)
	}
}

// TestNotesOfManyPatients splits an event that is about more patients than one record has.
func TestNotesOfManyPatients(t *testing.T) {
	s := memoryStore(t)
	trail := openTrail(t, Options{Store: s})
	op, note := patientOp(t, "a")
	note.Tell = func(_ []store.Result, record func(*Event)) {
		e := &Event{Interaction: "update"}
		for i := range 2*maxPatients + 1 {
			e.Patients = append(e.Patients, fmt.Sprint(i))
		}
		record(e)
	}
	if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"start", "update", "update", "update"}, recorded(t, s)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	closeTrail(t, trail)
}

// TestNotesUnderLoad lets clients write and read at once, and finds each write once, and its events in the order of its versions.
func TestNotesUnderLoad(t *testing.T) {
	const clients, each = 16, 60
	s := memoryStore(t)
	trail := openTrail(t, Options{Store: s, CheckpointEvents: 100})
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range each {
				op, _ := patientOp(t, fmt.Sprint("p", c%4))
				if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil {
					t.Error(err)
				}
				e := readOf(i)
				e.Durable = i%10 == 0
				if err := trail.Record(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	closeTrail(t, trail)
	if r := intact(t, s); r.Events != 2*clients*each+2 || r.Checkpoints < 2 {
		t.Errorf("%d events, %d checkpoints", r.Events, r.Checkpoints)
	}
	versions := map[string]int{}
	for _, text := range recorded(t, s) {
		for c := range 4 {
			id := fmt.Sprintf("update Patient/p%d/_history/", c)
			if number, found := cutVersion(text, id); found {
				if versions[id]++; versions[id] != number {
					t.Fatalf("%q is the event behind version %d", text, versions[id]-1)
				}
			}
		}
	}
	if diff := cmp.Diff([]int{240, 240, 240, 240}, []int{versions["update Patient/p0/_history/"], versions["update Patient/p1/_history/"], versions["update Patient/p2/_history/"], versions["update Patient/p3/_history/"]}); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func cutVersion(text, prefix string) (number int, found bool) {
	n, _ := fmt.Sscanf(text, prefix+"%d", &number)
	return number, n == 1
}

// spoilt is a store whose commits fail for their entry in the journal, while that is wanted.
type spoilt struct {
	*pebble.Store
	fails atomic.Bool
}

func (s *spoilt) Keep(ctx context.Context, k store.Keeper) error {
	if k == nil {
		return s.Store.Keep(ctx, nil)
	}
	return s.Store.Keep(ctx, &spoiler{k, s})
}

type spoiler struct {
	store.Keeper
	s *spoilt
}

type spoiltEntry struct{ store.Entry }

func (k *spoiler) Enter(notes []store.Noted) (store.Entry, error) {
	e, err := k.Keeper.Enter(notes)
	if err == nil && k.s.fails.Load() {
		return spoiltEntry{e}, nil
	}
	return e, err
}

// Records has one that cannot be written among those of the trail.
func (e spoiltEntry) Records() []store.Record {
	return append(e.Entry.Records(), store.Record{Kind: "spoilt"})
}

// TestAbandonedCommit fails commits with events of operations and of reads: the operations and their events come to nothing, the reads are recorded later.
func TestAbandonedCommit(t *testing.T) {
	inner, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	s := &spoilt{Store: inner}
	trail := openTrail(t, Options{Store: s, Delay: time.Hour})
	must(t, trail, readOf(1))
	s.fails.Store(true)
	op, _ := patientOp(t, "a")
	if _, err := s.Apply(t.Context(), []store.Op{op}); err == nil {
		t.Error("a write without its event was committed")
	}
	if err := trail.Ready(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	must(t, trail, readOf(2))
	durable := readOf(3)
	durable.Durable = true
	if err := trail.Record(t.Context(), durable); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a durable event: %v", err)
	}
	if _, err := s.Read(t.Context(), op.Key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was not committed: %v", err)
	}
	s.fails.Store(false)
	if err := trail.insist(trail.journal.CommitEntry, func(error) {}); err != nil { // as the writer does
		t.Fatal(err)
	}
	op, _ = patientOp(t, "b")
	if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil {
		t.Fatal(err)
	}
	if err := trail.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
	closeTrail(t, trail)
	intact(t, s)
	want := []string{"start", "read Observation/o1/_history/1", "read Observation/o2/_history/1", "read Observation/o3/_history/1", "update Patient/b/_history/1", "stop"}
	if diff := cmp.Diff(want, recorded(t, s)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestOneTrail refuses a second trail on a store that is open, which would write the same chain.
func TestOneTrail(t *testing.T) {
	s := memoryStore(t)
	openTrail(t, Options{Store: s})
	if _, err := Open(t.Context(), Options{Store: s}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second trail: %v", err)
	}
}

// BenchmarkEnter makes the entries of commits of some operations each; an operation is one of the benchmark.
func BenchmarkEnter(b *testing.B) {
	for _, size := range []int{1, 4, 12, 32} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			trail := openTrail(b, Options{CheckpointEvents: math.MaxInt})
			note := &Note{Tell: func(_ []store.Result, record func(*Event)) { record(readOf(7)) }}
			notes := make([]store.Noted, size)
			for i := range notes {
				notes[i].Note = note
			}
			bytes := 0
			b.ReportAllocs()
			for i := 0; i < b.N; i += size {
				e, err := trail.Enter(notes)
				if err != nil {
					b.Fatal(err)
				}
				bytes += len(e.Records()[0].Value)
				e.Durable(nil)
			}
			b.ReportMetric(float64(bytes)/float64(b.N), "bytes/event")
		})
	}
}
