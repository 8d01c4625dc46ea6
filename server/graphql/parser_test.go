package graphql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, query, want string }{
		{"nothing", "", "line 1, column 1: the document has no query"},
		{"only a comment", "# hello", "line 1, column 8: the document has no query"},
		{"only a fragment", "fragment f on Patient { id }", "line 1, column 29: the document has no query"},
		{"no end", "{ id", `line 1, column 5: expected a name, found the end of the query`},
		{"nothing selected", "{\n  name { }\n}", "line 2, column 8: nothing is selected"},
		{"a mutation", "mutation { x }", "line 1, column 1: mutations are not supported; only queries are"},
		{"a directive of a query", "query @x { id }", "line 1, column 7: a query takes no directive @x"},
		{"a character", "{ id ? }", `line 1, column 6: unexpected character '?'`},
		{"a number", "{ a(b: 01) }", "line 1, column 8: malformed number"},
		{"a number with a name", "{ a(b: 1x) }", "line 1, column 8: malformed number"},
		{"a string without an end", "{ a(b: \"x\n\") }", "line 1, column 8: the string does not end on its line"},
		{"an escape", `{ a(b: "\x") }`, "line 1, column 11: malformed escape in a string"},
		{"a block string without an end", `{ a(b: """x) }`, "line 1, column 8: the string does not end"},
		{"an object", "{ a(b: {c: 1}) }", "line 1, column 8: no argument takes an object"},
		{"a variable as a default", "query ($a: ID = $b) { id }", `line 1, column 17: expected a value, found "$"`},
		{"two fragments of a name", "{ id } fragment a on Patient { id } fragment a on Patient { id }", `line 1, column 37: a fragment cannot have the name "a", or there are two of it`},
		{"a fragment on nothing", "{ id } fragment a { id }", `line 1, column 19: expected on and a type, found "{"`},
		{"too deep", strings.Repeat("{a", 30), "line 1, column 41: the query is nested deeper than 20 levels"},
		{"too deep a list", "{ a(b: " + strings.Repeat("[", 50), "line 1, column 27: the query is nested deeper than 20 levels"},
		{"too long", "{" + strings.Repeat(" ", 70_000), "line 0, column 0: the query has 70001 bytes; 65536 are allowed"},
		{"not UTF-8", "{ \xff }", "line 0, column 0: the query is not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.query)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestParseStrings(t *testing.T) {
	for query, want := range map[string]string{
		`{a(b: "x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")}`:           "x\"\\/\b\f\n\r\té😀",
		"{a(b: \"\"\"\n    one\n      two \\\"\"\"\n    \"\"\")}": "one\n  two \"\"\"",
		`{a(b: -1.50e+3)}`: "-1.50e+3",
		`{a(b: official)}`: "official",
	} {
		d, err := Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, d.operations[0].selection[0].field.arguments[0].value.text); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, query := range []string{"{ id name { given } }", `query q($a: [ID!]! = ["x"]) { p: Patient(id: $a) @flatten { ...f ... on Patient @skip(if: true) { id } } } fragment f on Patient { id }`,
		`{ a(b: """x""", c: -1.5e3) }`, "{", "\ufeff#\n{a}"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		d, err := Parse(query)
		if (err == nil) != (d != nil) {
			t.Fatal(err)
		}
	})
}
