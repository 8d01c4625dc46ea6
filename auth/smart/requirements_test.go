package smart_test

import (
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/conformance/smart.md")

// verdict is what the server does about a requirement.
type verdict string

const (
	holds     verdict = "holds"
	elsewhere verdict = "elsewhere"  // another part of the server does it; the note says where it is tested
	declined  verdict = "not done"   // it is optional, and the note says why not
	noMatter  verdict = "no concern" // it asks nothing of this server; the note says why
)

// requirement is what is known of one row of the requirements set.
type requirement struct {
	id      string
	verdict verdict
	note    string
	test    func(*check) // of what holds
}

// check counts what a test of a requirement found.
type check struct {
	*walk
	t     *testing.T
	count int
}

func (c *check) ok(condition bool, format string, args ...any) {
	c.t.Helper()
	c.count++
	if !condition {
		c.t.Errorf(format, args...)
	}
}

func (c *check) equal(got, want any) {
	c.t.Helper()
	c.count++
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Error(diff)
	}
}

// row is a row of the requirements set.
type row struct{ id, strength, text, page string }

func rows(t *testing.T) (list []row) {
	t.Helper()
	f, err := os.Open("testdata/requirements.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		list = append(list, row{r[0], r[1], r[2], r[3]})
	}
	return list
}

func requirements() (list []requirement) {
	for _, part := range [][]requirement{appLaunch(), tokenResponse(), scopesAndContext(), identity(), backendServices(), introspection(), asymmetric(), capabilities(), brandRequirements()} {
		list = append(list, part...)
	}
	return list
}

// TestRequirements tests every requirement of SMART App Launch 2.2 that concerns an authorization server, and holds docs/conformance/smart.md to what it found.
func TestRequirements(t *testing.T) {
	known := map[string]requirement{}
	for _, r := range requirements() {
		if _, twice := known[r.id]; twice {
			t.Errorf("requirement %s is there twice", r.id)
		}
		if (r.verdict == holds) != (r.test != nil) || r.verdict != holds && len(r.note) < 12 {
			t.Errorf("requirement %s: %s with test %v and note %q", r.id, r.verdict, r.test != nil, r.note)
		}
		known[r.id] = r
	}
	w := newWalk(t)
	verdicts := map[string]string{}
	for _, row := range rows(t) {
		r, ok := known[row.id]
		if !ok {
			t.Errorf("requirement %s (%s) has no verdict: %s", row.id, row.strength, row.text)
			continue
		}
		if strings.HasPrefix(row.strength, "SHALL") && r.verdict == declined {
			t.Errorf("requirement %s is a %s and is not done", row.id, row.strength)
		}
		verdicts[row.id] = string(r.verdict)
		if r.test == nil {
			continue
		}
		t.Run(row.id, func(t *testing.T) {
			c := &check{walk: w, t: t}
			r.test(c)
			if c.count == 0 {
				t.Error("nothing was checked")
			}
			if t.Failed() {
				verdicts[row.id] = "**fails**"
			}
		})
	}
	if len(known) != len(verdicts) {
		t.Errorf("%d requirements are known, %d in the set", len(known), len(verdicts))
	}
	comparePage(t, document(rows(t), known, verdicts))
}

func comparePage(t *testing.T, page string) {
	t.Helper()
	const path = "../../docs/conformance/smart.md"
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), page); diff != "" {
		t.Errorf("%s is not what the run says (-update writes it):\n%s", path, diff)
	}
}

// document writes the page.
func document(list []row, known map[string]requirement, verdicts map[string]string) string {
	var b strings.Builder
	b.WriteString(`# SMART App Launch 2.2

Every requirement that the test kit for [SMART App Launch 2.2](https://hl7.org/fhir/smart-app-launch/STU2.2/) lists for servers, and what the built-in authorization server does about it. This page is written by
` + "`go test ./auth/smart -run TestRequirements -update`" + `, which tests each row that holds over HTTP under its number; the test fails when the page says anything else than the run.

* **holds**: there is a test of this number, and it passes.
* **elsewhere**: another part of the server does it; the note says where that is tested.
* **no concern**: it asks nothing of this server, for the reason given.
* **not done**: it is optional, and not done for the reason given.

Numbers and texts are those of the requirements set of the SMART App Launch Test Kit (Apache License 2.0), taken from HL7's guide (CC0 1.0).

`)
	strengths := []string{"SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY", "DEPRECATED"}
	columns := []verdict{holds, elsewhere, noMatter, declined}
	counts := map[string]int{}
	for _, r := range list {
		counts[r.strength+"/"+verdicts[r.id]]++
		counts[r.strength]++
	}
	b.WriteString("| strength | holds | elsewhere | no concern | not done | of |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	for _, strength := range strengths {
		b.WriteString("| " + strength)
		for _, column := range columns {
			fmt.Fprintf(&b, " | %d", counts[strength+"/"+string(column)])
		}
		fmt.Fprintf(&b, " | %d |\n", counts[strength])
	}
	section := ""
	for _, r := range list {
		if page, _, _ := strings.Cut(r.page, "#"); page != section {
			section = page
			fmt.Fprintf(&b, "\n## %s\n\n| | | requirement | verdict | note |\n| --- | --- | --- | --- | --- |\n", strings.TrimSuffix(page, ".html"))
		}
		text := strings.NewReplacer("|", `\|`, "\n", " ").Replace(r.text)
		fmt.Fprintf(&b, "| [%s](https://hl7.org/fhir/smart-app-launch/STU2.2/%s) | %s | %s | %s | %s |\n", r.id, r.page, r.strength, text, verdicts[r.id], known[r.id].note)
	}
	return b.String()
}
