package uscore

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ways are how a search is sent: all in the URL; all in a form; the first half in the URL and the rest in the form (R4 http.html#search).
func (c *client) ways() map[string]func(t *testing.T, typ string, pairs [][2]string) answer {
	const formType = "application/x-www-form-urlencoded"
	return map[string]func(t *testing.T, typ string, pairs [][2]string) answer{
		"GET": func(t *testing.T, typ string, pairs [][2]string) answer {
			t.Helper()
			return c.do(t, http.MethodGet, typ+"?"+form(pairs), "", nil)
		},
		"POST": func(t *testing.T, typ string, pairs [][2]string) answer {
			t.Helper()
			return c.do(t, http.MethodPost, typ+"/_search", formType, []byte(form(pairs)))
		},
		"both": func(t *testing.T, typ string, pairs [][2]string) answer {
			t.Helper()
			half := (len(pairs) + 1) / 2
			return c.do(t, http.MethodPost, typ+"/_search?"+form(pairs[:half]), formType, []byte(form(pairs[half:])))
		},
	}
}

// ask sends a search in all ways and says what is wrong with the answers; nothing when they are right.
func (c *client) ask(t *testing.T, s *search) (problems []string) {
	t.Helper()
	for way, send := range c.ways() {
		got := send(t, s.typ, s.pairs)
		if got.status != http.StatusOK {
			problems = append(problems, fmt.Sprintf("%s: %d %s", way, got.status, got.body))
			continue
		}
		for _, problem := range c.compare(got.bundle(t), s) {
			problems = append(problems, way+": "+problem)
		}
	}
	return problems
}

// compare checks type, total, matches, what is included and the self link. Matches of a sorted search are compared in order.
func (c *client) compare(b *bundle, s *search) (problems []string) {
	matches, included := b.keys("match"), b.keys("include")
	want, wantIncluded := make([]string, len(s.want)), slices.Sorted(slices.Values(s.included))
	for i, id := range s.want {
		want[i] = s.typ + "/" + id
	}
	if len(s.values("_sort")) == 0 {
		slices.Sort(want)
		slices.Sort(matches)
	}
	slices.Sort(included)
	if b.Type != "searchset" {
		problems = append(problems, "a Bundle of type "+b.Type)
	}
	if b.Total == nil || *b.Total != len(want) {
		problems = append(problems, fmt.Sprintf("the total is not %d", len(want)))
	}
	if diff := cmp.Diff(want, matches); diff != "" && len(want)+len(matches) > 0 {
		problems = append(problems, "matches (-want +got):\n"+diff)
	}
	if diff := cmp.Diff(wantIncluded, included); diff != "" && len(wantIncluded)+len(included) > 0 {
		problems = append(problems, "included (-want +got):\n"+diff)
	}
	for _, link := range b.Link {
		if link.Relation == "self" {
			return append(problems, c.compareSelf(link.URL, s)...)
		}
	}
	return append(problems, "no self link")
}

// keys lists the entries of a mode as type and id.
func (b *bundle) keys(mode string) []string {
	var keys []string
	for _, entry := range b.Entry {
		if entry.Search.Mode == mode {
			keys = append(keys, entry.Resource.ResourceType+"/"+entry.Resource.ID)
		}
	}
	return keys
}

// compareSelf checks that the self link names every parameter that was used.
func (c *client) compareSelf(self string, s *search) []string {
	address, err := url.Parse(self)
	if err != nil {
		return []string{err.Error()}
	}
	var got, want []string
	for name, values := range address.Query() {
		for _, value := range values {
			got = append(got, name+"="+value)
		}
	}
	for _, pair := range s.pairs {
		want = append(want, pair[0]+"="+pair[1])
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		return []string{"self link (-want +got):\n" + diff}
	}
	return nil
}

// countsWithout shows that each parameter of a search decides: without one of them the answer has the same resources and more.
func (c *client) countsWithout(t *testing.T, s *search) {
	t.Helper()
	for name := range strings.SplitSeq(s.asks(), "+") {
		rest := slices.DeleteFunc(slices.Clone(s.pairs), func(pair [2]string) bool { return pair[0] == name })
		matches := c.ways()["GET"](t, s.typ, rest).bundle(t).keys("match")
		for _, id := range s.want {
			if !slices.Contains(matches, s.typ+"/"+id) {
				t.Errorf("%s?%s: %s is not found without %s", s.typ, s.text, id, name)
			}
		}
		if len(matches) <= len(s.want) {
			t.Errorf("%s?%s: no seed differs in %s alone", s.typ, s.text, name)
		}
	}
}
