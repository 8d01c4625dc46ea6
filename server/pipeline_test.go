package server

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

func TestRequestID(t *testing.T) {
	f := newFixture(t)
	for sent, want := range map[string]string{
		"abc-123": "abc-123", "": "id-", "with space": "id-", strings.Repeat("x", 129): "id-", "caf\u00e9": "id-",
	} {
		t.Run(sent, func(t *testing.T) {
			headers := []string{"X-Request-Id", sent}
			if sent == "" {
				headers[1] = "-"
			}
			got := f.do("GET", "/Patient/p", "", headers...).header.Get("X-Request-Id")
			if !strings.HasPrefix(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// guard lets callers with a token in; "reader" may only read Patients, and sees only those that are active.
type guard struct {
	mu     sync.Mutex
	events []*audit.Event
}

func (g *guard) Authenticate(r *http.Request) (Grant, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer reader":
		return readerGrant{}, nil
	case "Bearer all":
		return everything{}, nil
	}
	return nil, fhir.Invalidf(fhir.CodeLogin, "", "no token")
}

func (g *guard) Record(_ context.Context, e *audit.Event) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
	return nil
}

func (*guard) Ready() error { return nil }

type readerGrant struct{ everything }

func (readerGrant) Allow(_ context.Context, a Access) error {
	allowed := []string{"read", "search-type", "batch", "transaction"}
	if !slices.Contains(allowed, a.Interaction) || a.Key.Type != "Patient" && a.Key.Type != "" {
		return fhir.Invalidf(fhir.CodeForbidden, "", "not allowed")
	}
	return nil
}

func (readerGrant) Restrict(_ context.Context, q *search.Query) error {
	q.Plan = search.And{q.Plan, search.IDs{"visible"}}
	return nil
}

// TestPipelineAsksAndTells shows that no interaction gets around authentication, authorization and audit, entries of Bundles included.
func TestPipelineAsksAndTells(t *testing.T) {
	g := &guard{}
	f := newFixture(t, func(c *Config) { c.Authenticator, c.Auditor, c.Clock = g, g, fixedClock })
	reader, all := []string{"Authorization", "Bearer reader"}, []string{"Authorization", "Bearer all"}
	patient := func(id string) string { return `{"resourceType":"Patient","id":"` + id + `"}` }
	f.run(t, []step{
		{name: "nobody", method: "GET", path: "/Patient/visible", status: 401, answer: outcome("login", "no token")},
		{name: "the statement is for all", method: "GET", path: "/metadata", status: 200, answer: "*"},
		{name: "health is for all", method: "GET", path: f.url + "/healthz", status: 200, answer: "ok\n"},
		{name: "writer", method: "PUT", path: "/Patient/visible", body: patient("visible"), headers: all, status: 201, answer: "*"},
		{name: "writer again", method: "PUT", path: "/Patient/hidden", body: patient("hidden"), headers: all, status: 201, answer: "*"},
		{name: "reader may not write", method: "PUT", path: "/Patient/visible", body: patient("visible"), headers: reader, status: 403, answer: outcome("forbidden", "not allowed")},
		{name: "reader may not ingest", method: "POST", path: f.url + "/ingest/withings", body: "{}", headers: reader, status: 403, answer: "*"},
		{name: "reader reads", method: "GET", path: "/Patient/visible", headers: reader, status: 200, answer: "*"},
		{name: "searches are narrowed", method: "GET", path: "/Patient", headers: reader, status: 200, answer: `..."total":1,`},
		{name: "entries of a batch are asked one by one", method: "POST", path: "", headers: reader, status: 200,
			body:   bundleOf("batch", requestEntry("", "", "DELETE", "Patient/visible")),
			answer: `..."response":{"status":"403 Forbidden","outcome":` + outcome("forbidden", "not allowed")},
		{name: "one forbidden entry forbids the transaction", method: "POST", path: "", headers: reader, status: 403,
			body:   bundleOf("transaction", requestEntry("", "", "GET", "Patient/visible"), requestEntry("", "", "DELETE", "Patient/visible")),
			answer: outcome("forbidden", "not allowed", "Bundle.entry[1]")},
		{name: "conditions are narrowed", method: "POST", path: "/Patient", headers: append([]string{"If-None-Exist", "_id=hidden"}, all...), body: patient("x"), status: 200, answer: "*"},
	})
	want := []string{
		"read Patient/visible 401", "capabilities / 200", "update Patient/visible/_history/1 201", "update Patient/hidden/_history/1 201", "update Patient/visible 403", "ingest / 403",
		"read Patient/visible/_history/1 200", "search-type Patient/ 200", "delete Patient/visible 403", "batch / 200", "transaction / 403", "create Patient/hidden/_history/1 200",
	}
	var got []string
	for _, e := range g.events {
		got = append(got, fmt.Sprintf("%s %s %d", e.Interaction, e.Key, e.Status))
	}
	diff(t, want, got)
	first := &audit.Event{Interaction: "read", Key: fhir.Key{Type: "Patient", ID: "visible"}, Query: "Patient/visible", Patients: []string{"visible"}, RequestID: "test",
		Status: 401, Issue: fhir.CodeLogin, Address: "127.0.0.1", Agent: "Go-http-client/1.1"}
	if d := cmp.Diff(first, g.events[0], cmpopts.IgnoreUnexported(audit.Event{})); d != "" {
		t.Error(d)
	}
}

func TestOperations(t *testing.T) {
	f := newFixture(t)
	f.run(t, []step{
		{name: "health", method: "GET", path: f.url + "/healthz", status: 200, want: []string{"Content-Type: text/plain; charset=utf-8"}, answer: "ok\n"},
		{name: "ready", method: "GET", path: f.url + "/readyz", status: 200, answer: "ready\n"},
		{name: "head", method: "HEAD", path: f.url + "/readyz", status: 200},
		{name: "a request to count", method: "GET", path: "/Patient/p", status: 404, answer: "*"},
		{name: "metrics", method: "GET", path: f.url + "/metrics", status: 200, answer: "...firth_requests_total{interaction=\"read\",status=\"404\"} 1\n"},
		{name: "durations", method: "GET", path: f.url + "/metrics", status: 200, answer: "...firth_request_duration_seconds_count{interaction=\"read\"} 1\n"},
		{name: "in flight", method: "GET", path: f.url + "/metrics", status: 200, answer: "...firth_requests_in_flight 0\n"},
	})
	f.server.Drain()
	f.run(t, []step{
		{name: "draining", method: "GET", path: f.url + "/readyz", status: 503, answer: "shutting down\n"},
		{name: "still alive", method: "GET", path: f.url + "/healthz", status: 200, answer: "ok\n"},
	})
}

// tellingStore has figures.
type tellingStore struct{ store.Store }

func (tellingStore) Figures() map[string]float64 { return map[string]float64{"disk_bytes": 42} }

func (tellingStore) LabelledFigures() []store.Figure {
	return []store.Figure{{Name: "commands_total", Label: "command", Of: "find", Value: 7}, {Name: "commands_total", Label: "command", Of: "insert", Value: 2}}
}

func TestStoreFigures(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Store = tellingStore{c.Store} })
	f.run(t, []step{
		{name: "metrics", method: "GET", path: f.url + "/metrics", status: 200, answer: "...firth_store_disk_bytes 42\n"},
		{name: "by a label", method: "GET", path: f.url + "/metrics", status: 200,
			answer: "...# TYPE firth_store_commands_total counter\nfirth_store_commands_total{command=\"find\"} 7\nfirth_store_commands_total{command=\"insert\"} 2\n"},
	})
}

// TestTimeout shows that a search or a write that takes too long is answered, not cut off.
func TestTimeout(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.Timeout = time.Nanosecond })
	f.run(t, []step{
		{name: "search", method: "GET", path: "/Patient", status: 503, want: []string{"Retry-After: 1"}, answer: outcome("timeout", "Patient: the request took too long and was given up")},
		{name: "create", method: "POST", path: "/Patient", body: `{"resourceType":"Patient"}`, status: 503, want: []string{"Retry-After: 1"},
			answer: outcome("timeout", "Patient: the request took too long and was given up")},
		{name: "conditional create", method: "POST", path: "/Patient", headers: []string{"If-None-Exist", "identifier=a|b"}, body: `{"resourceType":"Patient"}`, status: 503,
			want: []string{"Retry-After: 1"}, answer: outcome("timeout", "Patient: the request took too long and was given up")},
		{name: "update", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p"}`, status: 503, want: []string{"Retry-After: 1"},
			answer: outcome("timeout", "Patient/p: the request took too long and was given up")},
		{name: "delete", method: "DELETE", path: "/Patient/p", status: 503, want: []string{"Retry-After: 1"}, answer: outcome("timeout", "Patient/p: the request took too long and was given up")},
		{name: "a read is not under it", method: "GET", path: "/Patient/p", status: 404, answer: "*"},
	})
}

func TestConfigRefused(t *testing.T) {
	good := newFixture(t)
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no store", func(c *Config) { c.Store = nil }, "server: Store, Search and Definitions are required"},
		{"no base", func(c *Config) { c.BaseURL = "" }, `server: BaseURL "" is not an absolute http or https URL`},
		{"relative base", func(c *Config) { c.BaseURL = "/fhir" }, `server: BaseURL "/fhir" is not an absolute http or https URL`},
		{"other scheme", func(c *Config) { c.BaseURL = "ftp://h/fhir" }, `server: BaseURL "ftp://h/fhir" is not an absolute http or https URL`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Store: good.store, Search: good.server.search, Definitions: good.server.definitions, BaseURL: good.base}
			tt.change(&c)
			if _, err := New(c); err == nil || err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// TestIDs shows that ids are UUIDs of version 7 in ascending order, also when the clock stands still or goes back.
func TestIDs(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ids := newUUIDs(func() time.Time { return now })
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	last := ""
	for i := range 10_000 {
		id := ids.next()
		if !form.MatchString(id) || !fhir.IsID(id) || id <= last {
			t.Fatalf("%s after %s", id, last)
		}
		if i == 0 && !strings.HasPrefix(id, "019b7ca9-8c88-7000-") {
			t.Errorf("%s does not begin with the time", id)
		}
		last = id
		if i == 5000 {
			now = now.Add(-time.Hour)
		}
	}
}

func TestParsePrefer(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		want   preferences
	}{
		{"nothing known", []string{"wait=10, depth-noroot"}, preferences{}},
		{"in the background", []string{"respond-async, wait=10"}, preferences{async: true}},
		{"minimal", []string{"return=minimal"}, preferences{ret: returnMinimal}},
		{"representation, strict", []string{"return=representation; handling=strict"}, preferences{ret: returnRepresentation, strict: true}},
		{"outcome in another case", []string{"Return=operationOutcome"}, preferences{ret: returnOutcome}},
		{"two headers", []string{"return=minimal", "handling=strict"}, preferences{ret: returnMinimal, strict: true}},
		{"quoted", []string{`return="minimal"`}, preferences{ret: returnMinimal}},
		{"the last word", []string{"handling=strict, handling=lenient"}, preferences{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parsePrefer(tt.values); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestParseETag(t *testing.T) {
	tests := []struct {
		text, version string
		ok            bool
	}{
		{`W/"3"`, "3", true}, {`"3"`, "3", true}, {` W/"3" `, "3", true}, {`W/"a-b.c"`, "a-b.c", true},
		{`3`, "", false}, {`W/3`, "", false}, {`W/""`, "", false}, {`""`, "", false}, {`"`, "", false}, {`*`, "", false}, {``, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if version, ok := parseETag(tt.text); version != tt.version || ok != tt.ok {
				t.Errorf("%q %t, want %q %t", version, ok, tt.version, tt.ok)
			}
		})
	}
	if _, ok := parseETag(`W/"a_b"`); ok {
		t.Error("a version that is no id")
	}
}

// TestParallelPassesPanicsOn shows that a panic in a worker reaches the pipeline.
func TestParallelPassesPanicsOn(t *testing.T) {
	defer func() {
		if cause := recover(); cause == nil || !strings.Contains(fmt.Sprint(cause), "broken") {
			t.Errorf("recovered %v", cause)
		}
	}()
	parallel(100, 4, func(i int) {
		if i == 50 {
			panic("broken")
		}
	})
	t.Error("no panic")
}
