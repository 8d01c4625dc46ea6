package authmatrix

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/teststore"
)

// askReads asks everything that changes nothing: some callers ask all of it, the others a part each.
func askReads(t *testing.T, cases tally) {
	whole, everybody := seed(), callers()
	full := everyone(t)
	questions := reads()
	for n := range everybody {
		c := &everybody[n]
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			m := &matrix{t: t, full: full, caller: c, twins: newTwins(t, whole, c, nil), cases: cases}
			for i := range questions {
				if c.asksAll() || (i+n)%teststore.Size(7, 53) == 0 {
					m.ask(&questions[i])
				}
			}
			m.askInBundles(questions, n)
		})
	}
}

// twins are the worlds of what a caller may read and may find; the same one when that is the same. Those of other callers are taken again from what is kept.
func newTwins(t *testing.T, whole []version, c *caller, kept map[string]*world) map[string]*world {
	twins := map[string]*world{}
	if kept == nil {
		kept = map[string]*world{}
	}
	for _, letter := range []string{"r", "s"} {
		seen := c.sees(whole, letter)
		key := describe(seen)
		if kept[key] == nil {
			kept[key] = newWorld(t, nil)
			kept[key].fill(t, whole, seen)
		}
		twins[letter] = kept[key]
	}
	return twins
}

// matrix is what one caller asks.
type matrix struct {
	t      *testing.T
	full   *world
	caller *caller
	twins  map[string]*world
	cases  tally
	prefix string // of the rows of the table
	leaks  int
}

func (m *matrix) count(row string) { m.cases.add(m.prefix+row, m.caller.class) }

// allowed reports whether the caller may ask at all.
func (c *caller) allowed(needs string) bool {
	for _, need := range strings.Fields(needs) {
		typ, letters, _ := strings.Cut(need, ".")
		if !slices.ContainsFunc(strings.Split(letters, ""), func(letter string) bool { return c.allows(typ, letter) }) {
			return false
		}
	}
	return true
}

// ask compares the answers of the two worlds, page by page.
func (m *matrix) ask(r *request) {
	m.count(r.interaction)
	if !m.caller.allowed(r.needs) {
		if got := m.full.do(m.t, m.caller.name, r); got.status != 403 || r.method != "HEAD" && !strings.Contains(got.body, `"forbidden"`) {
			m.fail(r, "403", got.String())
		}
		return
	}
	if r.mixed && m.twins["r"] != m.twins["s"] {
		return
	}
	twin := m.twins[r.letter]
	ask := (*world).do
	if r.interaction == "async" {
		ask = (*world).result
	}
	got, want := ask(m.full, m.t, m.caller.name, r), ask(twin, m.t, token, r)
	if !m.same(r, got, want) {
		return
	}
	for got.next != "" {
		m.count("pages")
		page := request{interaction: r.interaction, method: "GET", path: got.next}
		got, want = m.full.do(m.t, m.caller.name, &page), twin.do(m.t, token, &request{method: "GET", path: want.next})
		if !m.same(&page, got, want) {
			return
		}
	}
}

// same compares two answers.
func (m *matrix) same(r *request, got, want answer) bool {
	if strings.Contains(r.path, "_history") && !strings.Contains(got.body, `"total":`) {
		want = want.withoutTotal()
	}
	if teststore.MongoDB() && strings.Contains(got.body, `"total":`) != strings.Contains(want.body, `"total":`) {
		got, want = got.withoutTotal(), want.withoutTotal() // it counts as long as that is cheap
	}
	if got.status == want.status && got.header == want.header && got.body == want.body && (got.next == "") == (want.next == "") {
		return true
	}
	if !m.refusedByType(r, got.body) {
		m.fail(r, want.String(), got.String())
	}
	return false
}

// lacks is a refusal inside of an answer that tells of the token alone.
var lacks = regexp.MustCompile(`the access token does not allow to (read|search for) (\w+) resources`)

// refusedByType reports whether an operation came to nothing because it needs a type that the caller has no scope for.
func (m *matrix) refusedByType(r *request, body string) bool {
	found := lacks.FindStringSubmatch(body)
	return (r.interaction == "$graphql" || r.interaction == "$document") && found != nil && !m.caller.allows(found[2], found[1][:1])
}

// maxReports is how many failures of one caller are shown.
const maxReports = 8

func (m *matrix) fail(r *request, want, got string) {
	m.t.Helper()
	if m.leaks++; m.leaks > maxReports {
		m.t.Fail()
		return
	}
	m.t.Errorf("%s asks %v\nwant %s\ngot  %s", m.caller.name, r, shortened(want, got), shortened(got, want))
}

// shortened shows a text from where it differs from another.
func shortened(text, other string) string {
	i := 0
	for i < len(text) && i < len(other) && text[i] == other[i] {
		i++
	}
	from, to := max(0, i-160), min(len(text), i+400)
	return fmt.Sprintf("%q...%q", text[:min(4, len(text))], text[from:to])
}

// askInBundles asks the same in batches and transactions: each entry is answered as if it had come alone.
func (m *matrix) askInBundles(questions []request, n int) {
	if m.twins["r"] != m.twins["s"] {
		return
	}
	var batch, allowed []request
	for i := range questions {
		r := &questions[i]
		if !m.caller.asksAll() && (i+n)%teststore.Size(9, 97) > 0 || r.method != "GET" || len(r.headers) > 0 || r.interaction == "history-type" || r.interaction == "history-system" || strings.Contains(r.path, "forged") || r.needs == "" {
			continue
		}
		batch = append(batch, *r)
		if m.caller.allowed(r.needs) && r.interaction != "error text" { // which refuses all of a transaction
			allowed = append(allowed, *r)
		}
	}
	for chunk := range slices.Chunk(batch, 25) {
		m.bundle("batch", chunk)
	}
	for chunk := range slices.Chunk(allowed, 25) {
		m.bundle("transaction", chunk)
	}
}

func (m *matrix) bundle(kind string, chunk []request) {
	entries := make([]string, len(chunk))
	for i := range chunk {
		entries[i] = fmt.Sprintf(`{"request":{"method":"GET","url":%q}}`, chunk[i].path)
	}
	r := &request{method: "POST", body: fmt.Sprintf(`{"resourceType":"Bundle","type":%q,"entry":[%s]}`, kind, strings.Join(entries, ","))}
	got, want := m.full.do(m.t, m.caller.name, r), m.twins["r"].do(m.t, token, r)
	if got.status != 200 && got.status == want.status && got.body == want.body { // one of them is malformed
		m.count(kind)
		return
	}
	gotEntries, wantEntries := entriesOf(m.t, got), entriesOf(m.t, want)
	if got.status != want.status || len(gotEntries) != len(chunk) || len(wantEntries) != len(chunk) {
		m.fail(r, want.String(), got.String())
		return
	}
	for i := range chunk {
		m.count(kind)
		if !m.caller.allowed(chunk[i].needs) {
			if !strings.Contains(gotEntries[i], `"status":"403`) {
				m.fail(&chunk[i], "403 in a "+kind, gotEntries[i])
			}
			continue
		}
		a, b := made.ReplaceAllString(gotEntries[i], "ID"), made.ReplaceAllString(wantEntries[i], "ID")
		if strings.Contains(chunk[i].path, "_history") && !strings.Contains(a, `"total":`) {
			b = answer{body: b}.withoutTotal().body
		}
		if a != b && !m.refusedByType(&chunk[i], a) {
			m.fail(&chunk[i], "in a "+kind+" "+b, "in a "+kind+" "+a)
		}
	}
}

func entriesOf(t testing.TB, a answer) (texts []string) {
	t.Helper()
	var b struct{ Entry []json.RawMessage }
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		t.Fatalf("%v in %.200s", err, a.body)
	}
	for _, e := range b.Entry {
		texts = append(texts, string(e))
	}
	return texts
}

// askUnderConsents asks a part of everything in each situation that Consents make.
func askUnderConsents(suite *testing.T, cases tally) {
	whole, list, questions := seed(), bound(), reads()
	full := shared(suite, list, whole)
	situations := denials()
	kept := map[string]*world{}
	at := 0
	for _, name := range slices.Sorted(maps.Keys(situations)) {
		suite.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			full.deny(t, situations[name])
			for n := range list {
				c := list[n]
				c.policies, c.whole = situations[name], whole
				m := &matrix{t: t, full: full, caller: &c, twins: newTwins(suite, whole, &c, kept), cases: cases, prefix: "Consent, "}
				at++
				for i := range questions {
					if (i+at)%teststore.Size(53, 997) == 0 {
						m.ask(&questions[i])
					}
				}
			}
		})
	}
}
