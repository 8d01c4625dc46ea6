package authmatrix

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/server"
)

func keptIn(t testing.TB, a answer) string {
	t.Helper()
	var b struct {
		Entry []struct {
			FullURL  string
			Response struct{ Etag string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range b.Entry {
		names = append(names, strings.TrimPrefix(e.FullURL, base+"/")+"/"+strings.Trim(e.Response.Etag, `W/"`))
	}
	return strings.Join(names, " ")
}

// everyone is a world with the whole seed and all callers.
func everyone(t *testing.T) *world {
	t.Helper()
	return shared(t, everyCaller(), seed())
}

// shared is a world with all of a seed for some callers.
func shared(t *testing.T, list []caller, whole []version, adjust ...func(*server.Config)) *world {
	t.Helper()
	byName := map[string]*caller{}
	for i := range list {
		byName[list[i].name] = &list[i]
	}
	w := newWorld(t, byName, adjust...)
	w.fill(t, whole, whole)
	return w
}

// compareWork shows that a resource that is hidden costs the calls of the store that one which is not there costs, so that time does not tell one from the other.
func compareWork(t *testing.T, cases tally) {
	w := everyone(t)
	work := func(r request) string {
		w.store.calls = nil
		w.store.notes.Store(true)
		got := w.do(t, "p1 all", &r)
		w.store.notes.Store(false)
		return strings.Join(w.store.calls, " ") + " " + http.StatusText(got.status)
	}
	for _, r := range []request{
		{method: "GET", path: "Observation/ID"}, {method: "HEAD", path: "Observation/ID"}, {method: "GET", path: "Observation/ID/_history/1"}, {method: "GET", path: "Observation/ID/_history"}, {method: "GET", path: "Observation/ID/$meta"},
		{method: "GET", path: "Observation/ID", headers: []string{"If-None-Match", `W/"1"`}}, {method: "GET", path: "Observation?_id=ID"}, {method: "GET", path: "Observation?_id=ID&_summary=count"}, {method: "GET", path: "Observation/ID/$graphql?query={id}"},
		{method: "DELETE", path: "Observation/ID"}, {method: "DELETE", path: "Observation?_id=ID"}, {method: "PATCH", path: "Observation/ID", body: "[]", contentType: "application/json-patch+json"},
		{method: "POST", path: "Observation", body: ofP2().json(""), headers: []string{"If-None-Exist", "_id=ID"}}, {method: "GET", path: "Observation/ID/$validate?mode=delete"}, {method: "GET", path: "Observation/ID/$waveform"},
		{method: "GET", path: "Observation/ID/_history/9"}, {method: "GET", path: "Observation/ID/_history/1/$meta"}, {method: "GET", path: "Observation/ID/$everything"}, {method: "PATCH", path: "Observation?_id=ID", body: "[]", contentType: "application/json-patch+json"},
		{method: "PUT", path: "Observation/ID", body: ofP1().json("ID"), headers: []string{"If-Match", `W/"1"`}}, {method: "PUT", path: "Observation?_id=ID", body: ofP2().json("")}, {method: "GET", path: "Observation?_id=ID&_include=Observation:subject&_revinclude=Provenance:target"},
		{method: "GET", path: "Observation?derived-from=Observation/ID"}, {method: "GET", path: "Observation?derived-from:Observation._id=ID"}, {method: "GET", path: "List?item:Observation._id=ID"}, {method: "POST", path: "Observation/ID/$validate?mode=update", body: ofP1().json("ID")},
		{method: "POST", path: "Observation/ID/$meta-add", body: `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}`},
	} {
		as := func(id string) string {
			one := r
			one.path, one.body = strings.ReplaceAll(r.path, "ID", id), strings.ReplaceAll(r.body, "ID", id)
			one.headers = slices.Clone(r.headers)
			for i := range one.headers {
				one.headers[i] = strings.ReplaceAll(one.headers[i], "ID", id)
			}
			return work(one)
		}
		if hidden, absent := as("o9"), as("absent"); hidden != absent {
			t.Errorf("%s %s: %q of what is hidden, %q of what is not there", r.method, r.path, hidden, absent)
		}
		cases.add("work", "patient/*")
	}
}

// askForJobs shows that what runs in the background is for who began it, under the token's scopes.
func askForJobs(t *testing.T, cases tally) {
	w := everyone(t)
	begin := func(name, path string) string {
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/fhir/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+name)
		r.Header.Set("Prefer", "respond-async")
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(got.Header.Get("Content-Location"), base+"/")
	}
	for _, owner := range []string{"p1 all", "user doctor"} {
		job := begin(owner, "Observation")
		for _, other := range []string{"p2 all", "p1 reads all", "p1 Observations", "user p2", "user doctor vital signs", "administrator", "system all", "no scopes"} {
			for _, method := range []string{"GET", "DELETE"} {
				cases.add("async of others", "patient/*")
				got, never := w.do(t, other, &request{method: method, path: job}), w.do(t, other, &request{method: method, path: "_async/NEVER"})
				if got.status != 404 || got.body != never.body {
					t.Errorf("%s %ss the job of %s: %v, want %v", other, method, owner, &got, &never)
				}
			}
		}
		if got := w.do(t, owner, &request{method: "DELETE", path: job}); got.status != http.StatusAccepted {
			t.Errorf("%s: %v", owner, &got)
		}
	}
}

// govern shows who may begin a reindex, see its status, and say what the server can search for.
func govern(t *testing.T, cases tally) {
	w := everyone(t)
	status := ""
	list := everyCaller()
	for i := range list {
		c := &list[i]
		for _, path := range []string{"$reindex", "Observation/$reindex", "Observation/o1/$reindex"} {
			cases.add("$reindex", c.class)
			got := w.do(t, c.name, &request{method: "POST", path: path})
			if c.admin == (got.status == 403) {
				t.Errorf("%s %s: %v", c.name, path, &got)
			}
			if c.admin && path == "$reindex" {
				status = w.job(t, c.name)
			}
		}
	}
	for i := range list {
		c := &list[i]
		cases.add("$reindex", c.class)
		if got := w.do(t, c.name, &request{method: "GET", path: status}); c.admin == (got.status == 404) {
			t.Errorf("%s reads %s: %v", c.name, status, &got)
		}
	}
}

// job begins a reindex and returns where its status is.
func (w *world) job(t testing.TB, name string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/fhir/$reindex", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+name)
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(got.Header.Get("Content-Location"), base+"/")
}

// refer lets transactions refer to what a search finds. What is hidden is not found, and what is said of it is what is said of nothing.
func refer(t *testing.T, cases tally) {
	whole := seed()
	references := []string{
		"Patient?identifier=urn:mrn|1", "Patient?identifier=urn:mrn|2", "Patient?identifier=urn:mrn|none", "Patient?name=Baker", "Patient?_id=p1,p2", "Observation?_id=o9", "Observation?_id=o1", "Observation?value-quantity=99", "Observation?subject:Patient.name=Baker",
		"Observation?_has:Provenance:target:recorded=2024-01-04", "Encounter?subject:Patient.name=Baker", "Encounter?subject:Patient.name=Archer", "Device?patient=Patient/p2", "Practitioner?_has:Observation:performer:value-quantity=99", "Practitioner?identifier=urn:npi|7",
		"Condition?_content=secret2", "Binary?_id=b1", "Group?member=Patient/p2", "AuditEvent?patient=p2",
	}
	for _, c := range callers() {
		m := &matrix{t: t, full: shared(t, []caller{c}, whole), caller: &c, twins: newTwins(t, whole, &c, nil), cases: cases}
		if m.twins["r"] != m.twins["s"] || len(c.rules) == 0 {
			continue
		}
		for i, reference := range references {
			body := ofP1()
			body.body += `,"focus":[{"reference":"` + reference + `"}]`
			typ, _, _ := strings.Cut(reference, "?")
			r := request{interaction: "conditional reference", method: "POST", needs: "Observation.c " + typ + ".s", letter: "s", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + body.json("") + `,"request":{"method":"POST","url":"Observation"}}]}`}
			for _, w := range []*world{m.full, m.twins["s"]} {
				w.now.Store(int64(len(whole) + i))
				w.run.Store(int64(i))
			}
			switch {
			case !c.allowed(r.needs) || c.may(ofP1().version("new"), "c"):
				m.ask(&r)
			default: // refused, whatever the reference finds
				m.count(r.interaction)
				if got := m.full.do(t, c.name, &r); got.status != 403 && got.status != 412 {
					m.fail(&r, "403 or 412", got.String())
				}
			}
		}
	}
}

// strangers follow the links to further pages of somebody who sees more, and learn nothing but what is theirs.
func strangers(t *testing.T, cases tally) {
	whole, list := seed(), callers()
	w := shared(t, list, whole)
	for _, path := range []string{
		"Observation?_count=2", "Observation?_count=3&_sort=-date", "Observation?_sort=subject&_count=4", "Patient?_count=1&_sort=name", "?_count=7", "?_sort=-_lastUpdated&_count=9", "Patient/p2/*?_count=3", "Patient/p2/Observation?_count=1", "Provenance?_count=1&_include=Provenance:target",
		"Practitioner?_count=1&_revinclude=Observation:performer", "_history?_count=5", "Observation/_history?_count=2", "Observation/o8/_history?_count=1", "Patient/p2/$everything?_count=3", "Patient/$everything?_count=5", "DocumentReference/$docref?patient=p2&_count=1",
	} {
		for page, depth := (answer{next: path}), 0; page.next != "" && depth < 4; depth++ {
			link := request{method: "GET", path: page.next}
			page = w.do(t, token, &link)
			if depth == 0 {
				continue
			}
			for i := range list {
				c := &list[i]
				cases.add("pages of others", c.class)
				got := w.do(t, c.name, &link)
				for _, key := range keysNamed(got) {
					if !slices.Contains(keysOf(slices.Concat(c.sees(whole, "r"), c.sees(whole, "s"))), key) {
						t.Errorf("%s follows %s and is shown %s", c.name, link.path, key)
					}
				}
				if got.status != 200 && got.status != 400 && got.status != 403 && got.status != 404 {
					t.Errorf("%s follows %s: %v", c.name, link.path, &got)
				}
			}
		}
	}
}

// keysNamed are those of the entries of a Bundle.
func keysNamed(a answer) (keys []string) {
	for _, found := range entryAddress.FindAllStringSubmatch(a.body, -1) {
		keys = append(keys, found[1])
	}
	return keys
}

var entryAddress = regexp.MustCompile(`"fullUrl":"` + regexp.QuoteMeta(base) + `/([^"]+)"`)

// compareAtomic shows that a transaction with one entry that is not allowed leaves nothing behind.
func compareAtomic(t *testing.T, cases tally) {
	w := everyone(t)
	for _, second := range []string{
		`{"resource":` + ofP2().json("") + `,"request":{"method":"POST","url":"Observation"}}`, `{"resource":` + ofP1().json("o9") + `,"request":{"method":"PUT","url":"Observation/o9"}}`,
		`{"request":{"method":"DELETE","url":"Practitioner/dr"}}`, `{"request":{"method":"GET","url":"Binary/b1"}}`,
	} {
		r := request{method: "POST", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + ofP1().json("first") + `,"request":{"method":"PUT","url":"Observation/first"}},` + second + `]}`}
		cases.add("transaction, one refused", "patient/*")
		if got := w.do(t, "p1 all", &r); got.status != 403 {
			t.Errorf("%s: %v", second, &got)
		}
		if _, err := w.store.Read(t.Context(), fhir.Key{Type: "Observation", ID: "first"}); err == nil {
			t.Errorf("%s: the other entry was done", second)
		}
	}
}
