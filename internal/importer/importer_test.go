package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

// peer is the other end of the wire: it keeps what it was sent and answers as the specification says, or as its script does. What a real server
// makes of imports is tested with the real binary in internal/e2e.
type peer struct {
	mu       sync.Mutex
	bundles  []string                                      // "transaction PUT Patient/a, POST Device"
	order    []string                                      // versions of resources: "Patient/a=1"
	refuse   func(kind string, entries int) int            // a status for the whole Bundle, 0 for none
	bad      func(resource fhir.Node) (diagnostics string) // why an entry is refused; empty for none
	patience int                                           // how many requests are answered 503 first
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	b, err := fhir.ParseResource(body)
	if err != nil {
		panic(err)
	}
	kind := b.Root().Get("type").Text()
	var entries, answers []string
	for e := range b.Root().Get("entry").Children() {
		entries = append(entries, e.Path("request", "method").Text()+" "+e.Path("request", "url").Text())
	}
	status := 0
	if p.patience > 0 {
		p.patience--
		w.Header().Set("Retry-After", "0")
		status = http.StatusServiceUnavailable
	} else if p.refuse != nil {
		status = p.refuse(kind, len(entries))
	}
	for e := range b.Root().Get("entry").Children() {
		answer := `{"response":{"status":"201 Created"}}`
		if p.bad != nil {
			if why := p.bad(e.Get("resource")); why != "" {
				answer = `{"response":{"status":"400 Bad Request","outcome":` + outcome(why) + `}}`
				if kind == "transaction" {
					status = http.StatusBadRequest
				}
			}
		}
		answers = append(answers, answer)
	}
	p.bundles = append(p.bundles, kind+" "+strings.Join(entries, ", "))
	if status != 0 {
		w.WriteHeader(status)
		fmt.Fprint(w, outcome("refused as a whole"))
		return
	}
	for e := range b.Root().Get("entry").Children() {
		if resource := e.Get("resource"); resource.Ok() {
			p.order = append(p.order, resource.Get("resourceType").Text()+"/"+resource.Get("id").Text()+"="+resource.Get("n").Text())
		}
	}
	fmt.Fprintf(w, `{"resourceType":"Bundle","type":"%s-response","entry":[%s]}`, kind, strings.Join(answers, ","))
}

func outcome(why string) string {
	return string(fhir.Invalidf(fhir.CodeInvalid, "Patient.x", "%s", why).AppendJSON(nil))
}

func runImport(t *testing.T, p *peer, opts Options, files ...string) *Report {
	t.Helper()
	opts.Client, opts.Base = &http.Client{Transport: Local{p}}, "http://test/fhir"
	return Run(t.Context(), opts, files, nil)
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	data := []byte(content)
	if strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		data = b.Bytes()
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func failures(r *Report) []string {
	lines := []string{}
	for _, f := range r.Failures {
		f.File = filepath.Base(f.File)
		lines = append(lines, f.String())
	}
	return lines
}

func TestContents(t *testing.T) {
	patients := `{"resourceType":"Patient","id":"a"}` + "\n\n" + `{"resourceType":"Patient","id":"b"}` + "\n"
	tests := []struct {
		name, file, content string
		bundles             []string
		failures            []string
		ok                  bool
	}{
		{"NDJSON", "p.ndjson", patients, []string{"transaction PUT Patient/a, PUT Patient/b"}, []string{}, true},
		{"NDJSON by its content", "p.json", patients, []string{"transaction PUT Patient/a, PUT Patient/b"}, []string{}, true},
		{"gzip", "p.ndjson.gz", patients, []string{"transaction PUT Patient/a, PUT Patient/b"}, []string{}, true},
		{"lines end in CRLF", "p.ndjson", strings.ReplaceAll(patients, "\n", "\r\n"), []string{"transaction PUT Patient/a, PUT Patient/b"}, []string{}, true},
		{"no end of the last line", "p.ndjson", `{"resourceType":"Patient","id":"a"}`, []string{"transaction PUT Patient/a"}, []string{}, true},
		{"one resource over lines", "p.json", "\n{\n\"resourceType\":\"Patient\"}\n", []string{"transaction POST Patient"}, []string{}, true},
		{"empty", "p.ndjson", "", nil, []string{}, true},
		{"transaction", "b.json", `{"resourceType":"Bundle","type":"transaction","entry":[
			{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}`, []string{"transaction POST Patient"}, []string{}, true},
		{"batch", "b.json", `{"resourceType":"Bundle","type":"batch","entry":[
			{"request":{"method":"DELETE","url":"Patient/a"}}]}`, []string{"batch DELETE Patient/a"}, []string{}, true},
		{"collection with ids", "b.json", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"a"}},
			{"resource":{"resourceType":"Device","id":"d"}}]}`, []string{"transaction PUT Patient/a, PUT Device/d"}, []string{}, true},
		{"search result", "b.json", `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"a"}},
			{"resource":{"resourceType":"OperationOutcome","id":"o"},"search":{"mode":"outcome"}}]}`, []string{"transaction PUT Patient/a"}, []string{}, true},
		{"collection with links", "b.json", `{"resourceType":"Bundle","type":"collection","entry":[
			{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"a"}},{"resource":{"resourceType":"Device"}}]}`,
			[]string{"transaction PUT Patient/a, POST Device"}, []string{}, true},
		{"another Bundle", "b.json", `{"resourceType":"Bundle","type":"history"}`, nil,
			[]string{`b.json: a Bundle of type "history" is not imported; batch, transaction, collection and searchset are`}, false},
		{"not FHIR alone", "log.ndjson", "{\"a\":1}\n{\"a\":2}\n", nil, []string{}, false},
		{"not FHIR among FHIR", "p.ndjson", "{\"a\":1}\n" + patients, []string{"transaction PUT Patient/a, PUT Patient/b"},
			[]string{"p.ndjson:1: no resourceType: not a FHIR resource"}, false},
		{"bad lines", "p.ndjson", "{\"resourceType\":\n" + patients + "[]\n{\"resourceType\":\"Patient\",\"id\":\"_\"}\n", []string{"transaction PUT Patient/a, PUT Patient/b"},
			[]string{"p.ndjson:1: invalid JSON at column 17: unexpected end of document", "p.ndjson:5: a resource must be a JSON object",
				"p.ndjson:6: the id is not 1 to 64 of A-Z a-z 0-9 - ."}, false},
		{"bad document", "p.json", "\n{\n\"resourceType\":\"Patient\",\n}", nil,
			[]string{"p.json: invalid JSON at line 4, column 1: expected a member name, found '}'"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &peer{}
			report := runImport(t, p, Options{Workers: 1}, write(t, tt.file, tt.content))
			if diff := cmp.Diff(tt.bundles, p.bundles); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.failures, failures(report)); diff != "" {
				t.Errorf("failures (-want +got):\n%s", diff)
			}
			if report.OK() != tt.ok {
				t.Errorf("OK = %v, want %v", report.OK(), tt.ok)
			}
		})
	}
}

func TestOneBadLineFailsAlone(t *testing.T) {
	p := &peer{bad: func(resource fhir.Node) string {
		if resource.Get("id").TextIs("c") {
			return "no good"
		}
		return ""
	}}
	var lines strings.Builder
	for _, id := range "abcde" {
		fmt.Fprintf(&lines, `{"resourceType":"Patient","id":"%c"}`+"\n", id)
	}
	report := runImport(t, p, Options{Workers: 1}, write(t, "p.ndjson", lines.String()))
	if diff := cmp.Diff([]string{"p.ndjson:3: Patient.x: no good"}, failures(report)); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]Counts{"Patient": {Created: 4}}, report.Types); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

func TestTooLargeIsHalved(t *testing.T) {
	p := &peer{refuse: func(_ string, entries int) int {
		if entries > 2 {
			return http.StatusRequestEntityTooLarge
		}
		return 0
	}}
	var lines strings.Builder
	for _, id := range "abcde" {
		fmt.Fprintf(&lines, `{"resourceType":"Patient","id":"%c"}`+"\n", id)
	}
	report := runImport(t, p, Options{Workers: 1}, write(t, "p.ndjson", lines.String()))
	if got := report.Types["Patient"][Created]; got != 5 || report.Failed != 0 {
		t.Errorf("%d created, failures %v", got, failures(report))
	}
}

func TestBusyServerIsWaitedFor(t *testing.T) {
	p := &peer{patience: 3}
	report := runImport(t, p, Options{Workers: 1}, write(t, "p.ndjson", `{"resourceType":"Patient","id":"a"}`))
	if report.Failed != 0 || len(p.bundles) != 4 {
		t.Errorf("failures %v after %d requests", failures(report), len(p.bundles))
	}
	p = &peer{patience: 1000}
	report = runImport(t, p, Options{Workers: 1}, write(t, "p.ndjson", `{"resourceType":"Patient","id":"a"}`))
	if diff := cmp.Diff([]string{"p.ndjson:1: Patient.x: refused as a whole"}, failures(report)); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestLastLineOfAnIDWins(t *testing.T) {
	var lines strings.Builder
	for n := range 300 {
		fmt.Fprintf(&lines, `{"resourceType":"Patient","id":"%d","n":%d}`+"\n", n%7, n)
	}
	p := &peer{}
	runImport(t, p, Options{Workers: 4, ChunkEntries: 5}, write(t, "p.ndjson", lines.String()))
	last := map[string]string{}
	for _, version := range p.order {
		key, n, _ := strings.Cut(version, "=")
		last[key] = n
	}
	want := map[string]string{"Patient/0": "294", "Patient/1": "295", "Patient/2": "296", "Patient/3": "297", "Patient/4": "298", "Patient/5": "299", "Patient/6": "293"}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Errorf("last versions (-want +got):\n%s", diff)
	}
}

func TestConditionalReferencesComeLast(t *testing.T) {
	encounters := write(t, "a.ndjson", `{"resourceType":"Encounter","id":"e","participant":[{"individual":{"reference":"Practitioner?identifier=1"}}]}
{"resourceType":"Encounter","id":"f"}`)
	practitioners := write(t, "z.ndjson", `{"resourceType":"Practitioner","id":"p"}`)
	p := &peer{}
	report := runImport(t, p, Options{Workers: 1}, encounters, practitioners)
	if got := p.bundles[len(p.bundles)-1]; got != "transaction PUT Encounter/e" {
		t.Errorf("sent last: %s", got)
	}
	if got := report.Total().Total(); got != 3 {
		t.Errorf("%d resources, want 3", got)
	}
	if report.Files != 2 {
		t.Errorf("%d files, want 2", report.Files)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	short := write(t, "short.ndjson.gz", strings.Repeat(`{"resourceType":"Patient","id":"a"}`+"\n", 50))
	data, err := os.ReadFile(short)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(short, data[:len(data)-12], 0o600); err != nil {
		t.Fatal(err)
	}
	got := failures(runImport(t, &peer{}, Options{}, "/nonexistent/x.json", short, t.TempDir()))
	want := []string{"x.json: open: no such file or directory", "short.ndjson.gz:51: unexpected EOF", "002: read: is a directory"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestReportText(t *testing.T) {
	r := newReport()
	r.add("Patient", Created)
	r.add("Patient", Updated)
	r.add("Observation", Unchanged)
	r.skip(Skip{File: "log.ndjson", Lines: 4})
	r.fail(Failure{File: "b.json", Entry: 3, Reason: "second"})
	r.fail(Failure{File: "a.ndjson", Line: 7, Entry: -1, Reason: "first"})
	r.Files, r.Duration = 3, 2e9
	var out strings.Builder
	if err := r.WriteTotals(&out); err != nil {
		t.Fatal(err)
	}
	r.WriteFailures(&out)
	want := `  total  created  updated  unchanged  deleted  type
      1        0        0          1        0  Observation
      2        1        1          0        0  Patient
      3        1        1          1        0  all
3 resources from 3 files in 2.00 s, 2 a second
skipped log.ndjson: not FHIR (4 lines, none with a resourceType)
2 failed:
  a.ndjson:7: first
  b.json, entry 3: second
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// Whatever a file holds: no panic, and every value in it is sent, or fails, or makes the file one without FHIR.
func FuzzContent(f *testing.F) {
	f.Add([]byte("{\"resourceType\":\"Patient\",\"id\":\"a\"}\n\n{\"a\":1}\n"), true)
	f.Add([]byte("{\n\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\"}},{}]}"), false)
	f.Add([]byte(`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/a"}},null]}`), false)
	f.Add([]byte("\x1f\x8b\x08"), false)
	f.Fuzz(func(t *testing.T, data []byte, lines bool) {
		name := "x.json"
		if lines {
			name = "x.ndjson"
		}
		p := &peer{}
		opts := Options{Workers: 2, Client: &http.Client{Transport: Local{p}}, Base: "http://test/fhir"}.WithDefaults()
		im := &importing{opts: opts, counters: &Counters{}, report: newReport()}
		lanes := im.startLanes(t.Context())
		r := &fileReader{im: im, lanes: lanes, name: name}
		if err := r.content(t.Context(), &source{Reader: bufio.NewReaderSize(bytes.NewReader(data), 16)}); err != nil {
			r.fail(r.lines, err.Error())
		}
		r.conclude()
		lanes.finish()
		known := len(p.bundles) + im.report.Failed + len(im.report.Skipped) + r.deferred
		if r.values > 0 && known == 0 && r.resources == 0 {
			t.Errorf("%d values without a trace", r.values)
		}
	})
}
