package acceptance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/adapters/catalog"
	"github.com/firth-health/firth/server"
)

// badRequest is a line of testdata/bad: a request that is wrong, and how it must be refused. In URL, headers, raw and a body that is a string {{x*3}} stands for xxx.
type badRequest struct {
	Name    string
	Method  string // GET when empty
	URL     string // from the root of the listener
	Headers map[string]string
	Body    json.RawMessage // a string is sent as its text, anything else as it stands
	Raw     string          // the whole request instead, where its framing is what is wrong

	Status int
	Code   string // of the first issue
	Names  string // what the issues must say: the element, parameter, header or entry to blame

	// Known says why the answer is not what it should be. Status is then what is answered today, and so is Code, which is empty where there is no
	// OperationOutcome.
	Known string
}

// badLimits are small, so that what exceeds them is small as well.
func badLimits(t *testing.T) func(*server.Config) {
	t.Helper()
	registry, err := catalog.Adapters()
	if err != nil {
		t.Fatal(err)
	}
	return func(c *server.Config) {
		c.Adapters = registry
		c.Limits = server.Limits{BodyBytes: 256 << 10, BundleEntries: 20}
	}
}

// TestBadRequests sends every line of testdata/bad: each is refused with a 4xx and an OperationOutcome that names what is wrong, says nothing of the inside of the server,
// and leaves no trace in the store.
func TestBadRequests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "bad", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no data: %v", err)
	}
	base := newServer(t, badLimits(t))
	seedForBad(t, base)
	before := storedState(t, base)
	var known []badRequest
	sent, names := 0, map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			for _, row := range readBad(t, file) {
				if names[row.Name] {
					t.Errorf("two rows are called %q", row.Name)
				}
				names[row.Name] = true
				if row.Known != "" {
					known = append(known, row)
					continue
				}
				sent++
				t.Run(row.Name, func(t *testing.T) {
					status, body := row.send(t, base)
					if after := storedState(t, base); after != before {
						t.Errorf("something was stored: before %s, after %s", before, after)
						before = after
					}
					row.check(t, status, body)
				})
			}
		})
	}
	if sent < 300 {
		t.Errorf("only %d requests", sent)
	}
	t.Run("known", func(t *testing.T) { checkKnown(t, known) })
}

// checkKnown sends what is not yet refused as it should be, each to a server of its own when it is accepted.
func checkKnown(t *testing.T, rows []badRequest) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			base := newServer(t, badLimits(t))
			seedForBad(t, base)
			status, body := row.send(t, base)
			code := ""
			if outcome, ok := outcomeOf(body); ok && len(outcome.Issue) > 0 {
				code = outcome.Issue[0].Code
			}
			if status != row.Status || code != row.Code {
				t.Errorf("answered %d %q, not %d %q as known (%s); when it is right now, it is known no more\n%s", status, code, row.Status, row.Code, row.Known, body)
			}
		})
	}
}

type issues struct {
	ResourceType string
	Issue        []struct {
		Severity, Code, Diagnostics string
		Expression                  []string
	}
}

func outcomeOf(body []byte) (*issues, bool) {
	outcome := &issues{}
	err := json.Unmarshal(body, outcome)
	return outcome, err == nil && outcome.ResourceType == "OperationOutcome"
}

// internalText is what only the server's own developers should read.
var internalText = regexp.MustCompile(`(?i)runtime error|goroutine|panic|pebble|reflect\.|strconv\.|encoding/|net/http|\.go\b|\*fhir\.|\*server\.|\*search\.|\*store\.|map\[string\]|interface \{\}|<nil>|%!|/tmp/|/home/|/usr/|internal error|github\.com|invalid syntax|unexpected EOF`)

// check judges an answer.
func (row *badRequest) check(t *testing.T, status int, body []byte) {
	t.Helper()
	if status != row.Status || status < 400 || status > 499 {
		t.Errorf("status %d, want %d", status, row.Status)
	}
	if found := internalText.Find(body); found != nil {
		t.Errorf("internal text %q", found)
	}
	outcome, ok := outcomeOf(body)
	if !ok || len(outcome.Issue) == 0 {
		t.Fatalf("no OperationOutcome: %.500s", body)
	}
	said := ""
	for _, issue := range outcome.Issue {
		said += strings.Join(issue.Expression, " ") + " " + issue.Diagnostics + "\n"
		if len(issue.Diagnostics) > 2000 || issue.Diagnostics == "" {
			t.Errorf("diagnostics of %d bytes", len(issue.Diagnostics))
		}
	}
	if first := outcome.Issue[0]; first.Code != row.Code || first.Severity != "error" && first.Severity != "fatal" {
		t.Errorf("the issue is %s %s, want error %s", first.Severity, first.Code, row.Code)
	}
	if row.Names == "" || !strings.Contains(said, row.Names) {
		t.Errorf("does not name %q", row.Names)
	}
	if t.Failed() {
		t.Logf("%.600s", body)
	}
}

// send writes the request byte by byte, because a client library would refuse to send half of them.
func (row *badRequest) send(t *testing.T, base string) (status int, body []byte) {
	t.Helper()
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	request := row.wire(t)
	go io.WriteString(conn, request) // refusals come before all is sent, and then the rest cannot be
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

// wire is the request as it goes over the wire.
func (row *badRequest) wire(t *testing.T) string {
	t.Helper()
	if row.Raw != "" {
		return expand(t, row.Raw)
	}
	body := string(row.Body)
	if len(body) > 0 && body[0] == '"' {
		if err := json.Unmarshal(row.Body, &body); err != nil {
			t.Fatal(err)
		}
		body = expand(t, body)
	}
	headers := map[string]string{"Host": "firth.example", "Connection": "close"}
	if len(row.Body) > 0 {
		headers["Content-Type"], headers["Content-Length"] = "application/fhir+json", strconv.Itoa(len(body))
	}
	for name, value := range row.Headers {
		headers[name] = expand(t, value)
	}
	sorted := make([]string, 0, len(headers))
	for name, value := range headers {
		if value != "(none)" {
			sorted = append(sorted, name+": "+value+"\r\n")
		}
	}
	sort.Strings(sorted)
	method := row.Method
	if method == "" {
		method = http.MethodGet
	}
	return expand(t, method) + " " + expand(t, row.URL) + " HTTP/1.1\r\n" + strings.Join(sorted, "") + "\r\n" + body
}

var repeated = regexp.MustCompile(`(?s)\{\{(.+?)\*(\d+)\}\}`)

// expand replaces {{x*3}} by xxx.
func expand(t *testing.T, text string) string {
	t.Helper()
	return repeated.ReplaceAllStringFunc(text, func(found string) string {
		parts := repeated.FindStringSubmatch(found)
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(parts[1], n)
	})
}

func readBad(t *testing.T, file string) []badRequest {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []badRequest
	for i, line := range bytes.Split(data, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var row badRequest
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&row); err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
		rows = append(rows, row)
	}
	return rows
}

// seedForBad stores what the requests are about: Patient/p with two versions, Patient/gone that is deleted, two patients of one identifier, and an Observation.
func seedForBad(t *testing.T, base string) {
	t.Helper()
	put := func(path, body string) { exchangeBad(t, http.MethodPut, base+path, body) }
	put("/Patient/p", `{"resourceType":"Patient","id":"p","identifier":[{"system":"http://x.example","value":"1"}],"gender":"male"}`)
	put("/Patient/p", `{"resourceType":"Patient","id":"p","identifier":[{"system":"http://x.example","value":"1"}],"gender":"female"}`)
	put("/Patient/twin-a", `{"resourceType":"Patient","id":"twin-a","identifier":[{"system":"http://x.example","value":"twin"}]}`)
	put("/Patient/twin-b", `{"resourceType":"Patient","id":"twin-b","identifier":[{"system":"http://x.example","value":"twin"}]}`)
	put("/Patient/gone", `{"resourceType":"Patient","id":"gone"}`)
	exchangeBad(t, http.MethodDelete, base+"/Patient/gone", "")
	put("/Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-31","valueQuantity":{"value":61,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`)
}

func exchangeBad(t *testing.T, method, address, body string) []byte {
	t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode > 299 {
		t.Fatalf("%s %s: %d %v %s", method, address, answer.StatusCode, err, data)
	}
	return data
}

// storedState tells how much is stored: versions of everything, and current resources of the types that the requests are about.
func storedState(t *testing.T, base string) string {
	t.Helper()
	state := ""
	for _, path := range []string{"/_history", "/Patient", "/Observation", "/Device"} {
		var bundle struct{ Total *int }
		body := exchangeBad(t, http.MethodGet, base+path+"?_summary=count&_total=accurate", "")
		if err := json.Unmarshal(body, &bundle); err != nil || bundle.Total == nil {
			t.Fatalf("%s: no total: %v %s", path, err, body)
		}
		state += fmt.Sprintf("%s %d ", path, *bundle.Total)
	}
	return state
}
