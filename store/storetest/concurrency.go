package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

func testConcurrency(t *testing.T, open New) {
	t.Run("versions are told apart", func(t *testing.T) { testRacingUpdates(t, open) })
	t.Run("readers and writers of everything", func(t *testing.T) { testMixed(t, open) })
	t.Run("transactions are seen whole", func(t *testing.T) { testWhole(t, open) })
}

// testRacingUpdates lets clients update one resource with If-Match: each version has exactly one winner.
func testRacingUpdates(t *testing.T, open New) {
	const clients, rounds = 16, 20
	f := newFixture(t, open)
	f.apply(f.write(store.Create, "a", "0"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[string]int{}
	for range clients {
		resource := stamped(t, "a", patient("x"))
		wg.Go(func() {
			for wins := 0; wins < rounds; {
				now, err := f.s.Read(f.ctx, fhir.Key{Type: "Patient", ID: "a"})
				if err != nil {
					t.Error(err)
					return
				}
				op := store.Op{Method: store.Update, Key: fhir.Key{Type: "Patient", ID: "a"}, Resource: resource, IfMatch: now.Key.Version}
				results, err := f.s.Apply(f.ctx, []store.Op{op})
				switch {
				case err == nil:
					wins++
					mu.Lock()
					won[results[0].Version.Key.Version]++
					mu.Unlock()
				case !errors.Is(err, store.ErrPrecondition) && !errors.Is(err, store.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if version := f.read("a", "").Key.Version; version != fmt.Sprint(clients*rounds+1) || len(won) != clients*rounds {
		t.Errorf("version %s after %d different wins, want %d", version, len(won), clients*rounds)
	}
}

// testMixed lets random readers and writers loose on a few resources. Whatever the contract sees must hold, and in the end the indexes must agree.
func testMixed(t *testing.T, open New) {
	f := newFixture(t, open)
	var wg sync.WaitGroup
	for w := range 8 {
		r := random{Rand: rand.New(rand.NewPCG(uint64(w), 9))}
		resource := stamped(t, "x", `{"resourceType":"Observation"}`)
		wg.Go(func() {
			for range 150 {
				if err := mixedStep(f, r, resource); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if c, ok := store.Unwrap(f.s).(store.Checker); ok {
		checkStore(t, c, -1)
	}
}

// mixedStep writes or reads something; losing a race is no error.
func mixedStep(f *fixture, r random, resource fhir.Stamped) error {
	key := fhir.Key{Type: "Observation", ID: fmt.Sprint("x", r.IntN(20))}
	var err error
	switch r.IntN(6) {
	case 0, 1:
		ops := []store.Op{{Method: store.Update, Key: key, Resource: resource, Keys: r.resourceKeys("Observation"), IfNoneMatch: r.IntN(4) == 0}}
		if r.IntN(3) == 0 {
			ops[0].IfNoneExist = &search.Query{Type: "Observation", Plan: r.plan(2)}
		}
		_, err = f.s.Apply(f.ctx, ops)
	case 2:
		_, err = f.s.Apply(f.ctx, []store.Op{{Method: store.Delete, Key: key}})
	case 3:
		_, err = f.s.Read(f.ctx, key)
	case 4:
		_, err = f.s.History(f.ctx, store.HistoryQuery{Type: "Observation", ID: pick(r, "", key.ID), Count: 5})
	default:
		q := r.query()
		_, err = f.s.Search(f.ctx, &q)
	}
	for _, usual := range []error{store.ErrConflict, store.ErrPrecondition, store.ErrMultiple, store.ErrNotFound, store.ErrGone} {
		if errors.Is(err, usual) {
			return nil
		}
	}
	return err
}

// testWhole keeps pairs of resources in step and looks for a search that sees them out of step.
func testWhole(t *testing.T, open New) {
	f := newFixture(t, open)
	pair := func(i int) []store.Op {
		key := fmt.Sprintf("step\x01t%04d", i)
		return []store.Op{f.write(store.Update, "a", "x", key), f.write(store.Update, "b", "x", key)}
	}
	f.apply(pair(0)...)
	ctx, stop := context.WithCancel(f.ctx)
	defer stop()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				page, err := f.s.Search(ctx, &search.Query{Type: "Patient", Plan: search.All{}, Sort: by("step\x01t"), Count: 5})
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				if len(page.Matches) != 2 || page.Matches[0].Key.Version != page.Matches[1].Key.Version || page.Matches[0].Key.ID != "a" {
					t.Errorf("out of step: %v", page.Matches)
					return
				}
			}
		})
	}
	for i := range 300 {
		f.apply(pair(i + 1)...)
	}
	stop()
	wg.Wait()
}

func testContext(t *testing.T, open New) {
	f := newFixture(t, open)
	f.apply(f.write(store.Create, "a", "x"))
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, readErr := f.s.Read(ctx, fhir.Key{Type: "Patient", ID: "a"})
	_, searchErr := f.s.Search(ctx, &search.Query{Type: "Patient", Plan: search.All{}, Count: 1})
	_, historyErr := f.s.History(ctx, store.HistoryQuery{Type: "Patient", Count: 1})
	_, applyErr := f.s.Apply(ctx, []store.Op{f.write(store.Create, "b", "x")})
	for name, err := range map[string]error{"Read": readErr, "Search": searchErr, "History": historyErr, "Apply": applyErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", name, err)
		}
	}
	f.missing(store.ErrNotFound, "b", "")
	t.Run("cancelled while it waits", func(t *testing.T) { testCancelled(t, open) })
}

// testCancelled cancels transactions at random moments: each is there whole or not at all, and only with ErrUnknown may it be either.
func testCancelled(t *testing.T, open New) {
	f := newFixture(t, open)
	var wg sync.WaitGroup
	var answers [200]error
	for i := range answers {
		ops := []store.Op{f.write(store.Create, fmt.Sprintf("a%d", i), "x"), f.write(store.Create, fmt.Sprintf("b%d", i), "x")}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(f.ctx, time.Duration(i%20)*50*time.Microsecond)
			defer cancel()
			if _, answers[i] = f.s.Apply(ctx, ops); answers[i] != nil && !errors.Is(answers[i], context.DeadlineExceeded) && !errors.Is(answers[i], store.ErrUnknown) {
				t.Error(answers[i])
			}
		})
	}
	wg.Wait()
	f.apply(f.write(store.Create, "last", "x"))
	for i, answer := range answers {
		_, errA := f.s.Read(f.ctx, fhir.Key{Type: "Patient", ID: fmt.Sprintf("a%d", i)})
		_, errB := f.s.Read(f.ctx, fhir.Key{Type: "Patient", ID: fmt.Sprintf("b%d", i)})
		if (errA == nil) != (errB == nil) {
			t.Errorf("half of transaction %d is there: %v, %v", i, errA, errB)
		}
		if isThere := errA == nil; !errors.Is(answer, store.ErrUnknown) && isThere != (answer == nil) {
			t.Errorf("transaction %d was answered with %v, and is there: %v", i, answer, isThere)
		}
	}
}
