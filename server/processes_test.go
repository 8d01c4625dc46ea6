package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/store"
)

// sharedStore is an embedded store that says that other processes have it open, too: servers of one test.
type sharedStore struct{ *pacedStore }

func (sharedStore) Shared() bool { return true }

// testBeat is long enough that a busy machine does not keep a server quiet until the others count it out, which takes [deadAfter] beats, without being so for long.
const testBeat = 50 * time.Millisecond

// persist sends a request again while the server has no time left to write in, as after a standstill of the machine in which the others counted it out: nothing was done, and it begins anew.
func (f *fixture) persist(method, path, body string) answer {
	f.t.Helper()
	for begun := time.Now(); ; time.Sleep(testBeat) {
		if got := f.do(method, path, body); got.status != 503 || time.Since(begun) > patience {
			return got
		}
	}
}

// serveShared puts several servers on one store.
func serveShared(t *testing.T, n int, adjust ...func(*Config)) (servers []*fixture, paced *pacedStore) {
	t.Helper()
	for range n {
		f := newFixture(t, append([]func(*Config){func(c *Config) {
			if paced == nil {
				paced = newPacedStore(c.Store)
			}
			c.Store, c.Refresh = sharedStore{paced}, testBeat
		}}, adjust...)...)
		f.server.parameters.jobs.size = 2
		t.Cleanup(func() { // before the store is closed
			f.server.Drain()
			if err := f.server.Close(); err != nil {
				t.Error(err)
			}
		})
		servers = append(servers, f)
	}
	return servers, paced
}

// vanish lets a server go without a word, as one that was killed.
func (f *fixture) vanish() {
	f.server.parameters.stopListening()
	r := f.server.parameters.jobs
	r.mu.Lock()
	r.held = false
	r.mu.Unlock()
	f.server.Drain()
}

// TestTwoServers creates a SearchParameter through one server: the other makes keys for it, and both answer, although others write through both all the time.
func TestTwoServers(t *testing.T) {
	servers, paced := serveShared(t, 2)
	a, b := servers[0], servers[1]
	a.putConditions(5)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	var written atomic.Int64
	for w, f := range servers {
		writing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("w%d-%d", w, n%50)
				body := `{"resourceType":"Condition","id":"` + id + `"` + conditionAsserted(fmt.Sprint(2030+n%3)) + `}`
				switch got := f.local("PUT", "/Condition/"+id, body); {
				case got.status == 503: // the machine was too busy for the beat, and the other server counted this one out
					time.Sleep(testBeat)
				case got.status >= 300:
					t.Error(got.status, got.body)
					return
				default:
					written.Add(1)
				}
			}
		})
	}
	until(t, "some writes", func() bool { return written.Load() > 200 })
	if got := a.persist("PUT", "/SearchParameter/asserted", asserted); got.status != 201 {
		t.Fatal(got)
	}
	if got := b.persist("PUT", "/SearchParameter/other", parameterOf("other", "asserted-date", "date", "Condition", assertedDate)); got.status != 400 || !strings.Contains(got.body, "Condition has a search parameter asserted-date already") {
		t.Error("a code that the other server gave away: ", got)
	}
	if got := b.persist("PUT", "/SearchParameter/later", parameterOf("later", "later", "token", "Condition", "Condition.subject.reference.exists()")); got.status != 201 {
		t.Error(got)
	}
	for _, f := range servers {
		f.finds(t, "/Condition?asserted-date=2001", "c1")
		f.strictly(t, "/Condition?later=true")
	}
	close(stop)
	writing.Wait()
	checkIndex(t, paced)
	for _, f := range servers {
		checkKeys(t, paced, f.server.search, "Condition", "SearchParameter")
	}
	a.persist("DELETE", "/SearchParameter/asserted", "")
	until(t, "the other server has forgotten it", func() bool {
		return strings.Contains(b.do("GET", "/Condition?asserted-date=2001", "", "Prefer", "handling=strict").body, "Condition has no search parameter asserted-date")
	})
}

// TestOneServerReindexes starts a job through one server while another has one: they run one after the other, both servers tell how far they are and can cancel, and when the server that is at it
// dies, the other goes on from where it was.
func TestOneServerReindexes(t *testing.T) {
	servers, paced := serveShared(t, 2, func(c *Config) { c.Refresh = 2 * testBeat }) // a server that is counted out while it is at a batch leaves that to the other, too
	a, b := servers[0], servers[1]
	a.putConditions(7)
	a.putAll([2]string{"Patient/p", ""})
	paced.pace(true)
	status := func(f *fixture, job string) jobReport { return readReport(t, f.do("GET", asyncPath+job, "").body) }
	start := func(f *fixture, path string) string {
		got := f.persist("POST", path, "")
		if got.status != 202 {
			t.Fatal(got)
		}
		return strings.TrimPrefix(got.header.Get("Content-Location"), f.base+asyncPath)
	}
	first := start(a, "/Condition/$reindex")
	paced.allow(1)
	until(t, "one batch", func() bool { return status(a, first).Done == 2 && status(b, first).Done == 2 })
	second := start(b, "/Patient/$reindex")
	third := start(b, "/Basic/$reindex")
	if got := b.do("DELETE", asyncPath+third, ""); got.status != 202 {
		t.Error(got)
	}
	until(t, "both know of all jobs", func() bool {
		return slices.Equal([]string{"in-progress", "queued", "cancelled"}, []string{status(b, first).State, status(a, second).State, status(a, third).State})
	})
	a.vanish()
	if got := b.do("DELETE", asyncPath+"none", ""); got.status != 404 {
		t.Error(got)
	}
	paced.allow(1)
	until(t, "another batch, by the other server", func() bool { return status(b, first).Done == 4 })
	paced.pace(false)
	paced.allow(10)
	until(t, "the end", func() bool { return status(b, first).State == "completed" && status(b, second).State == "completed" })
	if paced.rekeyed != 8 {
		t.Errorf("%d resources were looked at, want 8", paced.rekeyed)
	}
}

// TestServerTakenForDead keeps a server from saying that it lives: it stops writing before the others count it out, and begins anew when it can.
func TestServerTakenForDead(t *testing.T) {
	mute := &muteState{}
	servers, paced := serveShared(t, 1)
	a := servers[0]
	mute.sharedStore = sharedStore{paced}
	b := newFixture(t, func(c *Config) { c.Store, c.Refresh = mute, testBeat })
	t.Cleanup(func() {
		b.server.Drain()
		if err := b.server.Close(); err != nil {
			t.Error(err)
		}
	})
	b.putConditions(1)
	mute.mute.Store(true)
	a.persist("PUT", "/SearchParameter/asserted", asserted)
	if got := a.do("GET", "/Condition?asserted-date=2001", "", "Prefer", "handling=strict"); got.status != 400 && !strings.Contains(a.log.String(), "counts as dead") {
		t.Error("ready while another server makes no keys: ", got)
	}
	until(t, "refused", func() bool {
		return b.do("PUT", "/Condition/c2", `{"resourceType":"Condition","id":"c2"`+conditionAsserted("2001")+`}`).status == 503
	})
	a.finds(t, "/Condition?asserted-date=2001", a.idsOf(t, "/Condition?_sort=_id")...)
	mute.mute.Store(false)
	until(t, "back", func() bool {
		return b.do("PUT", "/Condition/c3", `{"resourceType":"Condition","id":"c3"`+conditionAsserted("2001")+`}`).status == 201
	})
	checkKeys(t, paced, a.server.search, "Condition")
	b.finds(t, "/Condition?asserted-date=2001&_id=c3", "c3")
}

// idsOf lists what a search finds.
func (f *fixture) idsOf(t *testing.T, path string) (ids []string) {
	t.Helper()
	for _, key := range parseBundle(t, f.do("GET", path, "").body).keysOf() {
		ids = append(ids, key[strings.IndexByte(key, '/')+1:])
	}
	return ids
}

// muteState loses what a process says about itself.
type muteState struct {
	sharedStore
	mute atomic.Bool
}

func (s *muteState) PutState(ctx context.Context, kind, id string, value []byte, ifRevision uint64) (uint64, error) {
	if s.mute.Load() && strings.HasPrefix(id, processPrefix) {
		return 0, store.ErrBusy
	}
	return s.sharedStore.PutState(ctx, kind, id, value, ifRevision)
}

// TestHalfDefined has a server die between the commit of a SearchParameter and what follows: another one, or the next, takes care of it.
func TestHalfDefined(t *testing.T) {
	servers, _ := serveShared(t, 2)
	a, b := servers[0], servers[1]
	a.putConditions(3)
	p := a.server.parameters
	p.writing.Lock()
	if _, _, err := p.others.await(t.Context(), parametersID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.apply(t.Context(), []store.Op{a.assertedOp()}); err != nil {
		t.Fatal(err)
	}
	p.writing.Unlock()
	a.vanish()
	b.finds(t, "/Condition?asserted-date=2001", "c1")
	if got := b.persist("PUT", "/SearchParameter/later", parameterOf("later", "later", "token", "Condition", "Condition.subject.reference.exists()")); got.status != 201 {
		t.Error(got)
	}
}

// TestSharedKeying has two servers with different settings on one store: keys of both kinds are written, and neither says that all is well before the other has gone.
func TestSharedKeying(t *testing.T) {
	servers, paced := serveShared(t, 1, func(c *Config) { c.Refresh = 2 * testBeat })
	a := servers[0]
	a.putConditions(3)
	b := newFixture(t, on(sharedStore{paced}), withContent(t), func(c *Config) { c.Refresh = 2 * testBeat })
	cautiousNow := func(f *fixture) bool { return strings.Contains(f.do("GET", "/Condition", "").body, cautious) }
	until(t, "both say so", func() bool { return cautiousNow(a) && cautiousNow(b) })
	time.Sleep(20 * testBeat) // the time is the subject: for ten beats neither may say that all is well
	if !cautiousNow(a) || !cautiousNow(b) {
		t.Error("all is well with both")
	}
	b.server.Drain()
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "the other one has made all keys anew", func() bool { return !cautiousNow(a) })
	checkKeys(t, paced, a.server.search, "Condition")
}

// hungState hangs with what a process says about itself, whoever waits, until its end.
type hungState struct {
	store.State
	puts       atomic.Int64
	begun, end chan struct{}
}

func (s *hungState) PutState(ctx context.Context, kind, id string, value []byte, ifRevision uint64) (uint64, error) {
	if s.puts.Add(1) == 1 {
		close(s.begun)
	}
	<-s.end
	return s.State.PutState(ctx, kind, id, value, ifRevision)
}

// TestNobodyWaitsForABeat has the store hang with the record of a process: who wants to write waits as long as he wants to, and all wait for the same.
func TestNobodyWaitsForABeat(t *testing.T) {
	hung := &hungState{State: newFixture(t).store.(store.State), begun: make(chan struct{}), end: make(chan struct{})}
	p := &processes{state: hung, id: "p", every: time.Minute, log: slog.New(slog.DiscardHandler), renewed: time.Now().Add(-time.Hour), seen: map[string]sighting{}}
	beat := make(chan error, 1)
	go func() { beat <- p.renew(t.Context()) }()
	<-hung.begun
	impatient, leave := context.WithCancel(t.Context())
	told := make(chan error, 10)
	for range cap(told) {
		go func() {
			_, _, err := p.within(impatient)
			told <- err
		}()
	}
	leave()
	for range cap(told) {
		select {
		case err := <-told:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("a caller waits on")
		}
	}
	close(hung.end)
	if err := <-beat; err != nil {
		t.Error(err)
	}
	_, cancel, err := p.within(t.Context())
	if err != nil || hung.puts.Load() != 1 {
		t.Fatalf("%v after %d puts", err, hung.puts.Load())
	}
	cancel()
}
