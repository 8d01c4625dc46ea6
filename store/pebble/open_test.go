package pebble_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	defer s.Close()
	_, err := pebble.Open(dir, pebble.Options{})
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), dir) {
		t.Errorf("opened twice: %v", err)
	}
}

func TestOpenForeign(t *testing.T) {
	dir := t.TempDir()
	db, err := engine.Open(dir, &engine.Options{Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Set([]byte("k"), nil, engine.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pebble.Open(dir, pebble.Options{}); err == nil {
		t.Error("a foreign database was opened")
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

func TestOpenNewerFormat(t *testing.T) {
	dir := t.TempDir()
	s, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PretendFormat(3); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pebble.Open(dir, pebble.Options{}); err == nil || !strings.Contains(err.Error(), "format is 3, this one reads 2") {
		t.Errorf("newer format: %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := openMemory(t)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), fhir.Key{Type: "Patient", ID: "a"}); err == nil {
		t.Error("read from a closed store")
	}
	if _, err := s.Apply(t.Context(), readings(t, 0, 1, 1)); err == nil {
		t.Error("wrote to a closed store")
	}
}

// TestClock has a clock that runs backwards: lastUpdated must not.
func TestClock(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 123_456_789, time.UTC)
	s, err := pebble.Open("", pebble.Options{InMemory: true, Clock: func() time.Time { at = at.Add(-time.Second); return at }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := time.Date(2029, 12, 31, 23, 59, 59, 123_000_000, time.UTC)
	for i := range 3 {
		r, err := s.Apply(t.Context(), readings(t, i, i+1, 1))
		if err != nil || !r[0].Version.LastUpdated.Equal(want) {
			t.Errorf("write %d: %v, %v; want %v", i, r, err, want)
		}
	}
}

// TestBusy fills the queue of a store whose committer is held up by its clock.
func TestBusy(t *testing.T) {
	release := make(chan struct{})
	clock := func() time.Time { <-release; return time.Now() }
	s, err := pebble.Open("", pebble.Options{InMemory: true, Clock: clock, QueueBytes: 100_000, QueueWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ops := readings(t, 0, 64, 1)
	var mu sync.Mutex
	var wg sync.WaitGroup
	busy, done := 0, 0
	for i := range ops {
		wg.Go(func() {
			_, err := s.Apply(t.Context(), ops[i:i+1])
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, store.ErrBusy):
				busy++
			case err == nil:
				done++
			default:
				t.Error(err)
			}
		})
	}
	refused := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return busy > 0
	}
	for begun := time.Now(); !refused() && time.Since(begun) < time.Minute; time.Sleep(time.Millisecond) {
	}
	close(release)
	wg.Wait()
	if busy == 0 || done == 0 || busy+done != len(ops) {
		t.Errorf("%d refused, %d done", busy, done)
	}
	m, err := s.Metrics()
	if err != nil || m.Refused != uint64(busy) || m.Changes != uint64(done) || m.Resources != uint64(done) {
		t.Errorf("metrics: %+v, %v", m, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCeiling(t *testing.T) {
	for _, batch := range []int{1, 50} {
		rate, err := pebble.Ceiling(t.Context(), t.TempDir(), store.CeilingLoad{Ops: readings(t, 0, 10, 2), Clients: 4, Batch: batch, Duration: 100 * time.Millisecond})
		if err != nil || rate < 1 {
			t.Errorf("batch %d: %v, %v", batch, rate, err)
		}
	}
	if _, err := pebble.Ceiling(t.Context(), t.TempDir(), store.CeilingLoad{}); err == nil {
		t.Error("a ceiling of nothing")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pebble.Ceiling(ctx, t.TempDir(), store.CeilingLoad{Ops: readings(t, 0, 1, 1), Clients: 1, Batch: 1, Duration: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestQueryCost(t *testing.T) {
	s, err := pebble.Open("", pebble.Options{InMemory: true, QueryCost: 8000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Apply(t.Context(), readings(t, 0, 20_000, 10)); err != nil {
		t.Fatal(err)
	}
	all := search.Keys{Lo: "code\x01", Hi: "code\x02"}
	if _, err := s.Search(t.Context(), &search.Query{Type: "Observation", Plan: all, Count: 10, Total: search.Accurate}); !errors.Is(err, store.ErrTooCostly) {
		t.Errorf("a count of everything: %v", err)
	}
	if page, err := s.Search(t.Context(), &search.Query{Type: "Observation", Plan: all, Count: 10, Total: search.NoTotal}); err != nil || len(page.Matches) != 10 {
		t.Errorf("a page: %v, %v", page, err)
	}
}
