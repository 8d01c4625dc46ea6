package main

import (
	"bytes"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const original = `package small

import "strings"

const limit = 7

// inside reports whether n is in the range.
func inside(n int, low, high int) bool {
	if n < low || !(n+1 <= high) {
		return false
	}
	return n != limit+1
}

func find(s string, skip bool) int {
	if skip && strings.HasPrefix(s, "x") {
		return strings.IndexByte(s, 'x') + 1
	}
	return limit - 1
}
`

// smallModule writes a module with one package, search, and its tests.
func smallModule(t *testing.T, test string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module small\n\ngo 1.26\n", "search/small.go": original, "search/small_test.go": test,
		"internal/mutation/equivalent.tsv": "# none\nsmall.go\tgone\tx < y\t<=\t0\tthe function is gone\n"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFind(t *testing.T) {
	_, mutants, err := find(filepath.Join(smallModule(t, "package small"), "search"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, m.function+": "+m.before+" -> "+m.change)
	}
	want := []string{
		"inside: n < low || !(n+1 <= high) -> and",
		"inside: n < low -> <=",
		"inside: !(n+1 <= high) -> not",
		"inside: n+1 <= high -> <",
		"inside: n+1 -> +0",
		"inside: n != limit+1 -> ==",
		`find: skip && strings.HasPrefix(s, "x") -> or`,
		"find: skip -> not",
		`find: strings.HasPrefix(s, "x") -> not`,
		"find: strings.IndexByte(s, 'x') + 1 -> +0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRewrite(t *testing.T) {
	files := token.NewFileSet()
	path := filepath.Join(smallModule(t, "package small"), "search", "small.go")
	s, err := read(files, path)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	constants(s.file, names)
	for i, m := range s.find(files, names) {
		m.id = i + 1
	}
	got := string(s.rewrite(func(m *mutant) bool { return m.id == 4 || m.id == 5 || m.id == 7 || m.id == 8 }))
	want := strings.NewReplacer(
		"n+1 <= high", "((mutantAlive == 4) && (mutantChoice(5, n + 1, n) < high) || !(mutantAlive == 4) && (mutantChoice(5, n + 1, n) <= high))",
		`skip && strings.HasPrefix(s, "x")`,
		`((((((skip) != (mutantAlive == 8))) != (mutantAlive == 7)) && ((strings.HasPrefix(s, "x")) != (mutantAlive == 7))) != (mutantAlive == 7))`,
	).Replace(original)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if whole := string(s.rewrite(func(*mutant) bool { return false })); whole != original {
		t.Errorf("without mutants:\n%s", whole)
	}
}

// TestRun tries all mutants of a small package, the tests of which leave out some values.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a package")
	}
	const test = `package small

import "testing"

func TestInside(t *testing.T) {
	for _, n := range []int{1, 2, 5, 6, 8, 9} {
		if inside(n, 2, 10) != (n >= 2 && n != 8) {
			t.Error(n)
		}
	}
}

func TestFind(t *testing.T) {
	if find("xx", true) != 1 || find("", false) != 6 {
		t.Error("found")
	}
}
`
	root := smallModule(t, test)
	sources, mutants, err := find(filepath.Join(root, "search"))
	if err != nil {
		t.Fatal(err)
	}
	trial := &trial{root: root, dir: "search", work: t.TempDir(), suites: []suite{{"search", nil}}, patience: 100}
	if err := trial.build(t.Context(), sources, mutants); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	// One mutant of the list is known to be without effect.
	known := equivalents{mutants[4].name(): "for the test"}
	survivors, err := trial.report(t.Context(), &out, mutants, known, true)
	if err != nil {
		t.Fatal(err)
	}
	want := `killed   small.go:9 inside: n < low || !(n+1 <= high) -> and (TestInside)
killed   small.go:9 inside: n < low -> <= (TestInside)
killed   small.go:9 inside: !(n+1 <= high) -> not (TestInside)
killed   small.go:9 inside: n+1 <= high -> < (TestInside)
killed   small.go:12 inside: n != limit+1 -> == (TestInside)
survived small.go:16 find: skip && strings.HasPrefix(s, "x") -> or	small.go	find	skip && strings.HasPrefix(s, "x")	or	0
killed   small.go:16 find: skip -> not (TestFind)
killed   small.go:16 find: strings.HasPrefix(s, "x") -> not (TestFind)
killed   small.go:17 find: strings.IndexByte(s, 'x') + 1 -> +0 (TestFind)
10 mutants: 8 killed, 1 survived, 1 equivalent, 0 that do not compile; 88.9 % of those that can be killed were
`
	if diff := cmp.Diff(want, out.String()); diff != "" || survivors != 1 {
		t.Errorf("%d survivors (-want +got):\n%s", survivors, diff)
	}
}

func TestEquivalents(t *testing.T) {
	root := smallModule(t, "package small")
	known, err := readEquivalents(filepath.Join(root, "internal/mutation/equivalent.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	want := equivalents{"small.go\tgone\tx < y\t<=\t0": "the function is gone"}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"small.go\tgone\tx < y\t<=\t0"}, known.stale(nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := readEquivalents("equivalent.tsv"); err != nil {
		t.Error(err)
	}
}

func TestChoose(t *testing.T) {
	_, mutants, err := find("../../search")
	if err != nil {
		t.Fatal(err)
	}
	names := func(o options) (names []string) {
		if o.shares == 0 {
			o.shares = 1
		}
		chosen, err := choose(mutants, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range chosen {
			names = append(names, m.name())
		}
		return names
	}
	if diff := cmp.Diff(names(options{count: 7, seed: 3}), names(options{count: 7, seed: 3})); diff != "" {
		t.Errorf("the same seed gives another sample:\n%s", diff)
	}
	if len(names(options{count: 7, seed: 3})) != 7 || cmp.Equal(names(options{count: 7, seed: 3}), names(options{count: 7, seed: 4})) {
		t.Error("another seed gives the same sample")
	}
	if halves := len(names(options{all: true, shares: 2})) + len(names(options{all: true, shares: 2, share: 1})); halves != len(mutants) {
		t.Errorf("two halves have %d of %d mutants", halves, len(mutants))
	}
	if got := names(options{pick: "^plan.go:.*Exact"}); len(got) == 0 || !strings.HasPrefix(got[0], "plan.go\tExact\t") {
		t.Errorf("by pattern: %v", got)
	}
}
