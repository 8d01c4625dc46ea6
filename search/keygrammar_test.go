package search

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestKeyGrammar fails when the golden keys are others and [KeyGrammar] is not. Then every store out there holds keys of before: raise the number, say in its comment what
// changed, and run the test with -update. New golden files are no change.
func TestKeyGrammar(t *testing.T) {
	const record = "testdata/grammar.txt"
	now := goldenSums(t)
	data, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	grammar, before := readSums(t, string(data))
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if now[name] != before[name] && grammar == KeyGrammar {
			t.Errorf("%s changed, and KeyGrammar is still %d: stores with keys of before would not be reindexed", name, KeyGrammar)
		}
	}
	if t.Failed() || grammar == KeyGrammar && maps.Equal(now, before) {
		return
	}
	if !*update {
		t.Fatalf("%s is of grammar %d and %d files; run with -update", record, grammar, len(before))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "grammar %d\n", KeyGrammar)
	for _, name := range slices.Sorted(maps.Keys(now)) {
		fmt.Fprintf(&b, "%s %s\n", name, now[name])
	}
	if err := os.WriteFile(record, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// goldenSums are the digests of what says how keys are made: examples, and the names of indexes.
func goldenSums(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/extract/*.keys")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, file := range append(files, "testdata/indexes.txt") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sums[filepath.Base(file)] = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return sums
}

func readSums(t *testing.T, text string) (grammar int, sums map[string]string) {
	t.Helper()
	sums = map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "grammar" {
			sums[name] = value
		} else if _, err := fmt.Sscan(value, &grammar); err != nil {
			t.Fatal(err)
		}
	}
	return grammar, sums
}
