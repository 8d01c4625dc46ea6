package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// brokenStore fails as it is told to.
type brokenStore struct{ err error }

func (b brokenStore) Read(context.Context, fhir.Key) (*store.Version, error) { return nil, b.fail() }
func (b brokenStore) Search(context.Context, *search.Query) (*store.Page, error) {
	return nil, b.fail()
}
func (b brokenStore) Apply(context.Context, []store.Op) ([]store.Result, error) { return nil, b.fail() }
func (b brokenStore) History(context.Context, store.HistoryQuery) (*store.HistoryPage, error) {
	return nil, b.fail()
}
func (b brokenStore) Close() error { return nil }

func (b brokenStore) fail() error {
	if b.err == nil {
		panic("pebble: /var/lib/firth/000123.sst: unexpected nil pointer")
	}
	return b.err
}

// everyInteraction is a request for each thing that reaches the store.
func everyInteraction() [][3]string {
	const patient = `{"resourceType":"Patient","id":"p"}`
	return [][3]string{
		{"POST", "/Patient", patient}, {"GET", "/Patient/p", ""}, {"GET", "/Patient/p/_history/1", ""}, {"PUT", "/Patient/p", patient}, {"DELETE", "/Patient/p", ""},
		{"GET", "/Patient/p/_history", ""}, {"GET", "/Patient/_history", ""}, {"GET", "/_history", ""}, {"GET", "/Patient?name=x", ""},
		{"POST", "", bundleOf("transaction", requestEntry("", patient, "PUT", "Patient/p"))},
		{"POST", "", bundleOf("transaction", requestEntry("", patient, "POST", "Patient", "ifNoneExist", "identifier=1"))},
	}
}

// TestNothingInternalLeaks forces failures nobody foresaw, and panics, everywhere: the client is told that, the log why.
func TestNothingInternalLeaks(t *testing.T) {
	const secret = "pebble: open /var/lib/firth/000123.sst: goroutine runtime error"
	const plain = `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception","diagnostics":"internal error; the log of the server has the details under the X-Request-Id of this answer"`
	for name, err := range map[string]error{"unknown error": fmt.Errorf("read: %w", errors.New(secret)), "panic": nil} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.Store = brokenStore{err} })
			for _, q := range everyInteraction() {
				got := f.do(q[0], q[1], q[2])
				if got.status != 500 || !strings.HasPrefix(got.body, plain) || len(got.body) > len(plain)+40 || got.header.Get("X-Request-Id") != "test" {
					t.Errorf("%s %s: %d %s", q[0], q[1], got.status, got.body)
				}
			}
			if log := f.log.String(); !strings.Contains(log, "000123.sst") || !strings.Contains(log, "request_id=test") {
				t.Errorf("the log does not say what happened: %s", log)
			}
			batch := f.do("POST", "", bundleOf("batch", requestEntry("", "", "GET", "Patient/p")))
			if err != nil && !strings.Contains(batch.body, `"status":"500 Internal Server Error","outcome":`+plain) || strings.Contains(batch.body, "sst") {
				t.Errorf("batch: %s", batch.body)
			}
			if ready := f.do("GET", f.url+"/readyz", ""); strings.Contains(ready.body, "sst") {
				t.Errorf("readyz: %s", ready.body)
			}
		})
	}
}

// TestPanicInAnswer shows that a panic is a plain 500 while nothing was sent, and a broken connection afterwards; both are counted.
func TestPanicInAnswer(t *testing.T) {
	f := newFixture(t)
	for path, sent := range map[string]int{"/early": 100, "/late": 10 * streamBuffer} {
		f.server.engine.GET(path, f.server.route(&interaction{name: "broken", method: "GET", path: path, handle: func(*exchange) (reply, error) {
			return reply{status: 200, stream: func(w *bufio.Writer) error {
				if _, err := w.WriteString(strings.Repeat(" ", sent)); err != nil {
					return err
				}
				panic("half way")
			}}, nil
		}}))
	}
	if got := f.do("GET", f.url+"/early", ""); got.status != 500 || !strings.HasPrefix(got.body, `{"resourceType":"OperationOutcome"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, encoding := range []string{"identity", "gzip"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/late", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", encoding)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			continue // nothing of the answer was sent yet
		}
		defer response.Body.Close()
		if _, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("%s: the answer looks complete", encoding)
		}
	}
	f.run(t, []step{{name: "counted", method: "GET", path: f.url + "/metrics", status: 200, answer: "...firth_requests_total{interaction=\"broken\",status=\"500\"} 3\n"}})
}

// TestErrorTable pins what each sentinel of the store becomes.
func TestErrorTable(t *testing.T) {
	tests := []struct {
		err        error
		status     int
		body       string
		retryAfter string
	}{
		{store.ErrNotFound, 404, outcome("not-found", "Patient/p: not found"), ""},
		{store.ErrGone, 410, outcome("deleted", "Patient/p: has been deleted"), ""},
		{store.ErrConflict, 409, outcome("conflict", "Patient/p: another client changed it at the same time; read it again and retry"), ""},
		{store.ErrPrecondition, 412, outcome("conflict", "Patient/p: the current version is not the one that If-Match or If-None-Match asks for"), ""},
		{store.ErrMultiple, 412, outcome("multiple-matches", "Patient/p: more than one resource matches the condition"), ""},
		{store.ErrUnsupported, 501, outcome("not-supported", "Patient/p: not supported with the storage this server runs on"), ""},
		{store.ErrBusy, 503, outcome("throttled", "Patient/p: the server is overloaded; nothing was done, try again later"), "1"},
		{store.ErrUnknown, 503, outcome("transient", "Patient/p: the answer of the storage was lost, so that it is unknown whether this was done; read it to find out. "+
			"To send it again is safe where it is idempotent: PUT, DELETE, and a create with If-None-Exist"), ""},
		{store.ErrBadCursor, 400, outcome("value", "Patient/p: the page link is not valid for this search"), ""},
		{context.DeadlineExceeded, 503, outcome("timeout", "Patient/p: the request took too long and was given up"), "1"},
	}
	for _, tt := range tests {
		t.Run(tt.err.Error(), func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.Store = brokenStore{&store.OpError{Err: fmt.Errorf("row 7 of /tmp/x: %w", tt.err)}} })
			got := f.do("GET", "/Patient/p", "")
			diff(t, []any{tt.status, tt.body, tt.retryAfter}, []any{got.status, got.body, got.header.Get("Retry-After")})
			if log := f.log.String(); log != "" {
				t.Errorf("an error that is expected was logged: %s", log)
			}
		})
	}
}

func TestIssueStatus(t *testing.T) {
	tests := map[fhir.IssueType]int{
		fhir.CodeInvalid: 400, fhir.CodeStructure: 400, fhir.CodeRequired: 400, fhir.CodeValue: 400, fhir.CodeNotSupported: 400, fhir.CodeDuplicate: 400,
		fhir.CodeLogin: 401, fhir.CodeForbidden: 403, fhir.CodeSecurity: 403, fhir.CodeNotFound: 404, fhir.CodeConflict: 409, fhir.CodeDeleted: 410,
		fhir.CodeMultipleMatches: 412, fhir.CodeTooLong: 413, fhir.CodeTooCostly: 413, fhir.CodeBusinessRule: 422, fhir.CodeProcessing: 422, fhir.CodeInvariant: 422,
		fhir.CodeException: 500, fhir.CodeThrottled: 503, fhir.CodeTransient: 503, fhir.CodeTimeout: 503,
	}
	for code, want := range tests {
		outcome := &fhir.OperationOutcome{Issues: []fhir.Issue{{Severity: fhir.Warning, Code: fhir.CodeException}, {Severity: fhir.Error, Code: code}}}
		if got := statusOf(outcome); got != want {
			t.Errorf("%s: %d, want %d", code, got, want)
		}
	}
}

func TestLocate(t *testing.T) {
	tests := []struct{ expression, want, diagnostics string }{
		{"", "Bundle.entry[3]", "text"},
		{"http.date", "Bundle.entry[3]", "http.date: text"},
		{"Patient.birthDate", "Bundle.entry[3].resource.birthDate", "text"},
		{"Patient", "Bundle.entry[3].resource", "text"},
		{"resourceType", "Bundle.entry[3].resource.resourceType", "text"},
		{"Bundle.entry.request", "Bundle.entry[3].request", "text"},
	}
	for _, tt := range tests {
		t.Run(tt.expression, func(t *testing.T) {
			e := &entryError{index: 3}
			got := e.locate(fhir.Invalidf(fhir.CodeValue, tt.expression, "text")).Issues[0]
			diff(t, fhir.Issue{Severity: fhir.Error, Code: fhir.CodeValue, Expression: tt.want, Diagnostics: tt.diagnostics}, got)
		})
	}
}
