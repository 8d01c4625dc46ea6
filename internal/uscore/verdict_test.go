package uscore

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/conformance/us-core.md")

// gaps are requirements that are known not to be met, with the reason. One that is met after all fails the test, so that it leaves the list.
func gaps() map[string]string {
	return map[string]string{}
}

// gap is the key of a requirement in gaps: the same for both guides.
func (r requirement) gap() string { return r.typ + " " + r.kind + " " + r.what }

// guideTitles are the guides in the order of the report.
func guideTitles() [][2]string {
	return [][2]string{{"us-core-6.1", "US Core 6.1"}, {"ipa-1.0", "International Patient Access 1.0"}}
}

// judge fails for every requirement that is not met or was not put to the test, and compares the report.
func (r *run) judge(t *testing.T) {
	t.Helper()
	for _, req := range r.all {
		found, reason := r.found[req], gaps()[req.gap()]
		switch {
		case found == nil && reason == "":
			t.Errorf("%s: nothing asks for it", req)
		case found == nil:
		case reason == "" && len(found.problems) > 0:
			t.Errorf("%s: %s", req, found.problems[0])
		case reason != "" && len(found.problems) == 0:
			t.Errorf("%s is met; take it from the gaps", req)
		}
	}
	const path = "../../docs/conformance/us-core.md"
	report := r.report()
	if *update {
		if err := os.WriteFile(path, []byte(report), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(written), report); diff != "" {
		t.Errorf("docs/conformance/us-core.md (-written +found); go test ./internal/uscore -update writes it:\n%s", diff)
	}
}

const reportHead = `# US Core 6.1 and International Patient Access 1.0

Every search, interaction and operation that the guides' CapabilityStatements require, and what the server does. Made by ` + "`go test ./internal/uscore -update`" + `, which asks the
assembled server over HTTP: every search by GET, by POST with a form, and with parameters in URL and form at once; ids, total and self link are compared, and
for each combination that no parameter of it is ignored. Profiles, must-support elements and authorization are not in this list.

`

// report lists each requirement with its verdict. NAMED is what a guide's CapabilityStatement names without a strength.
func (r *run) report() string {
	var text strings.Builder
	text.WriteString(reportHead + r.summary())
	for _, guide := range guideTitles() {
		fmt.Fprintf(&text, "\n## %s\n", guide[1])
		typ := ""
		for _, req := range r.all {
			if req.guide != guide[0] {
				continue
			}
			if req.typ != typ {
				typ = req.typ
				fmt.Fprintf(&text, "\n### %s\n\n| | requirement | | tests | verdict |\n| --- | --- | --- | ---: | --- |\n", typ)
			}
			fmt.Fprintf(&text, "| %s | %s | `%s` | %d | %s |\n", req.strength, req.kind, strings.ReplaceAll(req.what, "|", `\|`), r.tests(req), r.verdict(req))
		}
	}
	return text.String()
}

func (r *run) tests(req requirement) int {
	if found := r.found[req]; found != nil {
		return found.tests
	}
	return 0
}

func (r *run) verdict(req requirement) string {
	found, reason := r.found[req], gaps()[req.gap()]
	switch {
	case reason != "":
		return "no: " + reason
	case found == nil || len(found.problems) > 0:
		return "no"
	}
	return "yes"
}

// summary counts what is met, by guide and strength.
func (r *run) summary() string {
	text := "| guide | strength | met | of |\n| --- | --- | ---: | ---: |\n"
	for _, guide := range guideTitles() {
		for _, strength := range []string{"SHALL", "SHOULD", "NAMED"} {
			among := slices.DeleteFunc(slices.Clone(r.all), func(req requirement) bool { return req.guide != guide[0] || req.strength != strength })
			met := 0
			for _, req := range among {
				if r.verdict(req) == "yes" {
					met++
				}
			}
			if len(among) > 0 {
				text += fmt.Sprintf("| %s | %s | %d | %d |\n", guide[1], strength, met, len(among))
			}
		}
	}
	return text
}
