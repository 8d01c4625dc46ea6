package conformance

import (
	"os"
	"strings"
	"testing"
)

// fill stores testdata/library.ndjson. BASE in it stands for the base URL of the server.
func fill(t *testing.T, base string) {
	t.Helper()
	data, err := os.ReadFile("testdata/library.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, base: base}
	s.store(strings.Split(strings.TrimSpace(strings.ReplaceAll(string(data), "BASE/", base+"/")), "\n")...)
}

// queries checks searches in a type by GET and by POST: each line is a query and behind => the ids it finds.
func (s *session) queries(typ, table string) {
	s.t.Helper()
	for row := range strings.Lines(table) {
		query, ids, found := strings.Cut(strings.TrimSpace(row), " => ")
		if !found {
			if query, found = strings.CutSuffix(query, " =>"); !found {
				continue
			}
		}
		s.get("/" + typ + "?" + escaped(query)).finds(ids)
		s.form("/"+typ+"/_search", escaped(query)).finds(ids)
	}
}

// escaped is a query as it is sent; in tables it is written with the characters it means.
func escaped(query string) string {
	return strings.NewReplacer("+", "%2B", " ", "%20", `\`, `%5C`, "|", "%7C", "#", "%23", "[", "%5B", "]", "%5D", "^", "%5E").Replace(query)
}
