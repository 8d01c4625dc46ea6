package server

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/firth-health/firth/adapters/catalog"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// withCatalog serves the built-in adapters.
func withCatalog(t testing.TB) func(*Config) {
	t.Helper()
	registry, err := catalog.Adapters()
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.Adapters, c.Validation = registry, ValidateWrites }
}

func sample(t testing.TB, adapter, name string) string {
	t.Helper()
	samples, err := catalog.Samples(adapter)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if s.Name == name {
			return string(s.Payload)
		}
	}
	t.Fatalf("no sample %s of %s", name, adapter)
	return ""
}

// counts is what the report of an ingestion adds up to.
type counts struct{ Written, Updated, Unchanged, Repeated, Ignored, Unmapped, Quarantined int }

func (f *fixture) ingest(path, payload string) (status int, category string, c counts) {
	f.t.Helper()
	got := f.do("POST", f.url+path, payload)
	var report struct {
		Category string
		Counts   counts
	}
	if err := json.Unmarshal([]byte(got.body), &report); err != nil || report.Category == "" {
		f.t.Fatalf("no report: %d %s", got.status, got.body)
	}
	return got.status, report.Category, report.Counts
}

func TestIngest(t *testing.T) {
	f := newFixture(t, withCatalog(t))
	payload := sample(t, "withings", "body-measures.json")
	status, _, first := f.ingest("/ingest/withings?patient=42", payload)
	if status != 201 || first.Written == 0 || first.Unchanged != 0 {
		t.Fatalf("first time: %d %+v", status, first)
	}
	f.run(t, []step{
		{name: "the weight to the last digit", method: "GET", path: "/Observation?code=29463-7&date=2015-05-31", status: 200, answer: `...74.126`},
		{name: "the patient by identifier", method: "GET", path: "/Patient?identifier=https://account.withings.com/user|42", status: 200, answer: `..."total":1`},
	})
	status, _, second := f.ingest("/ingest/withings?patient=42", payload)
	if status != 200 || second.Written+second.Updated != 0 || second.Unchanged != first.Written-1 {
		t.Errorf("second time: %d %+v, first %+v", status, second, first)
	}
	status, _, third := f.ingest("/ingest/withings?patient=42", strings.Replace(payload, "74126", "74127", 1))
	if status != 201 || third.Updated != 1 || third.Written != 0 {
		t.Errorf("changed: %d %+v", status, third)
	}
	f.run(t, []step{{name: "a changed reading is a new version", method: "GET", path: "/Observation?code=29463-7&date=2015-05-31", status: 200, answer: `..."status":"amended"`}})
	status, category, none := f.ingest("/ingest/withings", sample(t, "withings", "only-goal.json"))
	if status != 200 || none.Written != 0 || none.Ignored == 0 {
		t.Errorf("only goals: %d %s %+v", status, category, none)
	}
}

// TestIngestIdentities shows what happens to readings whose patient is not as it was.
// A payload that repeats readings before a new one: the new one at the end must not make the server believe that all are new.
func TestIngestPartlyNew(t *testing.T) {
	f := newFixture(t, withCatalog(t))
	group := func(id, value string) string {
		return `{"grpid":` + id + `,"date":1433052383,"category":1,"measures":[{"type":1,"unit":-3,"value":` + value + `}]}`
	}
	payload := func(groups ...string) string {
		return `{"status":0,"body":{"measuregrps":[` + strings.Join(groups, ",") + `]}}`
	}
	steps := []struct {
		name, payload string
		status        int
		want          counts
	}{
		{"two new", payload(group("1", "70000"), group("2", "71000")), 201, counts{Written: 3}},
		{"one known, one new", payload(group("2", "71000"), group("3", "72000")), 201, counts{Written: 1, Unchanged: 1}},
		{"one changed, one new", payload(group("1", "70001"), group("4", "73000")), 201, counts{Written: 1, Updated: 1}},
		{"one new, one known", payload(group("5", "74000"), group("4", "73000")), 201, counts{Written: 1, Unchanged: 1}},
		{"all known", payload(group("2", "71000"), group("5", "74000")), 200, counts{Unchanged: 2}},
	}
	for _, step := range steps {
		if status, _, got := f.ingest("/ingest/withings?patient=42", step.payload); status != step.status || got != step.want {
			t.Errorf("%s: %d %+v, want %d %+v", step.name, status, got, step.status, step.want)
		}
	}
}

func TestIngestIdentities(t *testing.T) {
	f := newFixture(t, withCatalog(t))
	payload := sample(t, "withings", "body-measures.json")
	const identifier = `"identifier":[{"system":"https://account.withings.com/user","value":"7"}]`
	id := func() string {
		ids := parseBundle(t, f.do("GET", "/Patient?identifier=https://account.withings.com/user|7", "").body).ids()
		if len(ids) != 1 {
			t.Fatalf("patients %v", ids)
		}
		return ids[0]
	}
	if status, _, c := f.ingest("/ingest/withings?patient=7", payload); status != 201 || c.Quarantined != 0 {
		t.Fatal(status, c)
	}
	patient := id()

	f.do("DELETE", "/Patient/"+patient, "")
	if status, _, c := f.ingest("/ingest/withings?patient=7", strings.Replace(payload, "74126", "74127", 1)); status != 201 || c.Written != 1 || c.Updated != 1 {
		t.Errorf("deleted: %d %+v", status, c)
	}
	diff(t, patient, id())

	f.do("PUT", "/Patient/"+patient, `{"resourceType":"Patient","id":"`+patient+`"}`)
	f.run(t, []step{{name: "the id is taken by somebody else", method: "POST", path: f.url + "/ingest/withings?patient=7", body: payload, status: 409,
		answer: outcome("conflict", "Patient/"+patient+" exists, but no longer carries the identifier it was made for")}})

	for _, other := range []string{"a", "b"} {
		f.do("PUT", "/Patient/"+other, `{"resourceType":"Patient","id":"`+other+`",`+identifier+`}`)
	}
	if status, category, c := f.ingest("/ingest/withings?patient=7", payload); status != 422 || category != "nothing-mapped" || c.Quarantined == 0 {
		t.Errorf("ambiguous: %d %s %+v", status, category, c)
	}
	f.do("DELETE", "/Patient/b", "")
	if status, _, c := f.ingest("/ingest/withings?patient=7", payload); status != 201 || c.Quarantined != 0 || c.Written != 0 {
		t.Errorf("another patient: %d %+v", status, c)
	}
}

func TestIngestRefused(t *testing.T) {
	f := newFixture(t, withCatalog(t), func(c *Config) { c.Limits.BodyBytes = 10_000 })
	f.run(t, []step{
		{name: "unknown adapter", method: "POST", path: f.url + "/ingest/acme", body: "{}", status: 404, answer: outcome("not-found", `there is no adapter \"acme\"; GET /ingest lists them`)},
		{name: "unknown parameter", method: "POST", path: f.url + "/ingest/withings?colour=blue", body: "{}", status: 400,
			answer: outcome("not-supported", `the adapter withings knows no parameter \"colour\"`, "http.colour")},
		{name: "not JSON", method: "POST", path: f.url + "/ingest/withings", body: "garbage", status: 400, answer: `..."code":"structure","diagnostics":"the payload cannot be read: `},
		{name: "another answer of the vendor", method: "POST", path: f.url + "/ingest/withings", body: `{"status":401}`, status: 422, answer: `..."code":"processing","diagnostics":"the payload is not what the adapter takes: `},
		{name: "too large", method: "POST", path: f.url + "/ingest/withings", body: strings.Repeat(" ", 10_001), status: 413, answer: "*"},
		{name: "no body", method: "POST", path: f.url + "/ingest/withings", status: 400, answer: outcome("required", "the request has no body")},
		{name: "wrong method", method: "PUT", path: f.url + "/ingest/withings", body: "{}", status: 405, want: []string{"Allow: POST"}, answer: "*"},
		{name: "list", method: "GET", path: f.url + "/ingest", status: 200, want: []string{"Content-Type: application/json"}, answer: `..."id":"withings","version":"1.0.0","title":"Withings body measures","vendor":"Withings","format":"json"`},
	})
	none := newFixture(t)
	none.run(t, []step{
		{name: "no adapters", method: "GET", path: none.url + "/ingest", status: 200, answer: `{"adapters":[]}`},
		{name: "no such adapter", method: "POST", path: none.url + "/ingest/withings", body: "{}", status: 404, answer: "*"},
	})
}

// TestIngestConcurrently sends one payload many times at once: every resource is written once.
func TestIngestConcurrently(t *testing.T) {
	f := newFixture(t, withCatalog(t))
	payload := sample(t, "withings", "body-measures.json")
	var mu sync.Mutex
	written := map[string]int{}
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			report, err := f.server.Ingest(t.Context(), "withings", []byte(payload), nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, line := range slices.Concat(report.Written, report.Updated) {
				written[line.Reference]++
			}
		})
	}
	wait.Wait()
	if len(written) == 0 {
		t.Fatal("nothing was written")
	}
	for reference, n := range written {
		if got := f.do("GET", "/"+reference, ""); n != 1 || got.header.Get("ETag") != `W/"1"` {
			t.Errorf("%s written %d times, ETag %s", reference, n, got.header.Get("ETag"))
		}
	}
}

// TestIngestErrorsAreForTheSender shows that other transports can pass errors on.
func TestIngestErrorsAreForTheSender(t *testing.T) {
	tests := []struct {
		name string
		err  error
		code fhir.IssueType
		text string
	}{
		{"busy", store.ErrBusy, fhir.CodeThrottled, "the server is overloaded; nothing was done, try again later"},
		{"unforeseen", errors.New("pebble: /var/lib/x"), fhir.CodeException, "internal error; the log of the server has the details under the X-Request-Id of this answer"},
		{"races lost", store.ErrConflict, fhir.CodeConflict, "another client changed it at the same time; read it again and retry"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, withCatalog(t), func(c *Config) { c.Store = brokenStore{tt.err} })
			_, err := f.server.Ingest(t.Context(), "withings", []byte(sample(t, "withings", "body-measures.json")), nil)
			got := (*fhir.OperationOutcome)(nil)
			if !errors.As(err, &got) {
				t.Fatalf("%T", err)
			}
			diff(t, fhir.Issue{Severity: fhir.Error, Code: tt.code, Diagnostics: tt.text}, got.Issues[0])
		})
	}
}

func TestEscaped(t *testing.T) {
	diff(t, `urn:a\,b\|c\$d\\e`, escaped(`urn:a,b|c$d\e`))
	diff(t, "plain", escaped("plain"))
}
