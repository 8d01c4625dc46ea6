package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// fixture is a server on a real listener over a real store in memory. Commits are a second apart from 2026-01-02T03:04:05Z on, ids count
// from id-1.
type fixture struct {
	t      testing.TB
	server *Server
	store  store.Store
	url    string // of the listener, without /fhir
	base   string
	log    *lockedBuffer
}

func newFixture(t testing.TB, adjust ...func(*Config)) *fixture {
	t.Helper()
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, url: "http://" + listener.Addr().String(), log: &lockedBuffer{}}
	f.base = f.url + Mount
	registry, err := search.NewRegistry(definitions, search.Options{BaseURL: f.base, References: true})
	if err != nil {
		t.Fatal(err)
	}
	f.store = openStore(t)
	var ids atomic.Int64
	config := Config{
		Store: f.store, Search: registry, Definitions: definitions, BaseURL: f.base, Version: "1.2.3",
		Logger: slog.New(slog.NewTextHandler(f.log, nil)), Validation: StoreAnything,
		IDs: func() string { return fmt.Sprintf("id-%d", ids.Add(1)) },
	}
	for _, change := range adjust {
		change(&config)
	}
	if f.server, err = New(config); err != nil {
		t.Fatal(err)
	}
	hs := &httptest.Server{Listener: listener, Config: &http.Server{Handler: f.server.Handler()}}
	hs.Start()
	t.Cleanup(hs.Close)
	return f
}

// steppingClock is a second later at every call.
func steppingClock() func() time.Time {
	var calls atomic.Int64
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time { return start.Add(time.Duration(calls.Add(1)-1) * time.Second) }
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request to a path below the FHIR base, or to an absolute URL. Headers come in pairs.
func (f *fixture) do(method, path, body string, headers ...string) answer {
	f.t.Helper()
	address := path
	if !strings.HasPrefix(path, "http") {
		address = f.base + path
	}
	request, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header.Set("X-Request-Id", "test")
	if body != "" {
		request.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "-" {
			request.Header.Del(headers[i])
		} else {
			request.Header.Set(headers[i], headers[i+1])
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(data)}
}

// step is a request and everything that must come back. Want lists headers as "Name: value", with "Name:" for one that must be absent. BASE
// stands for the base URL. Body is exact; one that begins with "..." must only be contained; "*" is any.
type step struct {
	name    string
	method  string
	path    string
	headers []string
	body    string
	status  int
	want    []string
	answer  string
}

// run performs the steps in order against one server.
func (f *fixture) run(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			got := f.do(s.method, s.path, strings.ReplaceAll(s.body, "BASE", f.base), s.headers...)
			if got.status != s.status {
				t.Fatalf("status %d, want %d: %s", got.status, s.status, got.body)
			}
			for _, line := range s.want {
				name, value, _ := strings.Cut(line, ":")
				value = strings.ReplaceAll(strings.TrimSpace(value), "BASE", f.base)
				if have := got.header.Get(name); have != value {
					t.Errorf("header %s is %q, want %q", name, have, value)
				}
			}
			want := strings.ReplaceAll(s.answer, "BASE", f.base)
			if part, ok := strings.CutPrefix(want, "..."); ok {
				if !strings.Contains(got.body, part) {
					t.Errorf("body lacks %s:\n%s", part, got.body)
				}
			} else if want != "*" {
				if diff := cmp.Diff(want, got.body); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// outcome is the body of a refusal.
func outcome(code, diagnostics string, expression ...string) string {
	text := `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"` + code + `","diagnostics":"` + diagnostics + `"`
	if len(expression) > 0 {
		text += `,"expression":["` + expression[0] + `"]`
	}
	return text + `}]}`
}

func info(diagnostics string) string {
	return `{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational","diagnostics":"` + diagnostics + `"}]}`
}

// lockedBuffer is a log that handlers may write while a test reads.
type lockedBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

func fixedClock() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }

// bundle is what tests look at in a Bundle.
type bundle struct {
	ResourceType, Type string
	Total              *int
	Link               []struct{ Relation, URL string }
	Entry              []struct {
		FullURL  string
		Resource struct {
			ResourceType, ID string
			Meta             struct{ VersionID string }
			Issue            []struct{ Code, Diagnostics string }
		}
		Request  struct{ Method, URL string }
		Search   struct{ Mode string }
		Response struct {
			Status, Location, Etag, LastModified string
			Outcome                              json.RawMessage
		}
	}
}

func parseBundle(t testing.TB, text string) bundle {
	t.Helper()
	var b bundle
	if err := json.Unmarshal([]byte(text), &b); err != nil || b.ResourceType != "Bundle" {
		t.Fatalf("not a Bundle (%v): %.300s", err, text)
	}
	return b
}

func (b bundle) link(relation string) string {
	for _, link := range b.Link {
		if link.Relation == relation {
			return link.URL
		}
	}
	return ""
}

// ids lists the matches.
func (b bundle) ids() []string {
	var ids []string
	for _, e := range b.Entry {
		if e.Search.Mode == "match" {
			ids = append(ids, e.Resource.ID)
		}
	}
	return ids
}

// statuses lists the answers of a batch or transaction.
func (b bundle) statuses() []string {
	var list []string
	for _, e := range b.Entry {
		list = append(list, e.Response.Status)
	}
	return list
}

func diff(t testing.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
