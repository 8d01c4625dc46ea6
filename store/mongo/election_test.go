package mongo_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// Who follows the changes misses none and hears of none twice when the primary changes, alone and in transactions.
func TestElectionChanges(t *testing.T) {
	members := teststore.NewMembers(t)
	s := open(t, mongo.Options{})
	defer s.Close()
	load := &electionLoad{done: map[string]bool{}}
	stop := make(chan struct{})
	var working sync.WaitGroup
	for writer := range 4 {
		working.Go(func() { load.write(t, s, writer, stop) })
	}
	followed := make(chan []store.Change, 1)
	var last atomic.Bool
	go func() { followed <- follow(t, s, &last) }()
	for range 3 {
		load.more(t)
		members.StepDown(t)
	}
	load.more(t)
	close(stop)
	working.Wait()
	last.Store(true)
	heard := map[string]int{}
	for _, c := range <-followed {
		heard[c.Key.String()]++
	}
	for key := range load.done {
		if heard[key] == 0 {
			t.Errorf("%s was acknowledged, and not among the changes", key)
		}
	}
	there := versionsIn(t, s)
	if diff := cmp.Diff(there, heard); diff != "" {
		t.Error("what is there, and what was heard of:", diff)
	}
	t.Logf("%d versions acknowledged, %d there, %d writes refused, of %d unknown", len(load.done), len(there), load.refused.Load(), load.unknown.Load())
}

// versionsIn counts the versions in a store.
func versionsIn(t *testing.T, s *mongo.Store) map[string]int {
	t.Helper()
	there := map[string]int{}
	for page := (&store.ExportPage{}); ; {
		var err error
		if page, err = s.Export(t.Context(), store.ExportQuery{Cursor: page.Next, Limit: 1000}); err != nil {
			t.Fatal(err)
		}
		if len(page.Versions) == 0 {
			return there
		}
		for _, v := range page.Versions {
			there[v.Key.String()]++
		}
	}
}

// electionLoad is what writers were told.
type electionLoad struct {
	mu               sync.Mutex
	done             map[string]bool
	refused, unknown atomic.Int64
}

// more waits until some more writes are done.
func (l *electionLoad) more(t *testing.T) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.done)
	}
	for before, began := count(), time.Now(); count() < before+40; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 3*time.Minute {
			t.Fatal("nobody can write")
		}
	}
}

// write updates a resource, creates one, and does both in a transaction, in turn.
func (l *electionLoad) write(t *testing.T, s *mongo.Store, writer int, stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		name := fmt.Sprintf("w%d", writer)
		ops := []store.Op{writeOp(t, store.Update, "Patient", name, fmt.Sprint(i)), writeOp(t, store.Create, "Group", fmt.Sprintf("%s-%d", name, i), "g")}
		if part := i % 3; part < 2 {
			ops = ops[part : part+1]
		}
		results, err := s.Apply(t.Context(), ops)
		switch {
		case errors.Is(err, store.ErrUnknown):
			l.unknown.Add(1)
		case errors.Is(err, store.ErrBusy):
			l.refused.Add(1)
		case err != nil:
			t.Error(err)
			return
		}
		l.mu.Lock()
		for _, r := range results {
			l.done[r.Version.Key.String()] = true
		}
		l.mu.Unlock()
	}
}

// follow reads changes until there are no more behind the last.
func follow(t *testing.T, s *mongo.Store, last *atomic.Bool) (all []store.Change) {
	after := uint64(0)
	for {
		ending := last.Load()
		changes, err := s.Changes(t.Context(), after, 50)
		if err != nil && !errors.Is(err, store.ErrBusy) {
			t.Error("changes: ", err)
			return all
		}
		for _, c := range changes {
			if c.Sequence <= after {
				t.Errorf("change %d behind %d", c.Sequence, after)
			}
			after = c.Sequence
		}
		if all = append(all, changes...); ending && err == nil && len(changes) == 0 {
			return all
		}
	}
}
