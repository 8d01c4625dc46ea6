package server

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// stated is a sound X-Provenance without its braces.
const stated = `"recorded":"2026-01-02T03:04:05Z","agent":[{"who":{"display":"the ward"}}]`

func stating(headers ...string) []string {
	return append([]string{"X-Provenance", `{"resourceType":"Provenance",` + stated + `}`}, headers...)
}

// storedStatement is what becomes of it.
func storedStatement(id, second, target string) string {
	return `{"resourceType":"Provenance","id":"` + id + `","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:` + second + `.000Z"},"target":[{"reference":"` + target + `"}],` + stated + `}`
}

func (f *fixture) provenances(t *testing.T, want ...string) {
	t.Helper()
	got := f.do("GET", "/Provenance?_sort=_lastUpdated&_elements=target&_count=100", "").body
	var targets []string
	for rest := got; ; {
		_, behind, found := strings.Cut(rest, `"target":[{"reference":"`)
		if !found {
			break
		}
		target, after, _ := strings.Cut(behind, `"`)
		targets, rest = append(targets, target), after
	}
	if diff := cmp.Diff(want, targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s\n%s", diff, got)
	}
}

// TestProvenanceOfWrites makes every kind of write that takes the header (R4 provenance.html#header).
func TestProvenanceOfWrites(t *testing.T) {
	f := newFixture(t, validating)
	f.run(t, []step{
		{name: "create", method: "POST", path: "/Patient", body: mrn("1", ""), headers: stating("Prefer", "return=minimal"), status: 201, want: []string{"Location: BASE/Patient/id-1/_history/1", `ETag: W/"1"`}},
		{name: "its Provenance, of the same commit", method: "GET", path: "/Provenance/id-2", status: 200, answer: storedStatement("id-2", "05", "Patient/id-1/_history/1")},
		{name: "update", method: "PUT", path: "/Patient/id-1", body: mrn("1", `"id":"id-1",`), headers: stating(), status: 200, want: []string{`ETag: W/"2"`}, answer: "*"},
		{name: "its Provenance", method: "GET", path: "/Provenance/id-3", status: 200, answer: storedStatement("id-3", "06", "Patient/id-1/_history/2")},
		{name: "the Provenance is found by what it is about", method: "GET", path: "/Provenance?target=Patient/id-1&_elements=target", status: 200, answer: `..."target":[{"reference":"Patient/id-1/_history/2"}]`},
		{name: "update with If-Match", method: "PUT", path: "/Patient/id-1", body: mrn("1", `"id":"id-1",`), headers: stating("If-Match", `W/"2"`), status: 200, want: []string{`ETag: W/"3"`}, answer: "*"},
		{name: "update that creates", method: "PUT", path: "/Patient/chosen", body: mrn("2", `"id":"chosen",`), headers: stating("If-None-Match", "*"), status: 201, answer: "*"},
		{name: "delete", method: "DELETE", path: "/Patient/chosen", status: 204},
		{name: "update that creates again", method: "PUT", path: "/Patient/chosen", body: mrn("2", `"id":"chosen",`), headers: stating(), status: 201, want: []string{`ETag: W/"3"`}, answer: "*"},
		{name: "conditional update", method: "PUT", path: "/Patient?identifier=mrn|2", body: mrn("2", ""), headers: stating(), status: 200, want: []string{`ETag: W/"4"`}, answer: "*"},
		{name: "conditional update that creates", method: "PUT", path: "/Patient?identifier=mrn|3", body: mrn("3", `"id":"three",`), headers: stating(), status: 201, answer: "*"},
		{name: "patch", method: "PATCH", path: "/Patient/three", body: `[{"op":"add","path":"/active","value":true}]`, headers: stating("Content-Type", "application/json-patch+json"), status: 200, want: []string{`ETag: W/"2"`}, answer: "*"},
		{name: "conditional patch", method: "PATCH", path: "/Patient?identifier=mrn|3", body: `[{"op":"add","path":"/active","value":false}]`, headers: stating("Content-Type", "application/json-patch+json"), status: 200,
			want: []string{`ETag: W/"3"`}, answer: "*"},
		{name: "conditional create", method: "POST", path: "/Basic", body: `{"resourceType":"Basic","code":{"text":"x"}}`, headers: stating("If-None-Exist", "code:text=x"), status: 201, answer: "*"},
		{name: "conditional create that finds one", method: "POST", path: "/Basic", body: `{"resourceType":"Basic","code":{"text":"x"}}`, headers: stating("If-None-Exist", "code:text=x"), status: 200, want: []string{`ETag: W/"1"`}, answer: "*"},
		{name: "XML", method: "PUT", path: "/Patient/xml", body: `<Patient xmlns="http://hl7.org/fhir"><id value="xml"/></Patient>`, headers: stating("Content-Type", "application/fhir+xml"), status: 201, answer: "*"},
		{name: "without the header", method: "PUT", path: "/Patient/xml", body: `{"resourceType":"Patient","id":"xml"}`, status: 200, answer: "*"},
		{name: "a read has no use for it", method: "GET", path: "/Patient/xml", headers: []string{"X-Provenance", "{"}, status: 200, answer: "*"},
	})
	basic := strings.TrimPrefix(f.do("POST", "/Basic", `{"resourceType":"Basic","code":{"text":"x"}}`, "If-None-Exist", "code:text=x").header.Get("Location"), f.base+"/")
	f.provenances(t, "Patient/id-1/_history/1", "Patient/id-1/_history/2", "Patient/id-1/_history/3", "Patient/chosen/_history/1", "Patient/chosen/_history/3", "Patient/chosen/_history/4",
		"Patient/three/_history/1", "Patient/three/_history/2", "Patient/three/_history/3", basic, "Patient/xml/_history/1")
}

// TestProvenanceRefused stores nothing, neither the resource nor the Provenance, when either is refused.
func TestProvenanceRefused(t *testing.T) {
	const patient = `{"resourceType":"Patient","id":"p"}`
	at := func(code, diagnostics string) string { return outcome(code, diagnostics, "http.X-Provenance") }
	says := func(text string) []string { return []string{"X-Provenance", text} }
	f := newFixture(t, validating)
	f.run(t, []step{
		{name: "malformed", method: "PUT", path: "/Patient/p", body: patient, headers: says(`{"resourceType":"Provenance",}`), status: 400,
			answer: at("structure", "X-Provenance, Provenance.resourceType: invalid JSON at line 1, column 30: expected a member name, found '}'")},
		{name: "empty", method: "PUT", path: "/Patient/p", body: patient, headers: says(``), status: 400, answer: `..."diagnostics":"X-Provenance: invalid JSON at line 1, column 1: `},
		{name: "cut off", method: "PUT", path: "/Patient/p", body: patient, headers: says(`{"resourceType":`), status: 400,
			answer: at("structure", "X-Provenance: invalid JSON at line 1, column 17: unexpected end of document")},
		{name: "an element is wrong", method: "PUT", path: "/Patient/p", body: patient, headers: says(`{"resourceType":"Provenance","agent":[{}],"recorded":"2026-01-01T00:00:00Z"}`), status: 400, answer: `..."diagnostics":"X-Provenance, Provenance.agent[0]: `},
		{name: "another type", method: "PUT", path: "/Patient/p", body: patient, headers: says(`{"resourceType":"Basic"}`), status: 400, answer: at("invalid", "X-Provenance must be a Provenance, not a Basic")},
		{name: "with a target", method: "PUT", path: "/Patient/p", body: patient, headers: says(`{"resourceType":"Provenance","target":[{"reference":"Patient/p"}],` + stated + `}`), status: 400,
			answer: at("invalid", "X-Provenance must be without target, which is what the request writes")},
		{name: "with half a target", method: "PUT", path: "/Patient/p", body: patient, headers: says(`{"resourceType":"Provenance","_target":[],` + stated + `}`), status: 400,
			answer: at("invalid", "X-Provenance must be without target, which is what the request writes")},
		{name: "invalid", method: "PUT", path: "/Patient/p", body: patient, headers: says(`{"resourceType":"Provenance","recorded":"yesterday","agent":[{"who":{"display":"the ward"}}]}`), status: 400,
			answer: `..."expression":["http.X-Provenance"]`},
		{name: "too large", method: "PUT", path: "/Patient/p", body: patient, headers: says(`{"resourceType":"Provenance",` + stated + `,"language":"` + strings.Repeat("e", 64<<10) + `"}`), status: 400,
			answer: at("too-long", "X-Provenance is larger than the limit of 65536 bytes")},
		{name: "of a create", method: "POST", path: "/Patient", body: `{"resourceType":"Patient"}`, headers: says(`{"resourceType":"Provenance"}`), status: 400, answer: `..."expression":["http.X-Provenance"]`},
		{name: "of a conditional create", method: "POST", path: "/Patient", body: mrn("1", ""), headers: append(says(`{"resourceType":"Provenance"}`), "If-None-Exist", "identifier=mrn|1"), status: 400, answer: `..."expression":["http.X-Provenance"]`},
		{name: "the resource is invalid", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p","gender":"x"}`, headers: stating(), status: 400, answer: "*"},
		{name: "the version is another", method: "PUT", path: "/Patient/p", body: patient, headers: stating("If-Match", `W/"1"`), status: 412, answer: "*"},
		{name: "patch of nothing", method: "PATCH", path: "/Patient/p", body: `[]`, headers: stating("Content-Type", "application/json-patch+json"), status: 404, answer: "*"},
		{name: "transaction", method: "POST", path: "", body: `{"resourceType":"Bundle","type":"transaction"}`, headers: stating(), status: 400,
			answer: at("not-supported", "X-Provenance is for a create, update or patch; a Bundle carries a Provenance as an entry")},
		{name: "delete", method: "DELETE", path: "/Patient/p", headers: stating(), status: 400, answer: at("not-supported", "X-Provenance is for a create, update or patch")},
		{name: "operation that writes", method: "POST", path: "/Patient/p/$meta-add", body: `{"resourceType":"Parameters"}`, headers: stating(), status: 400, answer: at("not-supported", "X-Provenance is for a create, update or patch")},
		{name: "nothing was stored", method: "GET", path: "/_history?_summary=count", status: 200, answer: `..."total":0`},
	})
	t.Run("twice", func(t *testing.T) {
		said := stating()[1]
		got := f.send("PUT", "/Patient/p", []byte(patient), false, http.Header{"Content-Type": {"application/fhir+json"}, "X-Provenance": {said, said}})
		if diff := cmp.Diff(at("invalid", "X-Provenance comes more than once"), got.body); got.status != 400 || diff != "" {
			t.Errorf("%d %s", got.status, diff)
		}
	})
	f.provenances(t)
}

// withoutTransactions is a store of single writes.
type withoutTransactions struct{ store.Store }

func (withoutTransactions) Transactions() bool { return false }

func TestProvenanceNeedsTransactions(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Store = withoutTransactions{c.Store} })
	f.run(t, []step{
		{name: "refused", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p"}`, headers: stating(), status: 501,
			answer: outcome("not-supported", "X-Provenance needs transactions, which the storage this server runs on does not have; nothing was done", "http.X-Provenance")},
		{name: "nothing was stored", method: "GET", path: "/Patient/p", status: 404, answer: "*"},
	})
}

// overtaken is a store in which another client writes right before the first commit of two operations.
type overtaken struct {
	store.Store
	other func()
	done  *atomic.Bool
}

func (o overtaken) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	if len(ops) > 1 && !o.done.Swap(true) {
		o.other()
	}
	return o.Store.Apply(ctx, ops)
}

// TestProvenanceOfARace tells of the version that was written, also where another client made the one that was to come.
func TestProvenanceOfARace(t *testing.T) {
	for _, test := range []struct {
		name, method, path, body string
		headers, others          []string // the others: methods
		status                   int
		target                   string
	}{
		{"update", "PUT", "/Patient/p", mrn("1", `"id":"p",`), stating(), []string{"PUT"}, 200, "Patient/p/_history/2"},
		{"update of what was created and deleted meanwhile", "PUT", "/Patient/p", mrn("1", `"id":"p",`), stating(), []string{"PUT", "DELETE"}, 201, "Patient/p/_history/3"},
		{"only if there is none", "PUT", "/Patient/p", mrn("1", `"id":"p",`), stating("If-None-Match", "*"), []string{"PUT", "DELETE"}, 201, "Patient/p/_history/3"},
		{"only if there is none, and there is", "PUT", "/Patient/p", mrn("1", `"id":"p",`), stating("If-None-Match", "*"), []string{"PUT"}, 412, ""},
		{"conditional update", "PUT", "/Patient?identifier=mrn|1", mrn("1", ""), stating(), []string{"PUT"}, 200, "Patient/p/_history/2"},
		{"conditional create", "POST", "/Patient", mrn("1", ""), stating("If-None-Exist", "identifier=mrn|1"), []string{"PUT"}, 200, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var f *fixture
			var done atomic.Bool
			f = newFixture(t, func(c *Config) {
				c.Store = overtaken{c.Store, func() {
					for _, method := range test.others {
						f.do(method, "/Patient/p", mrn("1", `"id":"p",`))
					}
				}, &done}
			})
			if got := f.do(test.method, test.path, test.body, test.headers...); got.status != test.status {
				t.Errorf("status %d, want %d: %s", got.status, test.status, got.body)
			}
			if !done.Load() {
				t.Error("there was no race")
			}
			if test.target == "" {
				f.provenances(t)
			} else {
				f.provenances(t, test.target)
			}
		})
	}
}

// reporter may do everything, but not create any Provenance: by the letters of the scope, or by what it is limited to.
type reporter struct {
	everything
	may  bool
	plan search.Plan
}

func (r reporter) Authenticate(*http.Request) (Grant, error) { return r, nil }

func (r reporter) Allow(_ context.Context, a Access) error {
	if a.Key.Type == provenanceType && a.Interaction == "create" && !r.may {
		return fhir.Invalidf(fhir.CodeForbidden, "", "no scope allows this")
	}
	return nil
}

func (r reporter) Limit(resourceType string, action auth.Action) (search.Plan, bool) {
	if resourceType == provenanceType && action == auth.Create {
		return r.plan, true
	}
	return nil, true
}

func TestProvenanceNeedsLeave(t *testing.T) {
	const beyond = "the access token does not allow to write this resource: it lies, before or after the change, outside of what the token is limited to"
	for _, test := range []struct {
		name   string
		grant  reporter
		status int
		answer string
	}{
		{"no scope", reporter{}, 403, outcome("forbidden", "X-Provenance: no scope allows this", "http.X-Provenance")},
		{"beyond the limits of the scope", reporter{may: true, plan: search.IDs{"another"}}, 403, outcome("forbidden", "X-Provenance: "+beyond, "http.X-Provenance")},
		{"leave", reporter{may: true}, 201, "*"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.Authenticator = test.grant })
			f.run(t, []step{{name: "write", method: "PUT", path: "/Patient/p", body: `{"resourceType":"Patient","id":"p"}`, headers: stating(), status: test.status, answer: test.answer}})
			if test.status == 201 {
				f.provenances(t, "Patient/p/_history/1")
				return
			}
			f.run(t, []step{{name: "nothing was stored", method: "GET", path: "/_history?_summary=count", status: 200, answer: `..."total":0`}})
		})
	}
}

// TestProvenanceIsAudited within the event of the write.
func TestProvenanceIsAudited(t *testing.T) {
	f := newFixture(t, audited(t, nil))
	f.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`)
	f.do("PUT", "/Observation/o", observationOf("o", "p"), stating("X-Request-Id", "stated")...)
	events, _ := f.events("/AuditEvent?_count=200&entity:identifier=stated")
	if diff := cmp.Diff([]string{reordered("update U0 Observation/o/_history/1 Patient/p")}, []string{reordered(strings.Join(texts(events), "; "))}); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	f.provenances(t, "Observation/o/_history/1")
}
