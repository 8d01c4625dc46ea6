package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// TestCutOff cuts the connection before and after each command of each way to write. Whatever the caller is told, the store must be in a state that it allows:
// what was acknowledged is there once; what was not is there whole or not at all; the history has each version once; and writing goes on.
func TestCutOff(t *testing.T) {
	for _, path := range []struct {
		name         string
		transactions bool
		ops          func(t *testing.T, id string) []store.Op
	}{
		{"create", false, func(t *testing.T, id string) []store.Op { return []store.Op{patient(t, store.Create, id+"n", "new")} }},
		{"update", false, func(t *testing.T, id string) []store.Op { return []store.Op{patient(t, store.Update, id, "new")} }},
		{"update of an older version", false, func(t *testing.T, id string) []store.Op { return []store.Op{patient(t, store.Update, id+"u", "new")} }},
		{"update as create", false, func(t *testing.T, id string) []store.Op { return []store.Op{patient(t, store.Update, id+"n", "new")} }},
		{"delete", false, func(t *testing.T, id string) []store.Op { return []store.Op{patient(t, store.Delete, id, "")} }},
		{"resurrection", false, func(t *testing.T, id string) []store.Op { return []store.Op{patient(t, store.Update, id+"d", "new")} }},
		{"bundle", true, func(t *testing.T, id string) []store.Op {
			return []store.Op{patient(t, store.Create, id+"n", "new"), patient(t, store.Update, id, "new"), patient(t, store.Delete, id+"u", "")}
		}},
		{"conditional create", true, func(t *testing.T, id string) []store.Op {
			op := patient(t, store.Create, id+"n", "new")
			op.IfNoneExist = &search.Query{Type: "Patient", Plan: search.Keys{Lo: "k\x01t" + id, Hi: "k\x01t" + id + "\x00"}}
			return []store.Op{op}
		}},
	} {
		t.Run(path.name, func(t *testing.T) {
			c := newCutter(t)
			if path.transactions && !c.direct.Transactions() {
				c.refused(path.ops)
				return
			}
			c.all(path.ops)
		})
	}
}

// patient makes an operation.
func patient(t *testing.T, method store.Method, id, text string) store.Op {
	t.Helper()
	op := store.Op{Method: method, Key: fhir.Key{Type: "Patient", ID: id}}
	if method == store.Delete {
		return op
	}
	r, err := fhir.ParseResource([]byte(`{"resourceType":"Patient","language":"` + text + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	if op.Resource, err = r.Stamp(id); err != nil {
		t.Fatal(err)
	}
	op.Keys = []string{"k\x01t" + strings.TrimRight(id, "nud"), "language\x01t" + text}
	return op
}

// cutter has a store behind a proxy and one that is not, on one database.
type cutter struct {
	*testing.T
	proxy        *proxy
	weak, direct *mongo.Store
	round        int
}

func newCutter(t *testing.T) *cutter {
	c := &cutter{T: t, proxy: newProxy(t, false)}
	name := database(t)
	c.direct = open(t, mongo.Options{Database: name})
	weak, err := mongo.Open(t.Context(), c.proxy.uri(t), mongo.Options{Database: name, AllowStandalone: !real(), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c.weak = weak
	t.Cleanup(func() { _ = c.weak.Close(); _ = c.direct.Close() })
	return c
}

// all cuts at every place.
func (c *cutter) all(ops func(*testing.T, string) []store.Op) {
	c.prepare()
	c.proxy.arm(cut{})
	if _, err := c.weak.Apply(c.Context(), ops(c.T, c.id())); err != nil {
		c.Fatal(err)
	}
	commands := c.proxy.disarm()
	c.Logf("commands: %v", commands)
	acknowledged := 0
	for i := range commands {
		for _, after := range []bool{false, true} {
			c.prepare()
			before := c.states(ops)
			c.proxy.arm(cut{command: i + 1, after: after})
			results, err := c.weak.Apply(c.Context(), ops(c.T, c.id()))
			c.proxy.disarm()
			if err == nil {
				acknowledged++
			}
			c.judge(fmt.Sprintf("cut %d (%s), after: %v, told: %v", i+1, commands[i], after, err), before, ops, results, err)
		}
	}
	c.Logf("%d of %d cuts did not keep the write from being acknowledged", acknowledged, 2*len(commands))
}

// refused shows that without transactions nothing of what needs one is done.
func (c *cutter) refused(ops func(*testing.T, string) []store.Op) {
	c.prepare()
	before := c.states(ops)
	if _, err := c.weak.Apply(c.Context(), ops(c.T, c.id())); !errors.Is(err, store.ErrUnsupported) {
		c.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, c.states(ops)); diff != "" {
		c.Error(diff)
	}
}

func (c *cutter) id() string { return fmt.Sprintf("p%d-", c.round) }

// prepare makes the resources of a round: one new, one updated, one deleted.
func (c *cutter) prepare() {
	c.round++
	id := c.id()
	for _, op := range []store.Op{patient(c.T, store.Create, id, "a"), patient(c.T, store.Create, id+"u", "a"), patient(c.T, store.Update, id+"u", "b"),
		patient(c.T, store.Create, id+"d", "a"), patient(c.T, store.Delete, id+"d", "")} {
		if op.Key.ID == id {
			op.Keys = nil // what conditions look for is not there
		} else if op.Method != store.Delete {
			op.Keys = op.Keys[1:]
		}
		if _, err := c.direct.Apply(c.Context(), []store.Op{op}); err != nil {
			c.Fatal(err)
		}
	}
}

// states are the version numbers of what some operations write.
func (c *cutter) states(ops func(*testing.T, string) []store.Op) []int {
	var numbers []int
	for _, op := range ops(c.T, c.id()) {
		page, err := c.direct.History(c.Context(), store.HistoryQuery{Type: "Patient", ID: op.Key.ID, Count: 100})
		n := 0
		if err == nil {
			n = len(page.Versions)
			c.history(page)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// history checks that every version comes once, and can be read.
func (c *cutter) history(page *store.HistoryPage) {
	for i, v := range page.Versions {
		if want := fmt.Sprint(len(page.Versions) - i); v.Key.Version != want || page.Total != len(page.Versions) {
			c.Errorf("round %d: the history has %s in the place of version %s, total %d", c.round, v.Key, want, page.Total)
		}
		if got, err := c.direct.Read(context.Background(), v.Key); !v.Deleted() && (err != nil || string(got.JSON) != string(v.JSON)) {
			c.Errorf("round %d: read of %s: %v", c.round, v.Key, err)
		}
	}
}

// judge compares the states before and after a cut with what the caller was told.
func (c *cutter) judge(what string, before []int, ops func(*testing.T, string) []store.Op, results []store.Result, told error) {
	time.Sleep(20 * time.Millisecond) // what the server had begun
	after := c.states(ops)
	done := make([]int, len(before))
	for i := range before {
		done[i] = before[i] + 1
	}
	switch whole := cmp.Equal(done, after); {
	case told == nil && !whole:
		c.Errorf("%s: acknowledged, but versions went from %v to %v", what, before, after)
	case !whole && !cmp.Equal(before, after):
		c.Errorf("%s: half done, versions went from %v to %v", what, before, after)
	}
	for i := range results {
		v := &results[i].Version
		now, err := c.direct.Read(context.Background(), fhir.Key{Type: "Patient", ID: v.Key.ID, Version: v.Key.Version})
		if !v.Deleted() && (err != nil || cmp.Diff(v, now) != "") {
			c.Errorf("%s: acknowledged %s, but there is %v (%v)", what, v.Key, now, err)
		}
	}
	for _, op := range ops(c.T, c.id()) {
		if op.Method == store.Create || op.IfNoneExist != nil {
			continue
		}
		if _, err := c.direct.Apply(context.Background(), []store.Op{op}); err != nil {
			c.Errorf("%s: written again: %v", what, err)
		}
	}
	c.states(ops)
	_, err := c.direct.Check(context.Background(), func(f store.Finding) { c.Errorf("%s: check: %s: %s", what, f.Key, f.Text) })
	if err != nil {
		c.Error(err)
	}
}
