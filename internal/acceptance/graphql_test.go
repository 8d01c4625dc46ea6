package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/teststore"
)

// This file answers GraphQL queries a second way: [project] picks plain elements, and what arguments, references and directives do is written in Go for each query.

// project picks what a selection like "id name{family given}" says. What is absent is nil; lists stay lists. "as:name" renames.
func project(v any, selection string) any {
	switch x := v.(type) {
	case []any:
		list := []any{}
		for _, item := range x {
			list = append(list, project(item, selection))
		}
		return list
	case object:
		if selection == "" {
			return x
		}
		out := object{}
		for rest := strings.TrimSpace(selection); rest != ""; rest = strings.TrimSpace(rest) {
			end := strings.IndexAny(rest, " {")
			if end < 0 {
				end = len(rest)
			}
			name, inner := rest[:end], ""
			if rest = rest[end:]; strings.HasPrefix(rest, "{") {
				depth, i := 0, 0
				for ; i == 0 || depth > 0; i++ {
					depth += strings.Count(rest[i:i+1], "{") - strings.Count(rest[i:i+1], "}")
				}
				inner, rest = rest[1:i-1], rest[i:]
			}
			as, element, isRenamed := strings.Cut(name, ":")
			if !isRenamed {
				element = name
			}
			out[as] = project(x[element], inner)
		}
		return out
	}
	return v
}

// askGraphQL posts a query.
func askGraphQL(t *testing.T, w *world, on, query, variables string) object {
	t.Helper()
	body := object{"query": query}
	if variables != "" {
		body["variables"] = json.RawMessage(variables)
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	address := w.base + "/$graphql"
	if on != "" {
		address = w.base + "/" + on + "/$graphql"
	}
	response, err := http.Post(address, "application/json", strings.NewReader(string(data)))
	return answer(t, response, err)
}

func TestGraphQLAgainstProjection(t *testing.T) {
	w := recordWorld(t)
	cases := slices.Concat(elementCases(), linkCases())
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := askGraphQL(t, w, c.on, c.query, c.variables)
			if d := cmp.Diff(object{"data": c.want(w)}, got); d != "" {
				t.Errorf("%s: -want +got:\n%s", c.query, d)
			}
		})
	}
	if len(cases) < 40 {
		t.Errorf("%d queries", len(cases))
	}
}

// TestGraphQLPlaces finds what is wrong with a query where the mark is.
func TestGraphQLPlaces(t *testing.T) {
	w := recordWorld(t)
	for _, c := range []struct{ on, query, message string }{
		{"Patient/p1", "{\n  id\n  ¦nme { given }\n}", "Patient has no element nme"},
		{"Patient/p1", "{ name {\n\tgiven\n\t¦city } }", "HumanName has no element city"},
		{"Patient/p1", "{\n name(use: official, ¦kind: 1) { given } }", "the items of name have no element kind"},
		{"Patient/p1", "{ id name(¦use: $u) { given } }", "the variable $u is not declared"},
		{"Patient/p1", "query (\n  $a: ID\n  ¦$b: ID!\n) { id }", "the variable $b has no value"},
		{"Patient/p1", "{ name ¦@upper { given } }", "there is no directive @upper"},
		{"Patient/p1", "{ id active ¦@include(unless: true) }", "@include takes the argument if"},
		{"Patient/p1", "{ id active @include(¦if: 3) }", "if takes true or false"},
		{"Patient/p1", "{ id\n ¦...nothing }", "there is no fragment nothing"},
		{"Patient/p1", "{ ...a }\nfragment a on Patient { ...b }\nfragment b on Patient {\n  ¦...a\n}", "the fragment a is part of itself"},
		{"Patient/p1", "{ name(¦_count: -1) { given } }", "_count takes a whole number from 0 on"},
		{"Patient/p1", "{ name(¦fhirpath: \"use = \") { given } }", "fhirpath:"},
		{"Observation/hr0", "{ id\n subject { resource(¦kind: x) { id } } }", "resource takes optional and type, not kind"},
		{"Observation/hr0", "{ device { resource { ... on Device { status ¦colour } } } }", "Device has no element colour"},
		{"", "{ PatientList { id }\n  ¦People { id } }", "People is not a resource type"},
		{"", "{ PatientList { id }\n  ¦ObservationList(value_quantity: \"heavy\") { id } }", "ObservationList: "},
		{"", "{ Patient(¦id: \"a b\") { id } }", "\"a b\" is not an id"},
		{"", "{ PatientConnection { count\n ¦total } }", "a Connection has no field total"},
		{"", "query a { PatientList { id } }\n¦query b { PatientList { id } }", "the document has 2 queries"},
	} {
		before, after, _ := strings.Cut(c.query, "¦")
		line := strings.Count(before, "\n") + 1
		column := len(before) - strings.LastIndex(before, "\n")
		got := askGraphQL(t, w, c.on, before+after, "")
		problem := values(got, "errors")[0].(object)
		if place := texts(problem, "locations", "line")[0] + ":" + texts(problem, "locations", "column")[0]; place != fmt.Sprintf("%d:%d", line, column) || !strings.HasPrefix(problem["message"].(string), c.message) || got["data"] != nil {
			t.Errorf("%s: %v", c.query, got)
		}
	}
}

// TestGraphQLPagesAgainstProjection follows the cursors of a connection to the end.
func TestGraphQLPagesAgainstProjection(t *testing.T) {
	w := recordWorld(t)
	for _, size := range []string{"1", "4", "100"} {
		got, cursor := []any{}, "null"
		for pages := 0; cursor != ""; pages++ {
			answered := askGraphQL(t, w, "", `query ($n: Int, $c: String) { ObservationConnection(_count: $n, _cursor: $c, patient: "p1") { next edges { resource { id code { text } } } } }`, `{"n":`+size+`,"c":`+cursor+`}`)
			connection := answered["data"].(object)["ObservationConnection"]
			got = append(got, values(connection, "edges", "resource")...)
			if cursor = ""; len(texts(connection, "next")) > 0 {
				cursor = `"` + texts(connection, "next")[0] + `"`
			}
			if pages > 50 {
				t.Fatal("no end")
			}
		}
		if d := cmp.Diff(w.where("Observation", "id code{text}", heartRates), got); d != "" {
			t.Errorf("pages of %s: -want +got:\n%s", size, d)
		}
	}
}

// TestGraphQLSynthea projects every resource of generated patients.
func TestGraphQLSynthea(t *testing.T) {
	w := syntheaWorld(t, 2)
	for typ, selection := range map[string]string{
		"Patient":     "id gender birthDate name{use family given prefix} telecom{system value} address{line city state} multipleBirthBoolean",
		"Observation": "id status code{coding{system code} text} effectiveDateTime issued valueQuantity{value unit} component{code{text} valueQuantity{value}}",
		"Encounter":   "id status class{code} period{start end} serviceProvider{reference}", "Claim": "id status use total{value currency} item{sequence productOrService{text}}",
	} {
		query := `{ ` + typ + `List(_count: 1000) { ` + strings.NewReplacer("{", " { ", "}", " } ").Replace(selection) + ` } }`
		want := w.where(typ, selection, everything)
		if d := cmp.Diff(object{"data": object{typ + "List": want}}, askGraphQL(t, w, "", query, "")); d != "" || len(want) < teststore.Size(2, 1) {
			t.Errorf("%s: -want +got:\n%.2000s", typ, d)
		}
	}
}
