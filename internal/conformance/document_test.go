package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// result is what the run of a line came to.
type result struct {
	checks, failed int
	done           bool
}

// chosen is the kind of a note about a point that suites or readers of the specification disagree on: the line holds, and the note says in which reading.
const chosen verdict = "chosen"

const preamble = `# What is asserted of the REST API

One row for every line of the checklist that published test suites and R4's chapter on HTTP add up to. Each has a test of its name, which asks the built program over HTTP; the
number of checks is that of the last run. This page is written by ` + "`go test ./internal/conformance -update`" + `, and the test fails when it says anything else than the run.

* **holds**: every check of the line holds.
* **in part decided otherwise**: what the line asks for is done in another way, for the reason given. The checks are about what is done instead.
* **in part later**: some of it comes with a later version. The checks are about what is there.

*Chosen* says which reading holds where suites, servers or R4 itself leave more than one.

`

// document is docs/conformance/rest.md.
func document(lines []line, results []result) string {
	var b strings.Builder
	b.WriteString(preamble)
	checks, kinds := 0, map[string]int{}
	for i, l := range lines {
		checks += results[i].checks
		kinds[verdictOf(l, results[i])]++
	}
	fmt.Fprintf(&b, "%d lines, %d checks:", len(lines), checks)
	for _, kind := range sortedKeys(kinds) {
		fmt.Fprintf(&b, " %d %s;", kinds[kind], kind)
	}
	text := strings.TrimSuffix(b.String(), ";") + ".\n"
	b.Reset()
	b.WriteString(text)
	group := ""
	for i, l := range lines {
		if l.group != group {
			group = l.group
			fmt.Fprintf(&b, "\n## %s\n\n| what is asserted | verdict | checks | test |\n| --- | --- | --- | --- |\n", title(group))
		}
		fmt.Fprintf(&b, "| %s | %s | %d | `%s` |\n", cell(l), verdictOf(l, results[i]), results[i].checks, l.id())
	}
	b.WriteString("\nRun one with `go test ./internal/conformance -run 'TestREST/lines/read/conditional'`.\n")
	return b.String()
}

func cell(l line) string {
	text := l.says
	for _, n := range l.notes {
		text += fmt.Sprintf(" *%s: %s*", strings.ToUpper(string(n.kind[:1]))+string(n.kind[1:]), n.reason)
	}
	return strings.ReplaceAll(text, "|", "\\|")
}

func verdictOf(l line, r result) string {
	if r.failed > 0 {
		return fmt.Sprintf("**fails** (%d)", r.failed)
	}
	var parts []string
	for _, kind := range []verdict{otherwise, later} {
		if slices.ContainsFunc(l.notes, func(n note) bool { return n.kind == kind }) {
			parts = append(parts, "in part "+string(kind))
		}
	}
	if len(parts) == 0 {
		return string(holds)
	}
	return strings.Join(parts, ", ")
}

func title(group string) string {
	return strings.ToUpper(group[:1]) + strings.ReplaceAll(group[1:], "-", " ")
}

func sortedKeys(m map[string]int) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
