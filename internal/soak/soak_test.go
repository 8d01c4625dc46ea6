package soak

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// TestSoak lets readers and writers loose on one server: every answer is one that the request may get, writers read what they wrote, and in the end everything
// acknowledged is there, the indexes agree, no race was seen and memory is flat. A server with authorization has an audit trail that is intact then.
func TestSoak(t *testing.T) {
	s := readSettings(t)
	program := binary
	if s.long {
		program = raced(t)
	}
	for name, isGuarded := range map[string]bool{"open": false, "guarded": true} {
		if s.long && isGuarded != s.guarded {
			continue
		}
		t.Run(name, func(t *testing.T) { soak(t, s, program, isGuarded) })
	}
}

func soak(t *testing.T, s settings, program firthtest.Binary, isGuarded bool) {
	dir := filepath.Join(t.TempDir(), "store")
	// Small caches, so that memory is at its level soon; all jobs that clients can start.
	args := []string{"--cache", "16MiB", "--max-jobs", "4000", "--log-level", "warn", "--request-timeout", "5m"}
	w := newWorld()
	var p *firthtest.Process
	if isGuarded {
		p, w.through = serveGuarded(t, program, dir, args...)
	} else {
		p = program.Serve(t, dir, args...)
	}
	levels, clients := w.run(t, p, s)
	t.Logf("seed %d, %d clients, %v: %s", s.seed, s.clients, s.duration, w.table())
	for _, failure := range w.failures {
		t.Error(failure)
	}
	if w.failed > 0 {
		t.Errorf("%d unexpected answers", w.failed)
	}
	report, ok := flat(levels)
	t.Logf("%s", report)
	if s.duration >= time.Minute && !ok {
		t.Error("memory is not flat")
	}
	w.verify(t, p.Base, clients)
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	checkLog(t, p.Stderr.String())
	checkStore(t, dir)
	if isGuarded {
		checkTrail(t, dir)
	}
}

// run starts the clients and waits for them.
func (w *world) run(t *testing.T, p *firthtest.Process, s settings) (levels []level, clients []*client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.duration)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: s.clients, MaxConnsPerHost: s.clients}
	defer transport.CloseIdleConnections()
	through := w.through(transport)
	var all sync.WaitGroup
	all.Go(func() { levels = watch(ctx, strings.TrimSuffix(p.Base, "/fhir"), s.duration/60) })
	for i := range s.clients {
		c := &client{world: w, ctx: ctx, http: &http.Client{Transport: through}, base: p.Base, random: rand.New(rand.NewPCG(s.seed, uint64(i))), name: fmt.Sprintf("own%d", i)}
		clients = append(clients, c)
		all.Go(c.work)
	}
	all.Wait()
	return levels, clients
}

// verify asks for what was acknowledged.
func (w *world) verify(t *testing.T, base string, clients []*client) {
	t.Helper()
	last := &client{world: newWorld(), ctx: t.Context(), http: &http.Client{Transport: w.through(http.DefaultTransport)}, base: base}
	for _, c := range clients {
		if c.serial == 0 {
			continue
		}
		a, ok := last.do(call{what: "own", method: "GET", path: "/Basic/" + c.name, good: []int{200}})
		if root, parsed := last.tree("own", a); ok && parsed {
			// One more may be written than was answered when the time was over.
			if n, err := strconv.Atoi(root.Path("code", "text").Text()); err != nil || n != c.serial && n != c.serial+1 {
				t.Errorf("%s is at %d, acknowledged %d", c.name, n, c.serial)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(w.versions)) {
		a, ok := last.do(call{what: "history of " + key, method: "GET", path: "/" + key + "/_history?_summary=count", good: []int{200}})
		if root, parsed := last.tree("history", a); ok && parsed {
			if n, err := strconv.Atoi(root.Get("total").Text()); err != nil || n < w.versions[key] {
				t.Errorf("%s has %d versions, and %d was acknowledged", key, n, w.versions[key])
			}
		}
	}
	for _, failure := range last.failures {
		t.Errorf("in the end: %s", failure)
	}
}

// checkLog looks for races, panics and errors.
func checkLog(t *testing.T, log string) {
	t.Helper()
	for _, bad := range []string{"DATA RACE", "panic", "level=ERROR", "fatal error"} {
		if i := strings.Index(log, bad); i >= 0 {
			t.Errorf("the log has %q:\n%s", bad, log[max(0, i-200):min(len(log), i+6000)])
		}
	}
}

// checkStore opens what the program left behind.
func checkStore(t *testing.T, dir string) {
	t.Helper()
	s, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var checker store.Checker = s
	n, err := checker.Check(t.Context(), func(f store.Finding) { t.Errorf("check: %s: %s", f.Key, f.Text) })
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d resources checked", n)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
