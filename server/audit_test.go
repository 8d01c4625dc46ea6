package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// audited puts a trail over the store of a fixture.
func audited(t testing.TB, trail **audit.Trail) func(*Config) {
	return func(c *Config) {
		made, err := audit.Open(t.Context(), audit.Options{Store: c.Store, BaseURL: c.BaseURL, Version: "1.2.3"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := made.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		c.Store, c.Auditor = audit.Over(c.Store, made, c.Search), made
		if trail != nil {
			*trail = made
		}
	}
}

// auditEvent is what the tests look at.
type auditEvent struct {
	ID      string
	Action  string
	Outcome string
	Subtype []struct{ Code string }
	Entity  []struct {
		What        struct{ Reference string }
		Query       string
		Description string
	}
}

func (e *auditEvent) String() string {
	text := e.Subtype[len(e.Subtype)-1].Code + " " + e.Action + e.Outcome
	for _, entity := range e.Entity {
		if entity.What.Reference != "" && entity.What.Reference[0] != '#' {
			text += " " + entity.What.Reference
		}
		if entity.Description != "" {
			text += " " + entity.Description
		}
	}
	return text
}

// events are the AuditEvents that a search finds, newest first, and the address of the next page.
func (f *fixture) events(path string) (events []auditEvent, next string) {
	f.t.Helper()
	got := f.do("GET", path, "")
	var bundle struct {
		Link  []struct{ Relation, URL string }
		Entry []struct{ Resource auditEvent }
	}
	if err := json.Unmarshal([]byte(got.body), &bundle); err != nil || got.status != http.StatusOK {
		f.t.Fatalf("%s: %d %v %s", path, got.status, err, got.body)
	}
	for _, e := range bundle.Entry {
		events = append(events, e.Resource)
	}
	for _, l := range bundle.Link {
		if l.Relation == "next" {
			next = l.URL
		}
	}
	return events, next
}

func texts(events []auditEvent) []string {
	list := []string{}
	for i := range events {
		list = append(list, events[i].String())
	}
	return list
}

// TestAuditTrail does one of everything and reads what the trail says of it.
func TestAuditTrail(t *testing.T) {
	f := newFixture(t, audited(t, nil))
	steps := []struct {
		method, path, body string
		headers            []string
		want               []string // events, oldest first
	}{
		{"PUT", "/Patient/p1", `{"resourceType":"Patient","id":"p1"}`, nil, []string{"update U0 Patient/p1/_history/1 Patient/p1"}},
		{"PUT", "/Patient/p2", `{"resourceType":"Patient","id":"p2"}`, nil, []string{"update U0 Patient/p2/_history/1 Patient/p2"}},
		{"PUT", "/Observation/o1", observationOf("o1", "p1"), nil, []string{"update U0 Observation/o1/_history/1 Patient/p1"}},
		{"PUT", "/Observation/o2", observationOf("o2", "p2"), []string{"Prefer", "return=minimal"}, []string{"update U0 Observation/o2/_history/1 Patient/p2"}},
		{"GET", "/Observation/o1", "", nil, []string{"read R0 Observation/o1/_history/1 Patient/p1"}},
		{"GET", "/Observation/o1/_history/1", "", nil, []string{"vread R0 Observation/o1/_history/1 Patient/p1"}},
		{"GET", "/Observation/o9", "", nil, []string{"read R4 Observation/o9"}},
		{"GET", "/Observation?status=final&_sort=_id", "", nil, []string{"search-type E0 Patient/p1 Observation?status=final&_sort=_id", "search-type E0 Patient/p2 Observation?status=final&_sort=_id"}},
		{"GET", "/Observation?status=amended", "", nil, []string{"search-type E0 Observation?status=amended"}},
		{"POST", "/Observation/_search", "status=final&_id=o1", []string{"Content-Type", "application/x-www-form-urlencoded"}, []string{"search-type E0 Patient/p1 Observation/_search?status=final&_id=o1"}},
		{"GET", "/Patient/p1/Observation?status=amended", "", nil, []string{"search-type E0 Patient/p1 Patient/p1/Observation?status=amended"}},
		{"GET", "/Observation/o1/_history", "", nil, []string{"history-instance R0 Observation/o1 Patient/p1"}},
		{"GET", "/Observation?nonsense:missing=1&_sort=what", "", nil, []string{"search-type E4 Observation?nonsense:missing=1&_sort=what"}},
		{"GET", "/Patient/p2/$everything", "", nil, []string{"operation E0 Patient/p2 Patient/p2/$everything"}},
		{"POST", "", bundleOf("transaction", requestEntry("", observationOf("o3", "p1"), "PUT", "Observation/o3"), requestEntry("", "", "GET", "Observation/o2")), nil,
			[]string{"update U0 Observation/o3/_history/1 Patient/p1", "read R0 Observation/o2/_history/1 Patient/p2", "transaction E0 Patient/p1"}},
		{"DELETE", "/Observation/o3", "", nil, []string{"delete D0 Observation/o3/_history/2 Patient/p1"}},
		{"GET", "/metadata", "", nil, []string{"capabilities R0 metadata"}},
		{"GET", "/Observation?access_token=verysecret&status=amended", "", nil, []string{"search-type E0 Observation?access_token=***&status=amended"}},
	}
	for i, step := range steps {
		t.Run(step.method+" "+step.path, func(t *testing.T) {
			id := fmt.Sprintf("r-%d", i)
			f.do(step.method, step.path, step.body, append([]string{"X-Request-Id", id}, step.headers...)...)
			events, _ := f.events("/AuditEvent?_count=200&entity:identifier=" + id)
			got := texts(events)
			slices.Reverse(got)
			for i := range got { // the query comes before the patient in an event, here behind
				got[i] = reordered(got[i])
			}
			want := slices.Clone(step.want)
			for i := range want {
				want[i] = reordered(want[i])
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	whole := f.do("GET", "/AuditEvent?_count=200", "").body
	if strings.Contains(whole, "verysecret") || strings.Contains(whole, base64.StdEncoding.EncodeToString([]byte("verysecret"))) {
		t.Error("a token is in the trail")
	}
}

// reordered sorts the words of an event.
func reordered(text string) string {
	words := strings.Fields(text)
	slices.Sort(words)
	return strings.Join(words, " ")
}

func observationOf(id, patient string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%s"}}`, id, patient)
}

// TestAuditEvents asks for AuditEvents as clients do.
func TestAuditEvents(t *testing.T) {
	year := time.Now().UTC().Year() // before anything is recorded, at midnight of New Year's Eve
	f := newFixture(t, audited(t, nil))
	for i := range 30 {
		f.do("PUT", fmt.Sprintf("/Observation/o%d", i), observationOf(fmt.Sprint("o", i), fmt.Sprint("p", i%3)))
	}
	f.do("GET", "/Observation/o7", "")
	count := func(query string) int {
		t.Helper()
		all, next := f.events("/AuditEvent?_count=7&" + query)
		for next != "" {
			var more []auditEvent
			more, next = f.events(strings.TrimPrefix(next, f.base))
			all = append(all, more...)
		}
		seen := map[string]bool{}
		for i := range all {
			if seen[all[i].ID] {
				t.Errorf("%s twice", all[i].ID)
			}
			seen[all[i].ID] = true
		}
		return len(all)
	}
	for query, want := range map[string]int{
		"action=U": 30, "patient=p1": 11, "patient=Patient/p1&action=U": 10, "action=R&entity=Observation/o7": 1, "entity=Observation/o7": 2, "subtype=update": 30,
		"type=rest&action=U": 30, "outcome=4": 0, fmt.Sprintf("date=lt%d", year): 0, fmt.Sprintf("date=ge%d&action=U", year): 30, fmt.Sprintf("_lastUpdated=gt%d&action=U", year+1): 0,
		"action=U&_sort=-date": 30, "action:not=U&subtype=read": 1, "patient=nobody": 0, "type=110100": 1, "agent-name=nobody": 0, "patient:Patient._id=p1": 0,
	} {
		if got := count(query); got != want {
			t.Errorf("%s: %d events, want %d", query, got, want)
		}
	}
	events, _ := f.events("/AuditEvent?action=U&_count=3")
	if diff := cmp.Diff([]string{"update U0 Observation/o29/_history/1 Patient/p2", "update U0 Observation/o28/_history/1 Patient/p1", "update U0 Observation/o27/_history/1 Patient/p0"}, texts(events)); diff != "" {
		t.Errorf("newest first: -want +got\n%s", diff)
	}
	id := events[0].ID
	posted := `{"resourceType":"AuditEvent","type":{"code":"x"},"recorded":"2026-01-01T00:00:00Z","agent":[{"requestor":true}],"source":{"observer":{"display":"peer"}},"entity":[{"what":{"reference":"Patient/px"}}]}`
	f.run(t, []step{
		{name: "read", method: "GET", path: "/AuditEvent/" + id, status: 200, answer: "*"},
		{name: "vread", method: "GET", path: "/AuditEvent/" + id + "/_history/1", status: 200, answer: "*"},
		{name: "no second version", method: "GET", path: "/AuditEvent/" + id + "/_history/2", status: 404, answer: "*"},
		{name: "history", method: "GET", path: "/AuditEvent/" + id + "/_history", status: 200, answer: `..."total":1,`},
		{name: "another id", method: "GET", path: "/AuditEvent/a1-99999", status: 404, answer: "*"},
		{name: "update", method: "PUT", path: "/AuditEvent/" + id, body: strings.Replace(posted, `"type"`, `"id":"`+id+`","type"`, 1), status: 405, want: []string{"Allow: GET, HEAD, POST"}, answer: "*"},
		{name: "update of a new one", method: "PUT", path: "/AuditEvent/new", body: strings.Replace(posted, `"type"`, `"id":"new","type"`, 1), status: 405, answer: "*"},
		{name: "patch", method: "PATCH", path: "/AuditEvent/" + id, headers: []string{"Content-Type", "application/json-patch+json"}, body: `[]`, status: 405, answer: "*"},
		{name: "delete", method: "DELETE", path: "/AuditEvent/" + id, status: 405, answer: outcome("not-supported", "an AuditEvent is part of the audit trail: it can be created, read and searched, but not changed or deleted")},
		{name: "delete by condition", method: "DELETE", path: "/AuditEvent?action=U", status: 405, answer: "*"},
		{name: "other order", method: "GET", path: "/AuditEvent?_sort=agent", status: 400, answer: "*"},
		{name: "post", method: "POST", path: "/AuditEvent", body: posted, status: 201, answer: `..."source":{"observer":{"display":"peer"}}`},
	})
	if got := count("patient=px"); got != 2 { // the posted one, and that it was posted
		t.Errorf("%d events about px", got)
	}
	peers, _ := f.events("/AuditEvent?type=x")
	if len(peers) != 1 || !regexp.MustCompile(`^a[0-9a-z]+-[0-9]+$`).MatchString(peers[0].ID) {
		t.Errorf("%+v", peers)
	}
	if got := count("subtype=110101"); got == 0 {
		t.Error("reading the trail is not in the trail")
	}
}

func auditedOnDisk(b *testing.B, isAudited bool) func(*Config) {
	return func(c *Config) {
		s, err := pebble.Open(b.TempDir(), pebble.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		c.Store, c.IDs, c.Validation = s, nil, ValidateWrites
		if isAudited {
			audited(b, nil)(c)
		}
	}
}

// BenchmarkAudit compares a server that records everything with one that does not, on a store on disk, without the cost of a network.
func BenchmarkAudit(b *testing.B) {
	for _, isAudited := range []bool{false, true} {
		b.Run(fmt.Sprintf("create/audit=%t", isAudited), func(b *testing.B) { benchCreate(b, newFixture(b, auditedOnDisk(b, isAudited)), 64) })
		b.Run(fmt.Sprintf("read/audit=%t", isAudited), func(b *testing.B) {
			benchAsk(b, newFixture(b, auditedOnDisk(b, isAudited)), "/Observation/o")
		})
		b.Run(fmt.Sprintf("search/audit=%t", isAudited), func(b *testing.B) {
			benchAsk(b, newFixture(b, auditedOnDisk(b, isAudited)), "/Observation?patient=p&code=8867-4&_sort=-date&_count=20")
		})
	}
}

// stuckAuditor takes nothing.
type stuckAuditor struct{ ready, record error }

func (a stuckAuditor) Ready() error                               { return a.ready }
func (a stuckAuditor) Record(context.Context, *audit.Event) error { return a.record }

// TestAuditUnavailable shows that nothing is answered that could not be recorded.
func TestAuditUnavailable(t *testing.T) {
	const patient = `{"resourceType":"Patient","id":"p"}`
	t.Run("known before", func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Auditor = stuckAuditor{ready: audit.ErrUnavailable} })
		f.run(t, []step{
			{name: "write", method: "PUT", path: "/Patient/p", body: patient, status: 503, answer: "*"},
			{name: "read", method: "GET", path: "/Patient/p", status: 503, answer: "*"},
			{name: "statement", method: "GET", path: "/metadata", status: 200, answer: "*"},
			{name: "health", method: "GET", path: f.url + "/healthz", status: 200, answer: "ok\n"},
		})
		if _, err := f.store.Read(t.Context(), fhir.Key{Type: "Patient", ID: "p"}); err == nil {
			t.Error("it was written")
		}
	})
	t.Run("found out later", func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Auditor = stuckAuditor{record: audit.ErrUnavailable} })
		f.run(t, []step{
			{name: "write", method: "PUT", path: "/Patient/p", body: patient, status: 503, answer: "*"},
			{name: "read", method: "GET", path: "/Patient/p", status: 503, answer: "*"},
			{name: "transaction", method: "POST", path: "", body: bundleOf("transaction", requestEntry("", patient, "PUT", "Patient/p")), status: 503, answer: "*"},
		})
	})
	t.Run("found out in the commit", func(t *testing.T) {
		f := newFixture(t, func(c *Config) {
			journal, ok := store.Unwrap(c.Store).(store.Journal)
			if !ok {
				t.Skip("the store has no journal: events are recorded behind commits")
			}
			if err := journal.Keep(t.Context(), fullJournal{}); err != nil {
				t.Fatal(err)
			}
			c.Auditor = stuckAuditor{}
		})
		f.run(t, []step{
			{name: "write", method: "PUT", path: "/Patient/p", body: patient, status: 503, answer: "*"},
			{name: "transaction", method: "POST", path: "", body: bundleOf("transaction", requestEntry("", patient, "PUT", "Patient/p")), status: 503, answer: "*"},
			{name: "what was not written", method: "GET", path: "/Patient/p", status: 404, answer: "*"},
		})
	})
}

// fullJournal takes nothing.
type fullJournal struct{}

func (fullJournal) Enter([]store.Noted) (store.Entry, error) { return nil, store.ErrBusy }
