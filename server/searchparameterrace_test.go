package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// TestSearchParameterRaces creates parameters while many write, alone and in transactions: when a parameter is ready, it finds exactly what another reading of all
// resources finds.
func TestSearchParameterRaces(t *testing.T) {
	f := newFixture(t)
	t.Cleanup(f.server.Drain)
	writers, parameters := teststore.Size(8, 3), teststore.Size(4, 2)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	var written atomic.Int64
	basic := func(id string, n int) string {
		return fmt.Sprintf(`{"resourceType":"Basic","id":"%s","code":{"text":"x"},"extension":[{"url":"http://example.org/n","valueInteger":%d}]}`, id, n)
	}
	for w := range writers {
		writing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("b%d-%d", w, n%40)
				got := answer{}
				switch n % 4 {
				case 0:
					got = f.local("POST", "", bundleOf("transaction", requestEntry("", basic(id, n%7), "PUT", "Basic/"+id), requestEntry("", basic(id+"x", n%5), "PUT", "Basic/"+id+"x")))
				case 1:
					got = f.local("DELETE", "/Basic/"+id+"x", "")
				default:
					got = f.local("PUT", "/Basic/"+id, basic(id, n%7))
				}
				if got.status >= 300 {
					t.Error(got.status, got.body)
					return
				}
				written.Add(1)
			}
		})
	}
	for p := range parameters {
		until(t, "some writes", func() bool { return written.Load() > int64(teststore.Size(200, 10)*(p+1)) })
		id := fmt.Sprintf("n%d", p)
		if got := f.local("PUT", "/SearchParameter/"+id, parameterOf(id, id, "number", "Basic", "Basic.extension.where(url='http://example.org/n').value.ofType(integer)")); got.status != 201 {
			t.Fatal(got)
		}
	}
	for p := range parameters {
		f.strictly(t, fmt.Sprintf("/Basic?n%d=1&_summary=count", p))
	}
	close(stop)
	writing.Wait()
	want := map[string][]string{}
	r := store.Unwrap(f.store).(store.Reindexer)
	page, err := r.Walk(t.Context(), store.WalkQuery{Type: "Basic", Limit: 100_000})
	if err != nil || page.Next != "" {
		t.Fatal(err)
	}
	for _, v := range page.Versions {
		_, after, _ := strings.Cut(string(v.JSON), `"valueInteger":`)
		want[after[:1]] = append(want[after[:1]], v.Key.ID)
	}
	for n := range 7 {
		for p := range parameters {
			got := f.allPages(t, f.do("GET", fmt.Sprintf("/Basic?n%d=%d&_count=1000&_elements=id", p, n), ""), 1000)
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], "Basic/")
			}
			expected := slices.Clone(want[fmt.Sprint(n)])
			slices.Sort(expected)
			slices.Sort(got)
			diff(t, expected, got)
		}
	}
	t.Logf("%d writes, %d resources", written.Load(), len(page.Versions))
	checkIndex(t, f.store)
	checkKeys(t, f.store, f.server.search, "Basic")
}

// slowStore holds commits of one resource back.
type slowStore struct {
	*pacedStore
	hold    string
	entered chan struct{}
	release chan struct{}
}

func (s *slowStore) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	if slices.ContainsFunc(ops, func(op store.Op) bool { return op.Key.ID == s.hold }) {
		s.entered <- struct{}{}
		<-s.release
	}
	return s.pacedStore.Apply(ctx, ops)
}

// TestSearchParameterBarrier has a resource on its way to the commit with keys of before a parameter came: it is waited for. One whose keys were made before, and whose
// commit begins after, gets its keys anew.
func TestSearchParameterBarrier(t *testing.T) {
	slow := &slowStore{hold: "late", entered: make(chan struct{}), release: make(chan struct{})}
	f := newFixture(t, func(c *Config) {
		slow.pacedStore = newPacedStore(c.Store)
		c.Store = slow
	})
	t.Cleanup(f.server.Drain)
	res, err := fhir.ParseResource([]byte(`{"resourceType":"Condition","id":"later"` + conditionAsserted("2001") + `}`))
	if err != nil {
		t.Fatal(err)
	}
	later, err := f.server.write(store.Update, fhir.Key{Type: "Condition", ID: "later"}, res, origin{})
	if err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	both.Go(func() { f.putAll([2]string{"Condition/late", conditionAsserted("2001")}) })
	<-slow.entered
	var defined atomic.Bool
	both.Go(func() {
		f.do("PUT", "/SearchParameter/asserted", asserted)
		defined.Store(true)
	})
	until(t, "the parameter is committed", func() bool { return f.do("GET", "/SearchParameter/asserted", "").status == 200 })
	if defined.Load() {
		t.Error("the parameter was there before the commit of older keys had ended")
	}
	slow.release <- struct{}{}
	both.Wait()
	if _, err := f.server.store.Apply(t.Context(), []store.Op{later}); err != nil {
		t.Fatal(err)
	}
	f.finds(t, "/Condition?asserted-date=2001", "late", "later")
	checkKeys(t, slow, f.server.search, "Condition")
}

// brokenState fails to keep records while a test says so.
type brokenState struct {
	*pacedStore
	broken atomic.Bool
}

func (s *brokenState) PutState(ctx context.Context, kind, id string, value []byte, ifRevision uint64) (uint64, error) {
	if s.broken.Load() {
		return 0, errors.New("disk on fire")
	}
	return s.pacedStore.PutState(ctx, kind, id, value, ifRevision)
}

// TestSearchParameterLost creates a parameter of which no record can be kept: it is not ready until that is made up for.
func TestSearchParameterLost(t *testing.T) {
	broken := &brokenState{}
	f := newFixture(t, func(c *Config) {
		broken.pacedStore = newPacedStore(c.Store)
		c.Store = broken
	})
	t.Cleanup(f.server.Drain)
	f.putConditions(3)
	broken.broken.Store(true)
	f.run(t, []step{
		{name: "committed", method: "PUT", path: "/SearchParameter/asserted", body: asserted, status: 201, answer: "*"},
		{name: "not ready", method: "GET", path: "/Condition?asserted-date=2001", headers: []string{"Prefer", "handling=strict"}, status: 400, answer: "...the search parameter asserted-date of Condition is not indexed yet"},
	})
	f.putAll([2]string{"Condition/c9", conditionAsserted("2001")})
	broken.broken.Store(false)
	f.finds(t, "/Condition?asserted-date=2001", "c1", "c9")
	if !strings.Contains(f.log.String(), "disk on fire") {
		t.Error("not logged")
	}
}

// lateState keeps a record and says that it did not, once, when a test asks for it.
type lateState struct {
	*pacedStore
	late atomic.Bool
}

func (s *lateState) PutState(ctx context.Context, kind, id string, value []byte, ifRevision uint64) (uint64, error) {
	revision, err := s.pacedStore.PutState(ctx, kind, id, value, ifRevision)
	if err == nil && s.late.CompareAndSwap(true, false) {
		return 0, context.DeadlineExceeded
	}
	return revision, err
}

// TestSearchParameterLate creates a parameter whose record is kept although the call ended without saying so. The next change of it knows the record and is followed
// up at once.
func TestSearchParameterLate(t *testing.T) {
	late := &lateState{}
	f := newFixture(t, func(c *Config) {
		late.pacedStore = newPacedStore(c.Store)
		c.Store = late
	})
	t.Cleanup(f.server.Drain)
	f.putConditions(3)
	f.server.parameters.jobs.stop() // nothing but the change itself may make up for it
	late.late.Store(true)
	for range 2 {
		if got := f.do("PUT", "/SearchParameter/asserted", asserted); got.status != 201 && got.status != 200 {
			t.Fatal(got.status, got.body)
		}
	}
	if log := f.log.String(); strings.Contains(log, "conflict") || !strings.Contains(log, "deadline exceeded") {
		t.Errorf("logged:\n%s", log)
	}
}

// TestSearchParameterDoubted writes past the server, as copying a store does: the next server indexes its parameters anew.
func TestSearchParameterDoubted(t *testing.T) {
	f := newFixture(t)
	f.putConditions(1)
	f.do("PUT", "/SearchParameter/asserted", asserted)
	f.finds(t, "/Condition?asserted-date=2001", "c1")
	f.server.Drain()
	res, err := fhir.ParseResource([]byte(`{"resourceType":"Condition","id":"c2"` + conditionAsserted("2001") + `}`))
	if err != nil {
		t.Fatal(err)
	}
	op, err := f.server.write(store.Update, fhir.Key{Type: "Condition", ID: "c2"}, res, origin{})
	if err != nil {
		t.Fatal(err)
	}
	op.Keys = nil
	if err := store.DoubtParameters(t.Context(), f.store); err != nil {
		t.Fatal(err)
	}
	if _, err := f.store.Apply(t.Context(), []store.Op{op}); err != nil {
		t.Fatal(err)
	}
	g := newFixture(t, func(c *Config) { c.Store = f.store })
	t.Cleanup(g.server.Drain)
	g.finds(t, "/Condition?asserted-date=2001", "c1", "c2")
}

// TestReadParameters gives a registry of its own the parameters of a store, one of them not ready.
func TestReadParameters(t *testing.T) {
	f, paced := newPacedFixture(t)
	f.putConditions(3)
	f.do("PUT", "/SearchParameter/asserted", asserted)
	f.finds(t, "/Condition?asserted-date=2001", "c1")
	paced.pace(true)
	f.do("PUT", "/SearchParameter/later", parameterOf("later", "later", "token", "Condition", "Condition.subject.reference.exists()"))
	registry, err := search.NewRegistry(f.server.definitions, search.Options{BaseURL: f.base, References: true})
	if err == nil {
		err = ReadParameters(t.Context(), paced, registry, f.server.log)
	}
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{"asserted-date=2001": "", "later=true": "the search parameter later of Condition is being indexed"} {
		pairs, err := search.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = registry.Parse("Condition", pairs, search.ParseOptions{Strict: true})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", query, err, want)
		}
	}
}

// betweenStore does something at the moment when a job is about to begin with a type.
type betweenStore struct {
	*pacedStore
	between atomic.Pointer[func()]
}

func (s *betweenStore) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	if q.Count == 0 && q.Total == search.Accurate {
		if act := s.between.Swap(nil); act != nil {
			(*act)()
		}
	}
	return s.pacedStore.Search(ctx, q)
}

// sharedBetweenStore is one that several servers have open.
type sharedBetweenStore struct{ *betweenStore }

func (sharedBetweenStore) Shared() bool { return true }

// TestParameterComesAsJobBegins creates a parameter between the moment when a job decides what it covers and the moment when that is kept: by the same server, and by another on the store.
func TestParameterComesAsJobBegins(t *testing.T) {
	for _, servers := range []int{1, 2} {
		t.Run(fmt.Sprint(servers, " servers"), func(t *testing.T) {
			var between *betweenStore
			var all []*fixture
			for range servers {
				f := newFixture(t, func(c *Config) {
					if between == nil {
						between = &betweenStore{pacedStore: newPacedStore(c.Store)}
					}
					c.Store, c.Refresh = between, testBeat
					if servers > 1 {
						c.Store = sharedBetweenStore{between}
					}
				})
				t.Cleanup(func() {
					f.server.Drain()
					if err := f.server.Close(); err != nil {
						t.Error(err)
					}
				})
				all = append(all, f)
			}
			first, last := all[0], all[len(all)-1]
			first.putConditions(3)
			created := make(chan answer, 1)
			act := func() {
				created <- last.persist("PUT", "/SearchParameter/later", parameterOf("later", "later", "token", "Condition", "Condition.subject.reference.exists()"))
			}
			between.between.Store(&act)
			if got := first.persist("PUT", "/SearchParameter/asserted", asserted); got.status != 201 {
				t.Fatal(got)
			}
			if got := <-created; got.status != 201 {
				t.Fatal(got)
			}
			for _, f := range all {
				f.finds(t, "/Condition?asserted-date=2001", "c1")
				f.strictly(t, "/Condition?later=true")
			}
		})
	}
}

// TestJobBeginsBesideWriters begins the types of a job while others write the job again, as creating a parameter does. The race detector judges.
func TestJobBeginsBesideWriters(t *testing.T) {
	f := newFixture(t)
	r := f.server.parameters.jobs
	j := newReindexJob(r.clock(), []string{"Condition", "Device", "Encounter", "Patient"})
	if err := r.update(t.Context(), j, func(*reindexJob) {}); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := r.update(t.Context(), j, func(*reindexJob) {}); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for range 20 {
		for i, of := range r.copy(j).Types {
			if err := r.beginType(t.Context(), j, i, of.Type); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	writer.Wait()
}

// TestNobodyWaitsForAChange: who wants to change the set of parameters while another does waits no longer than he wants to, and then nothing was done for him.
func TestNobodyWaitsForAChange(t *testing.T) {
	f := newFixture(t)
	p := f.server.parameters
	op := f.assertedOp()
	define := func(ctx context.Context) error {
		_, err := p.define(ctx, []store.Op{op})
		return err
	}
	p.writing.Lock()
	givenUp(t, "who waits for a change", define)
	p.writing.Unlock()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := define(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who comes too late is told %v", err)
	}
	if n := len(p.snapshot()); n != 0 {
		t.Errorf("%d records of what nobody waited for", n)
	}
	if err := define(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestNobodyWaitsForACommit has a commit hang while the set of parameters changes: who wants to write meanwhile waits no longer than he wants to.
func TestNobodyWaitsForACommit(t *testing.T) {
	p := newFixture(t).server.parameters
	p.keys.RLock() // the commit that hangs
	changed := make(chan struct{})
	go func() {
		p.publish()
		close(changed)
	}()
	until(t, "the change waits for the commit", func() bool {
		if p.keys.TryRLock() {
			p.keys.RUnlock()
			return false
		}
		return true
	})
	givenUp(t, "who waits for a commit", func(ctx context.Context) error {
		_, err := p.apply(ctx, nil)
		return err
	})
	p.keys.RUnlock()
	<-changed
	if _, err := p.apply(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// givenUp does what cannot be done now and leaves: it must end then.
func givenUp(t *testing.T, who string, act func(context.Context) error) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	told := make(chan error, 1)
	go func() { told <- act(ctx) }()
	leave()
	select {
	case err := <-told:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s is told %v", who, err)
		}
	case <-time.After(patience):
		t.Fatalf("%s waits on", who)
	}
}
