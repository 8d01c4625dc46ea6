package search

import (
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/testfiles"
)

// TestCorpus asks every row of the search corpus of the reference store.
func TestCorpus(t *testing.T) {
	rows := 0
	for _, name := range testfiles.CorpusNames(t) {
		file := testfiles.ReadCorpus(t, name)
		var memory Memory
		for _, text := range file.Resources {
			res := parseResource(t, string(text))
			memory.Add(res.Type(), res.ID(), extract(t, string(text)))
		}
		rows += len(file.Rows)
		for _, row := range file.Rows {
			askCorpus(t, name, &memory, row)
		}
	}
	if rows < 600 {
		t.Errorf("the corpus has %d rows", rows)
	}
}

// askCorpus compares one row: the query, and the ids of the matches in order or "refused". Includes are what the server's test looks at.
func askCorpus(t *testing.T, file string, memory *Memory, row []string) {
	t.Helper()
	typ, query, _ := strings.Cut(row[0], "?")
	pairs, err := ParseQuery(strings.ReplaceAll(query, "+", "%2B"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := newTestRegistry(t).Parse(typ, pairs, ParseOptions{Strict: true})
	if err != nil {
		if row[1] != "refused" {
			t.Errorf("%s: %s: %v", file, row[0], err)
		}
		return
	}
	if got := strings.Join(memory.Order(request.Query), " "); got != row[1] {
		t.Errorf("%s: %s: found %q, want %q\n%s", file, row[0], got, row[1], Explain(request.Query.Plan))
	}
}
