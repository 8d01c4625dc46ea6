package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/testfiles"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// twins are servers on two back ends that are told the same time, give the same ids and are asked the same. Every answer of one is that of the other, byte for byte,
// but for page cursors, which belong to their store.
type twins struct {
	t    *testing.T
	now  atomic.Int64 // milliseconds
	both [2]http.Handler
}

const twinBase = "http://twins.example/fhir"

// newTwins starts both on empty stores: the embedded one, and one at a place.
func newTwins(t *testing.T, other *teststore.Place) *twins {
	t.Helper()
	w := &twins{t: t}
	w.now.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli())
	clock := func() time.Time { return time.UnixMilli(w.now.Load()).UTC() }
	embedded, err := pebble.Open("", pebble.Options{InMemory: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	for i, kept := range []store.Store{embedded, other.Open(t, teststore.Options{Clock: clock})} {
		teststore.CloseLater(t, kept)
		definitions, err := spec.R4()
		if err != nil {
			t.Fatal(err)
		}
		registry, err := search.NewRegistry(definitions, search.Options{BaseURL: twinBase, References: true, Content: true})
		if err != nil {
			t.Fatal(err)
		}
		var ids atomic.Int64
		api, err := server.New(server.Config{
			Store: kept, Search: registry, Definitions: definitions, BaseURL: twinBase, Clock: clock, Validation: server.StoreAnything,
			IDs: func() string { return fmt.Sprintf("id-%d", ids.Add(1)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(api.Drain)
		w.both[i] = api.Handler()
	}
	return w
}

// tick lets a second pass, so that what follows is later.
func (w *twins) tick() { w.now.Add(1000) }

var cursorOf = regexp.MustCompile(`_cursor=[^"&]*`)

// told is one answer as it is compared.
type told struct {
	Status  int
	Headers []string
	Body    string
}

func (w *twins) one(handler http.Handler, method, address, body string, headers []string) (told, string) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(body))
	r.Header.Set("X-Request-Id", "twin")
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	answer := told{Status: recorder.Code, Body: cursorOf.ReplaceAllString(recorder.Body.String(), "_cursor=")}
	for _, name := range slices.Sorted(maps.Keys(recorder.Header())) {
		if name != "Content-Length" && name != "Vary" { // which is sent with what is long enough to be compressed
			answer.Headers = append(answer.Headers, name+": "+cursorOf.ReplaceAllString(strings.Join(recorder.Header()[name], ", "), "_cursor="))
		}
	}
	return answer, nextOf(recorder.Body.Bytes())
}

func nextOf(body []byte) string {
	var bundle struct {
		Link []struct{ Relation, URL string }
	}
	if json.Unmarshal(body, &bundle) == nil {
		for _, link := range bundle.Link {
			if link.Relation == "next" {
				return link.URL
			}
		}
	}
	return ""
}

// ask sends a request to both, follows the pages of its answer in both, and returns the first answer.
func (w *twins) ask(method, path, body string, headers ...string) told {
	w.t.Helper()
	addresses := [2]string{twinBase + path, twinBase + path}
	var first told
	for page := range 60 {
		var answers [2]told
		for i, handler := range w.both {
			answers[i], addresses[i] = w.one(handler, method, addresses[i], body, headers)
		}
		if page == 0 {
			first = answers[0]
		}
		withoutSlowTotals(&answers)
		if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
			w.t.Errorf("%s %s, page %d (-embedded +other):\n%s", method, path, page+1, diff)
			return first
		}
		if addresses[0] == "" || addresses[1] == "" {
			return first
		}
		method, body = http.MethodGet, ""
	}
	w.t.Errorf("%s has more than 60 pages", path)
	return first
}

var totalOf = regexp.MustCompile(`"total":\d+,`)

// withoutSlowTotals forgets a total that one server left out because counting took too long, where the server is one that is always slow.
func withoutSlowTotals(answers *[2]told) {
	if teststore.FerretDB() && totalOf.MatchString(answers[0].Body) != totalOf.MatchString(answers[1].Body) {
		for i := range answers {
			answers[i].Body = totalOf.ReplaceAllString(answers[i].Body, "")
		}
	}
}

// paged are the ways in which every search is asked.
func paged() []string {
	return []string{"", "&_count=1&_total=none", "&_count=2&_sort=-_lastUpdated", "&_count=3&_sort=_id&_total=estimate", "&_summary=count", "&_count=0"}
}

// TestTwinsOnCorpus asks every row of the search corpus of both back ends in many ways.
func TestTwinsOnCorpus(t *testing.T) {
	if !teststore.MongoDB() {
		t.Skip("compares the embedded store with another")
	}
	for _, name := range testfiles.CorpusNames(t) {
		t.Run(name, func(t *testing.T) {
			w, file := newTwins(t, teststore.NewPlace(t)), readCorpus(t, name)
			for i, text := range file.Resources {
				var res struct{ ResourceType, ID string }
				if err := json.Unmarshal(text, &res); err != nil {
					t.Fatal(err)
				}
				if i%3 == 0 { // some are of the same instant
					w.tick()
				}
				w.ask(http.MethodPut, "/"+res.ResourceType+"/"+res.ID, string(text))
			}
			for i, row := range file.Rows {
				ways := paged()
				w.ask(http.MethodGet, "/"+encodeRow(row[0])+ways[0], "")
				w.ask(http.MethodGet, "/"+encodeRow(row[0])+ways[1+i%(len(ways)-1)], "", "Prefer", "handling=strict")
			}
		})
	}
}

// TestTwins tells both back ends the story of testdata/twins.txt.
func TestTwins(t *testing.T) {
	if !teststore.MongoDB() {
		t.Skip("compares the embedded store with another")
	}
	w := newTwins(t, teststore.NewPlace(t))
	w.record()
	w.tell("testdata/twins.txt")
}

// record stores testdata/record.json, its entries one by one.
func (w *twins) record() {
	w.t.Helper()
	data, err := os.ReadFile("testdata/record.json")
	if err != nil {
		w.t.Fatal(err)
	}
	var bundle struct {
		Entry []struct {
			Resource json.RawMessage
			Request  struct{ Method, URL string }
		}
	}
	if err := json.Unmarshal(data, &bundle); err != nil {
		w.t.Fatal(err)
	}
	for i, entry := range bundle.Entry {
		if i%4 == 0 {
			w.tick()
		}
		if got := w.ask(entry.Request.Method, "/"+entry.Request.URL, string(entry.Resource)); got.Status != http.StatusCreated {
			w.t.Fatalf("%s: %d %s", entry.Request.URL, got.Status, got.Body)
		}
	}
}

// tell sends the requests of a file: a line each, METHOD STATUS PATH, headers indented below it, and what is indented and begins with a bracket is the body. The
// statuses show that the story says something. {{PAGES}} asks in each of the ways of [paged]; WAIT is a GET that is sent until both answer with the status.
func (w *twins) tell(file string) {
	w.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	var request []string
	for line := range strings.Lines(string(data) + "\nEND\n") {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "\t"):
			request = append(request, strings.TrimSpace(line))
		default:
			if len(request) > 0 {
				w.request(request)
			}
			request = []string{line}
		}
	}
}

// request sends one request of a file.
func (w *twins) request(lines []string) {
	w.t.Helper()
	words := strings.SplitN(lines[0], " ", 3)
	if len(words) < 3 {
		w.t.Fatalf("%q is no request", lines[0])
	}
	var headers []string
	var body bytes.Buffer
	for _, line := range lines[1:] {
		if name, value, ok := strings.Cut(line, ": "); ok && line[0] != '{' && line[0] != '[' && body.Len() == 0 {
			headers = append(headers, name, value)
			continue
		}
		body.WriteString(line)
	}
	w.tick()
	if words[0] == "WAIT" {
		w.wait(words[1], words[2])
		return
	}
	path, isPaged := strings.CutSuffix(words[2], "{{PAGES}}")
	ways := []string{""}
	if isPaged {
		ways = paged()
	}
	for _, way := range ways {
		if strings.Contains(path, "?") || way == "" {
			path := path + way
			if got := w.ask(words[0], path, body.String(), headers...); fmt.Sprint(got.Status) != words[1] {
				w.t.Errorf("%s %s: %d, want %s: %.400s", words[0], path, got.Status, words[1], got.Body)
			}
		}
	}
}

// wait asks each of both until it answers with a status.
func (w *twins) wait(status, path string) {
	w.t.Helper()
	for _, handler := range w.both {
		for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			got, _ := w.one(handler, http.MethodGet, twinBase+path, "", []string{"Prefer", "handling=strict"})
			if fmt.Sprint(got.Status) == status {
				break
			}
			if time.Since(begun) > time.Minute {
				w.t.Fatalf("%s never answered %s: %d %s", path, status, got.Status, got.Body)
			}
		}
	}
}
