package server

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/firth-health/firth/store/pebble"
)

func TestExplain(t *testing.T) {
	for _, explains := range []bool{true, false} {
		t.Run(fmt.Sprint(explains), func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.Explain = explains })
			referring(f)
			const path = "/Observation?code=hr&_sort=-_id&_explain=true"
			b := parseBundle(t, f.do("GET", path, "").body)
			diff(t, []string{"Observation/b", "Observation/a"}, b.keysOf())
			last := b.Entry[len(b.Entry)-1]
			var told []string
			for _, issue := range last.Resource.Issue {
				told = append(told, issue.Diagnostics)
			}
			if !explains {
				diff(t, []string{"Observation has no search parameter _explain (ignored)"}, told)
				return
			}
			for i, want := range []string{`^plan of Observation:\nkeys code␁thr␁…$`, `^sort: _id descending$`, `^strategy: [a-z ,]+`, `^cost: \d+ seeks, \d+ keys read, \d+ candidates tested, 2 resources read, .+s$`} {
				if i >= len(told) || !regexp.MustCompile(want).MatchString(told[i]) {
					t.Errorf("told %q, want %s", told, want)
				}
			}
			diff(t, []any{"outcome", f.base + "/Observation?code=hr&_sort=-_id&_explain=true", 2}, []any{last.Search.Mode, b.link("self"), *b.Total})
		})
	}
}

// TestExplainSeveral has searches in more than one type explained, each of them and all together.
func TestExplainSeveral(t *testing.T) {
	tests := []struct {
		name, path string
		searches   int
		matches    []string
		first      string // plan
		self       string
	}{
		{"types in turn", "?_type=Observation,Patient&_id=a&_explain=true", 2, []string{"Observation/a"}, `^plan of Observation:\nids a\nstrategy: [^\n]+\n(.*\n)*cost: \d+ seeks, \d+ keys read, .*s$`, "?_type=Observation%2CPatient&_id=a&_explain=true"},
		{"types merged", "?_type=Observation,Patient&_id=a,b&_sort=-_id&_explain=true", 2, []string{"Observation/b", "Observation/a"}, `^plan of Observation:\n(.*\n)+sort: _id descending\nstrategy: `, "?_type=Observation%2CPatient&_id=a%2Cb&_sort=-_id&_explain=true"},
		{"compartment", "/Patient/p/*?_type=Observation&_explain=true", 1, []string{"Observation/a"}, `^plan of Observation:\n`, "/Patient/p/*?_type=Observation&_explain=true"},
		{"not asked", "?_type=Observation&_id=a&_explain=false", 0, []string{"Observation/a"}, ``, "?_type=Observation&_id=a"},
	}
	f := newFixture(t, func(c *Config) { c.Explain = true })
	referring(f)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parseBundle(t, f.do("GET", tt.path, "").body)
			diff(t, tt.self, strings.TrimPrefix(b.link("self"), f.base))
			diff(t, tt.matches, b.keysOf())
			if tt.searches == 0 {
				return
			}
			issues := b.Entry[len(b.Entry)-1].Resource.Issue
			if len(issues) < tt.searches+1 || !regexp.MustCompile(tt.first).MatchString(issues[0].Diagnostics) {
				t.Fatalf("told %+v, want %s", issues, tt.first)
			}
			if last := issues[len(issues)-1].Diagnostics; !regexp.MustCompile(`^cost of \d+ searches: [1-9]\d* seeks, \d+ keys read, \d+ candidates tested, [1-9]\d* resources read, .*s$`).MatchString(last) {
				t.Errorf("at last %q", last)
			}
		})
	}
}

// TestTooCostly searches a store that lets a search read little.
func TestTooCostly(t *testing.T) {
	s, err := pebble.Open("", pebble.Options{InMemory: true, QueryCost: 3000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := newFixture(t, func(c *Config) { c.Store = s })
	var entries []string
	for i := range 5000 {
		entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Basic","id":"b%d","code":{"coding":[{"code":"c%d"}]}},"request":{"method":"PUT","url":"Basic/b%d"}}`, i, i%7, i))
	}
	if got := f.do("POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`); got.status != 200 {
		t.Fatal(got)
	}
	const reads = "the search reads more of the index than one search may; "
	f.run(t, []step{
		{name: "a page", method: "GET", path: "/Basic?code=c1,c2&_count=3&_total=none", status: 200, answer: "*"},
		{name: "a count", method: "GET", path: "/Basic?code=c1,c2,c3,c4,c5,c6,c0&_summary=count", status: 400,
			answer: outcome("too-costly", reads+"leave out _total=accurate or _summary=count, or add a parameter that few resources match")},
	})
}
