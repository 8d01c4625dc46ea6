package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// journalKind is that of the records of [scribe].
const journalKind = "test.journal"

// scribe keeps a journal of what it is told: a record a commit, a line a note.
type scribe struct {
	mu      sync.Mutex
	next    int
	durable int   // the last entry that is
	refuses error // fails the next commits
	spoils  bool  // gives a record that cannot be written

	abandoned []error
}

// scribbled is an entry of a scribe.
type scribbled struct {
	s       *scribe
	number  int
	records []store.Record
}

func (s *scribe) Enter(notes []store.Noted) (store.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses != nil {
		return nil, s.refuses
	}
	s.next++
	e := &scribbled{s: s, number: s.next}
	var lines []string
	for _, n := range notes {
		line := fmt.Sprint(n.Note)
		for i := range n.Results {
			line += " " + n.Results[i].Version.Key.String()
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		e.records = []store.Record{{Kind: journalKind, ID: fmt.Sprintf("%06d", e.number), Value: []byte(strings.Join(lines, "\n"))}}
	}
	if s.spoils {
		e.records = append(e.records, store.Record{Kind: journalKind, Value: []byte("without an id")})
	}
	return e, nil
}

func (e *scribbled) Records() []store.Record { return e.records }

func (e *scribbled) Abandoned(err error) {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	e.s.next--
	e.s.abandoned = append(e.s.abandoned, err)
}

func (e *scribbled) Durable(err error) {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if err == nil && e.number > e.s.durable {
		e.s.durable = e.number
	}
}

// lines are those of the journal of a store.
func (f *fixture) lines() []string {
	f.Helper()
	var all []string
	for _, record := range records(f.T, stateOf(f.T, f.s), journalKind) {
		_, text, _ := strings.Cut(record, "=")
		all = append(all, strings.Split(text, "\n")...)
	}
	return all
}

func (f *fixture) noted(note string, op store.Op) store.Op {
	op.Note = note
	return op
}

// testJournal is about stores that commit what a keeper writes together with operations.
func testJournal(t *testing.T, open New) {
	f := newFixture(t, open)
	journal, ok := store.Unwrap(f.s).(store.Journal)
	if !ok {
		t.SkipNow()
	}
	f.apply(f.noted("nobody keeps it", f.write(store.Create, "a", "1")))
	s := &scribe{}
	if err := journal.Keep(f.ctx, s); err != nil {
		t.Fatal(err)
	}
	if err := journal.Keep(f.ctx, &scribe{}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second keeper: %v", err)
	}
	f.apply(f.noted("one", f.write(store.Update, "a", "2")))
	f.apply(f.write(store.Update, "a", "without"))
	f.apply(f.noted("two", f.write(store.Update, "b", "1")), f.write(store.Delete, "a", ""))
	f.apply(f.noted("idle", f.write(store.Delete, "a", "")))
	refused := f.noted("refused", f.write(store.Update, "b", "2"))
	refused.IfMatch = "7"
	f.refuse(1, store.ErrPrecondition, f.write(store.Update, "c", "1"), refused)
	want := []string{"one Patient/a/_history/2", "two Patient/b/_history/1 Patient/a/_history/4", "idle Patient/a"}
	if diff := cmp.Diff(want, f.lines()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if s.durable != 3 {
		t.Errorf("entry %d is said to be durable", s.durable)
	}
	if err := journal.CommitEntry(f.ctx); err != nil || s.next != 4 || s.durable != 4 {
		t.Errorf("an entry without operations: %v, entry %d, %d durable", err, s.next, s.durable)
	}
	f.journalFails(s)
	if err := journal.Keep(f.ctx, nil); err != nil {
		t.Fatal(err)
	}
	f.apply(f.noted("nobody keeps it", f.write(store.Update, "b", "9")))
	if n := len(f.lines()); n != 4 {
		t.Errorf("%d lines", n)
	}
}

// journalFails shows that a commit without its entry does not happen, and leaves nothing behind.
func (f *fixture) journalFails(s *scribe) {
	f.Helper()
	anew := func() []store.Op {
		device := store.Op{Method: store.Create, Key: fhir.Key{Type: "Device", ID: "d"}, Resource: stamped(f, "d", `{"resourceType":"Device"}`), Note: "refused"}
		return []store.Op{device, f.write(store.Create, "e", "1")}
	}
	s.refuses = store.ErrBusy
	if _, err := f.s.Apply(f.ctx, anew()); !errors.Is(err, store.ErrBusy) {
		f.Errorf("the keeper refuses: %v", err)
	}
	s.refuses, s.spoils = nil, true
	if _, err := store.Unwrap(f.s).Apply(f.ctx, anew()); err == nil || len(s.abandoned) != 1 {
		f.Errorf("a record that cannot be written: %v, %d abandoned", err, len(s.abandoned))
	}
	s.spoils = false
	for _, key := range []string{"Device/d", "Patient/e"} {
		if _, err := f.s.Read(f.ctx, fhir.ParseReference(key).Key); !errors.Is(err, store.ErrNotFound) {
			f.Errorf("%s: %v", key, err)
		}
	}
	ops := anew()
	ops[0].Note = "at last"
	f.apply(ops...)
	if lines := f.lines(); lines[len(lines)-1] != "at last Device/d/_history/1 Patient/e/_history/1" {
		f.Errorf("%q", lines)
	}
	f.clean()
}

// clean fails the test when what the store keeps does not agree.
func (f *fixture) clean() {
	f.Helper()
	checker, ok := store.Unwrap(f.s).(store.Checker)
	if !ok {
		return
	}
	if _, err := checker.Check(f.ctx, func(found store.Finding) { f.Errorf("%s: %s", found.Key, found.Text) }); err != nil {
		f.Error(err)
	}
}

// testJournalOrder has many write at once: the journal has them in the order of their commits, each once.
func testJournalOrder(t *testing.T, open New) {
	f := newFixture(t, open)
	journal, ok := store.Unwrap(f.s).(store.Journal)
	if !ok {
		t.SkipNow()
	}
	s := &scribe{}
	if err := journal.Keep(f.ctx, s); err != nil {
		t.Fatal(err)
	}
	const writers, each = 16, 30
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for range each {
				op := f.noted("by "+fmt.Sprint(w), f.write(store.Update, "p", "1"))
				if _, err := f.s.Apply(context.WithoutCancel(f.ctx), []store.Op{op}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	lines := f.lines()
	if len(lines) != writers*each {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		if want := fmt.Sprintf("Patient/p/_history/%d", i+1); !strings.HasSuffix(line, want) {
			t.Fatalf("line %d is %q, want %s", i, line, want)
		}
	}
}
