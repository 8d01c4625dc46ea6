package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// TestLoad records 100,000 events from many clients at once, reopens the trail in between, and finds it whole.
func TestLoad(t *testing.T) {
	total := 100_000
	if testing.Short() {
		total = 5000
	}
	s := memoryStore(t)
	var outside bytes.Buffer
	for half := range 2 {
		trail := openTrail(t, Options{Store: s, Checkpoints: &outside})
		var clients sync.WaitGroup
		for c := range 32 {
			clients.Go(func() {
				for i := c; i < total/2; i += 32 {
					e := readOf(half*total/2 + i)
					e.Durable = i%7 == 0
					if err := trail.Record(context.Background(), e); err != nil {
						t.Error(err)
					}
				}
			})
		}
		clients.Wait()
		closeTrail(t, trail)
	}
	r := intact(t, s)
	if want := uint64(total + 4); r.Events != want || r.Checkpoints < total/10_000 {
		t.Errorf("%d events, want %d; %d checkpoints", r.Events, want, r.Checkpoints)
	}
	list, err := ParseCheckpoints(outside.Bytes())
	if err != nil || len(list) != r.Checkpoints {
		t.Errorf("%d checkpoints outside, %d inside: %v", len(list), r.Checkpoints, err)
	}
	since := verified(t, s, VerifyOptions{Since: list[:1]})
	if since.Finding != nil || since.From != list[0].Number+1 || since.Number != r.Number {
		t.Errorf("since the first checkpoint: %+v %v", since, since.Finding)
	}
}

// recordsOnly is a store without a journal, as those on a database server are.
type recordsOnly struct {
	store.Store
	store.State
}

func withoutJournal(s *pebble.Store) recordsOnly { return recordsOnly{s, s} }

// failingState fails to write while it is told to.
type failingState struct {
	recordsOnly
	fails atomic.Bool
	tries atomic.Int32
}

func (s *failingState) PutState(ctx context.Context, kind, id string, value []byte, revision uint64) (uint64, error) {
	if s.fails.Load() {
		s.tries.Add(1)
		return 0, errors.New("disk on fire")
	}
	return s.State.PutState(ctx, kind, id, value, revision)
}

func TestStoreThatFails(t *testing.T) {
	inner, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	s := &failingState{recordsOnly: withoutJournal(inner)}
	trail := openTrail(t, Options{Store: s})
	s.fails.Store(true)
	durable := readOf(1)
	durable.Durable = true
	if err := trail.Record(t.Context(), durable); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a durable event: %v", err)
	}
	if err := trail.Ready(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	must(t, trail, readOf(2))
	if err := trail.Record(t.Context(), durable); !errors.Is(err, ErrUnavailable) {
		t.Errorf("another durable event: %v", err)
	}
	s.fails.Store(false)
	for deadline := time.Now().Add(time.Minute); trail.Ready() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the trail did not recover")
		}
	}
	closeTrail(t, trail)
	if r := intact(t, inner); r.Events != 5 {
		t.Errorf("%d events, want start, three and stop", r.Events)
	}
	if err := trail.Record(t.Context(), readOf(3)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestCloseGivesUp shows that Close ends when the store does not come back, and says so.
func TestCloseGivesUp(t *testing.T) {
	inner, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	s := &failingState{recordsOnly: withoutJournal(inner)}
	opts := Options{Store: s, BaseURL: testBase}
	trail, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	s.fails.Store(true)
	must(t, trail, readOf(1))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := trail.Close(ctx); err == nil {
		t.Error("Close did not say that events are lost")
	}
	if err := trail.Flush(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Flush: %v", err)
	}
}

// TestQueueBlocks shows that a full queue holds callers up instead of dropping events.
func TestQueueBlocks(t *testing.T) {
	inner, s, trail := openSlow(t)
	var done atomic.Int32
	var callers sync.WaitGroup
	<-s.gate
	for i := range 100 {
		callers.Go(func() {
			if err := trail.Record(t.Context(), readOf(i)); err != nil {
				t.Error(err)
			}
			done.Add(1)
		})
	}
	time.Sleep(50 * time.Millisecond)
	if n := done.Load(); n == 100 {
		t.Error("nobody was held up")
	}
	s.gate <- struct{}{}
	callers.Wait()
	closeTrail(t, trail)
	if r := intact(t, inner); r.Events != 102 {
		t.Errorf("%d events, want 102", r.Events)
	}
}

// TestCallersWhoLeave shows that the events of callers who do not wait for them are recorded all the same, also when there is no room for them at that moment.
func TestCallersWhoLeave(t *testing.T) {
	inner, s, trail := openSlow(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	var callers sync.WaitGroup
	<-s.gate
	for i := range 100 {
		callers.Go(func() {
			e := readOf(i)
			e.Durable = i%2 == 0
			if err := trail.Record(gone, e); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	s.gate <- struct{}{}
	callers.Wait()
	closeTrail(t, trail)
	if r := intact(t, inner); r.Events != 102 {
		t.Errorf("%d events, want 102", r.Events)
	}
}

// openSlow opens a trail with little room on a store that writes while there is something in its gate, as there is now.
func openSlow(t *testing.T) (*pebble.Store, *slowState, *Trail) {
	t.Helper()
	inner, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inner.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &slowState{recordsOnly: withoutJournal(inner), gate: make(chan struct{}, 1)}
	s.gate <- struct{}{}
	return inner, s, openTrail(t, Options{Store: s, QueueBytes: 2000})
}

// slowState writes while there is something in its gate.
type slowState struct {
	recordsOnly
	gate chan struct{}
}

func (s *slowState) PutState(ctx context.Context, kind, id string, value []byte, revision uint64) (uint64, error) {
	token := <-s.gate
	defer func() { s.gate <- token }()
	return s.State.PutState(ctx, kind, id, value, revision)
}

// TestLostAnswer shows that a block whose write succeeded without an answer is not written twice.
func TestLostAnswer(t *testing.T) {
	inner, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	s := &lossyState{recordsOnly: withoutJournal(inner)}
	trail := openTrail(t, Options{Store: s})
	for i := range 20 {
		e := readOf(i)
		e.Durable = true
		must(t, trail, e)
	}
	closeTrail(t, trail)
	if r := intact(t, inner); r.Events != 22 || s.lost == 0 {
		t.Errorf("%d events, %d answers lost", r.Events, s.lost)
	}
}

// lossyState does every third write and says that it does not know.
type lossyState struct {
	recordsOnly
	calls, lost int
}

func (s *lossyState) PutState(ctx context.Context, kind, id string, value []byte, revision uint64) (uint64, error) {
	made, err := s.State.PutState(ctx, kind, id, value, revision)
	if s.calls++; s.calls%3 == 0 && err == nil && kind == kindEvents+onlyChain {
		s.lost++
		return 0, fmt.Errorf("connection reset: %w", store.ErrUnknown)
	}
	return made, err
}

// sharedState pretends that others may have the store open.
type sharedState struct{ *pebble.Store }

func (sharedState) Shared() bool { return true }

// TestSeveralServers lets servers begin one after the other and at once on one store: a chain each, and a chain that disappears is missed by those that began later.
func TestSeveralServers(t *testing.T) {
	inner, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	s := sharedState{inner}
	var trails []*Trail
	for range 3 {
		trail := openTrail(t, Options{Store: s})
		must(t, trail, readOf(1))
		if err := trail.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		trails = append(trails, trail)
	}
	for _, trail := range trails {
		closeTrail(t, trail)
	}
	b, err := openBook(s)
	if err != nil {
		t.Fatal(err)
	}
	check := func() (findings []string) {
		reports, err := b.Verify(t.Context(), VerifyOptions{Keys: testKeys()})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reports {
			if r.Finding != nil {
				findings = append(findings, r.Finding.Chain+" "+r.Finding.Problem)
			}
		}
		return findings
	}
	if found := check(); len(found) > 0 {
		t.Fatal(found)
	}
	first := trails[0].Chain()
	for _, kind := range []string{kindChains, kindEvents + first, kindCheckpoints + first} {
		records, err := b.state.ListState(t.Context(), kind, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if kind == kindChains && r.ID != first {
				continue
			}
			if err := b.state.DeleteState(t.Context(), kind, r.ID, r.Revision); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found := check(); len(found) != 1 || found[0] != first+" removed" {
		t.Errorf("a chain that was removed: %q", found)
	}
}
