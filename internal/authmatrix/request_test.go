package authmatrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// request is one question of the matrix.
type request struct {
	interaction  string // row of the table
	method, path string // below the base
	body         string
	contentType  string   // application/fhir+json when empty
	headers      []string // name, value, ...
	needs        string   // what the caller must be allowed for any other answer than 403: "Observation.rs Patient.s", one of the letters of each
	letter       string   // r or s: whose reach decides what is seen
	mixed        bool     // depends on reading and searching
}

func (r *request) String() string {
	text := r.method + " " + r.path
	if r.body != "" {
		text += " " + r.body
	}
	return fmt.Sprint(text, " ", r.headers)
}

// answer is what came back, in a form that can be compared.
type answer struct {
	status int
	header string // those that may tell something
	body   string
	next   string // page, below the base
}

func (a *answer) String() string { return fmt.Sprintf("%d\n%s%s", a.status, a.header, a.body) }

// patience bounds how long a test waits for what another part of the server does: a bound for tests that hang, far above what a busy machine needs.
const patience = time.Minute

// do sends a request, again when the store is overloaded, and makes the answer comparable: what is random or of the moment is replaced.
func (w *world) do(t testing.TB, bearer string, r *request) answer {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if a := w.once(t, bearer, r); a.status != http.StatusServiceUnavailable && !strings.Contains(a.body, `"code":"throttled"`) || time.Since(begun) > patience {
			return a
		}
	}
}

func (w *world) once(t testing.TB, bearer string, r *request) answer {
	t.Helper()
	w.run.Add(1)
	w.ids.Store(0)
	address := w.url + "/fhir/" + r.path
	if strings.HasPrefix(r.path, "/") {
		address = w.url + r.path
	}
	sent, err := http.NewRequestWithContext(t.Context(), r.method, address, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	sent.Header.Set("X-Request-Id", "matrix")
	sent.Header.Set("Authorization", "Bearer "+bearer)
	if r.body != "" {
		sent.Header.Set("Content-Type", "application/fhir+json")
	}
	if r.contentType != "" {
		sent.Header.Set("Content-Type", r.contentType)
	}
	for i := 0; i+1 < len(r.headers); i += 2 {
		sent.Header.Set(r.headers[i], r.headers[i+1])
	}
	got, err := http.DefaultClient.Do(sent)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(got.Body)
	if closing := got.Body.Close(); err != nil || closing != nil {
		t.Fatal(err, closing)
	}
	return comparable(got, data)
}

func comparable(got *http.Response, data []byte) answer {
	a := answer{status: got.StatusCode, body: string(data)}
	for _, name := range []string{"Etag", "Last-Modified", "Location", "Content-Location", "Content-Type", "Allow", "X-Security-Context", "Content-Disposition"} {
		if value := got.Header.Get(name); value != "" {
			a.header += name + ": " + value + "\n"
		}
	}
	var bundle struct {
		Link []struct{ Relation, URL string }
	}
	if json.Unmarshal(data, &bundle) == nil {
		for _, l := range bundle.Link {
			if l.Relation == "next" {
				a.next = strings.TrimPrefix(l.URL, base+"/")
			}
		}
	}
	a.header, a.body = stable(a.header), stable(a.body)
	return a
}

var (
	cursors = regexp.MustCompile(`(_cursor=|"next":")[^"&]+`)
	made    = regexp.MustCompile(`new-\d+-\d+|\bID\d+\b`)
	jobs    = regexp.MustCompile(`_async/[A-Z0-9]+`)
)

// stable replaces what differs between two worlds although they are the same: cursors, and ids in the order in which they come.
func stable(text string) string {
	text = cursors.ReplaceAllString(text, "${1}CURSOR")
	text = jobs.ReplaceAllString(text, "_async/JOB")
	names := map[string]string{}
	return made.ReplaceAllStringFunc(text, func(id string) string {
		if names[id] == "" {
			names[id] = fmt.Sprintf("ID%d", len(names)+1)
		}
		return names[id]
	})
}

// withoutTotal is a history without its total, which a walk through a part of it leaves out unless it is all on one page.
func (a answer) withoutTotal() answer {
	a.body = regexp.MustCompile(`"total":\d+,`).ReplaceAllString(a.body, "")
	return a
}

// result waits for a request in the background and reads what came out.
func (w *world) result(t testing.TB, bearer string, r *request) answer {
	t.Helper()
	sent, err := http.NewRequestWithContext(t.Context(), r.method, w.url+"/fhir/"+r.path, bytes.NewReader([]byte(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	sent.Header.Set("Authorization", "Bearer "+bearer)
	sent.Header.Set("X-Request-Id", "matrix")
	sent.Header.Set("Prefer", "respond-async")
	got, err := http.DefaultClient.Do(sent)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(got.Body)
	if closing := got.Body.Close(); err != nil || closing != nil {
		t.Fatal(err, closing)
	}
	if got.StatusCode != http.StatusAccepted {
		return comparable(got, data)
	}
	status := strings.TrimPrefix(got.Header.Get("Content-Location"), base+"/")
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(2 * time.Millisecond) {
		a := w.do(t, bearer, &request{method: "GET", path: status})
		if a.status != http.StatusAccepted {
			w.do(t, bearer, &request{method: "DELETE", path: status})
			return a
		}
	}
	t.Fatalf("%v never ends", r)
	return answer{}
}
