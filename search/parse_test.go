package search

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

func parseRaw(t testing.TB, typ, query string, opts ParseOptions) (*Request, error) {
	t.Helper()
	pairs, err := ParseQuery(query)
	if err != nil {
		return nil, err
	}
	return newTestRegistry(t).Parse(typ, pairs, opts)
}

// parseError is a query that is refused, with the code of the issue, and parameter and message or the start of them.
type parseError struct {
	query string
	code  fhir.IssueType
	want  string
}

// readParseErrors reads rows of query, code and message.
func readParseErrors(t *testing.T) (rows [][3]string) {
	t.Helper()
	data, err := os.ReadFile("testdata/parse-errors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &rows); err != nil || len(rows) == 0 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	return rows
}

func TestParseErrors(t *testing.T) {
	tests := []parseError{
		{"_sort:desc=date", fhir.CodeNotSupported, "http._sort:desc: _sort takes no modifier; a minus before the name sorts in descending order, as in _sort=-_lastUpdated"},
		{"_count:exact=1", fhir.CodeNotSupported, "http._count:exact: _count takes no modifier"},
		{"_text=a " + strings.Repeat("x", 65), fhir.CodeValue, "http._text: at position 3 of the value: a word of more than 64 bytes; such are not indexed"},
		{"_text=" + strings.Repeat("x ", 51), fhir.CodeTooCostly, "http._text: at position 101 of the value: too many words"},
		{"_text=" + strings.Repeat("(", 30), fhir.CodeValue, "http._text: at position 22 of the value: too many parentheses"},
		{"code=" + strings.Repeat("x,", 1001), fhir.CodeTooCostly, "http.code: at position 1 of the value: 1002 values; 1000 are allowed"},
		{"code=" + strings.Repeat("x", maxValue+1), fhir.CodeTooLong, "http.code: the value has 65537 bytes; 65536 are allowed"},
		{"focus=" + strings.Repeat("x,", 999), fhir.CodeTooCostly, "http.focus: at position 273 of the value: the search has too many alternatives"},
		{strings.Repeat("code=x&", 201), fhir.CodeTooCostly, "201 parameters; 200 are allowed"},
	}
	for _, row := range readParseErrors(t) {
		tests = append(tests, parseError{row[0], fhir.IssueType(row[1]), row[2]})
	}
	for _, test := range tests {
		t.Run(test.query[:min(len(test.query), 40)], func(t *testing.T) {
			_, err := parseRaw(t, "Observation", test.query, ParseOptions{})
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var outcome *fhir.OperationOutcome
			if !errors.As(err, &outcome) || len(outcome.Issues) != 1 {
				t.Fatalf("%v is not an outcome of one issue", err)
			}
			if issue := outcome.Issues[0]; issue.Code != test.code || issue.Severity != fhir.Error || !strings.HasPrefix(outcome.Error(), test.want) {
				t.Errorf("%s %s, want %s %s", issue.Code, outcome.Error(), test.code, test.want)
			}
			if _, strict := parseRaw(t, "Observation", test.query, ParseOptions{Strict: true}); strict == nil {
				t.Error("strict handling accepts it")
			}
		})
	}
	if _, err := parseRaw(t, "Patiens", "", ParseOptions{}); err == nil {
		t.Error("an unknown type can be searched")
	}
}

// Without a store that follows references, chains and includes are parameters like other unknown ones.
func TestParseWithoutReferences(t *testing.T) {
	r, err := NewRegistry(newTestRegistry(t).defs, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"subject:Patient.name", "patient.name", "_has:AuditEvent:entity:agent", "_include", "_include:iterate", "_revinclude"} {
		request, err := r.Parse("Observation", []Pair{{name, "x"}}, ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(request.Issues) != 1 || request.Issues[0].Diagnostics != name+" is not supported: the store does not follow references (ignored)" || len(request.Self) > 0 {
			t.Errorf("%s: %v", name, request.Issues)
		}
	}
	if r.Includes("Observation") != nil || r.RevIncludes("Patient") != nil {
		t.Error("includes are declared")
	}
}

func TestParseWarnings(t *testing.T) {
	for _, test := range []struct{ query, self, warning string }{
		{"code=a&codes=b&status=final", "code=a&status=final", "http.codes: Observation has no search parameter codes; did you mean code? (ignored)"},
		{"paitent=1", "", "http.paitent: Observation has no search parameter paitent; did you mean patient? (ignored)"},
		{"value_quantity=1", "", "http.value_quantity: Observation has no search parameter value_quantity; did you mean value-quantity? (ignored)"},
		{"zzzzzzzz=1", "", "http.zzzzzzzz: Observation has no search parameter zzzzzzzz (ignored)"},
		{"codes:exact=1", "", "http.codes:exact: Observation has no search parameter codes; did you mean code? (ignored)"},
		{"_score=true", "", "http._score: _score is not supported: matches are found, not ranked (ignored)"},
		{"_type=Patient", "", "http._type: _type is not supported: it is for searches in several types, such as [base]?_type=Patient,Observation (ignored)"},
		{"_content=x", "", "http._content: the search parameter _content is not supported: it is not indexed; it is an option of the server (ignored)"},
	} {
		t.Run(test.query, func(t *testing.T) {
			request, err := parseRaw(t, "Observation", test.query, ParseOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if self := EncodeQuery(request.Self); self != test.self {
				t.Errorf("self %q, want %q", self, test.self)
			}
			got := (&fhir.OperationOutcome{Issues: request.Issues}).Error()
			if got != test.warning || request.Issues[0].Severity != fhir.Warning {
				t.Errorf("issues %q, want %q", got, test.warning)
			}
			if _, err := parseRaw(t, "Observation", test.query, ParseOptions{Strict: true}); err == nil {
				t.Error("strict handling accepts it")
			}
		})
	}
}

// A parameter without a value is as good as none, also under strict handling.
func TestEmptyValues(t *testing.T) {
	for _, query := range []string{"code=", "code", "code=,,", "_sort=", "_count="} {
		request, err := parseRaw(t, "Observation", query, ParseOptions{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(request.Issues) != 1 || len(request.Self) != 0 || request.Query.Plan != Plan(All{}) {
			t.Errorf("%s: issues %v, self %v, plan %v", query, request.Issues, request.Self, request.Query.Plan)
		}
	}
}

func TestResultParameters(t *testing.T) {
	type result struct {
		Count        int
		Total        Total
		SummaryCount bool
		Self         string
	}
	for _, test := range []struct {
		query string
		opts  ParseOptions
		want  result
	}{
		{"", ParseOptions{}, result{Count: 50}},
		{"", ParseOptions{DefaultCount: 20}, result{Count: 20}},
		{"", ParseOptions{DefaultCount: 20, MaxCount: 10}, result{Count: 10}},
		{"_count=5", ParseOptions{}, result{Count: 5, Self: "_count=5"}},
		{"_count=5000", ParseOptions{}, result{Count: 1000, Self: "_count=5000"}},
		{"_count=18446744073709551615", ParseOptions{MaxCount: 7}, result{Count: 7, Self: "_count=18446744073709551615"}},
		{"_count=0", ParseOptions{}, result{Count: 0, SummaryCount: true, Self: "_count=0"}},
		{"_summary=count&_count=5", ParseOptions{}, result{Count: 0, SummaryCount: true, Self: "_summary=count&_count=5"}},
		{"_summary=false", ParseOptions{}, result{Count: 50, Self: "_summary=false"}},
		{"_summary=true", ParseOptions{}, result{Count: 50, Self: "_summary=true"}},
		{"_total=none", ParseOptions{}, result{Count: 50, Total: NoTotal, Self: "_total=none"}},
		{"_total=estimate", ParseOptions{}, result{Count: 50, Self: "_total=estimate"}},
		{"_total=accurate", ParseOptions{}, result{Count: 50, Total: Accurate, Self: "_total=accurate"}},
		{"_contained=false&_containedType=container", ParseOptions{Strict: true}, result{Count: 50, Self: "_contained=false&_containedType=container"}},
		{"_format=json&_pretty=true&code=a%2Cb", ParseOptions{}, result{Count: 50, Self: "code=a%2Cb"}},
	} {
		t.Run(test.query, func(t *testing.T) {
			request, err := parseRaw(t, "Observation", test.query, test.opts)
			if err != nil {
				t.Fatal(err)
			}
			got := result{request.Query.Count, request.Query.Total, request.SummaryCount, EncodeQuery(request.Self)}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPlans(t *testing.T) {
	for _, test := range []struct {
		query string
		want  string
	}{
		{"", "all\n"},
		{"code=8867-4", "keys code␁t8867-4␁…\n"},
		{"code=http://loinc.org|8867-4", "key code␁t8867-4␁http://loinc.org\n"},
		{"status=final,amended&_id=a,b", "and\n  or\n    keys status␁tfinal␁…\n    keys status␁tamended␁…\n  ids a b\n"},
		{"code:not=a", "not\n  keys code␁ta␁…\n"},
		{"patient=1", "key subject␁rPatient/1\n"},
		{"combo-code=a", "or\n  keys code␁ta␁…\n  keys component-code␁ta␁…\n"},
		{"date=2013-01", "keys [date␁l20130101000000000000, date␁l20130201000000000000) with tail in [, 20130201000000000000␀)\n"},
		{"value-quantity=gt5.4||mg",
			"or\n  keys [value-quantity␁n>5001.54␂, value-quantity␁o) containing \"␁umg␁\"\n" +
				"  keys [value-quantity␁h>5001.54+␂, value-quantity␁i) containing \"␁umg␁\"\n"},
		{"value-quantity=gt5.4|http://unitsofmeasure.org|mg",
			"or\n  keys [value-quantity␁qg >4998.54␂, value-quantity␁qg!)\n" +
				"  keys [value-quantity␁zg >4998.54+␂, value-quantity␁zg!)\n"},
		{"status=http://other|x", "nothing\n"},
		{"value-string:contains=ab", "keys value-string␁S… containing \"ab\"\n"},
	} {
		t.Run(test.query, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Explain(parse(t, "Observation", test.query).Query.Plan)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseQuery(t *testing.T) {
	got, err := ParseQuery("a=1&b=%2C+x&&a=2&c&d=e=f")
	if err != nil {
		t.Fatal(err)
	}
	want := []Pair{{"a", "1"}, {"b", ", x"}, {"a", "2"}, {"c", ""}, {"d", "e=f"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSegments(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string
	}{
		{"a,b", []string{"a", "b"}},
		{`a\,b,c`, []string{"a,b", "c"}},
		{`a\\,b`, []string{`a\`, "b"}},
		{`a\x,\|\$`, []string{`a\x`, "|$"}},
		{`a\`, []string{`a\`}},
		{"", []string{""}},
	} {
		var got []string
		for _, s := range (segment{raw: test.in}).split(',') {
			got = append(got, s.text())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, diff)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	r := newTestRegistry(b)
	b.ReportAllocs()
	for b.Loop() {
		pairs, err := ParseQuery("patient=p1&code=http://loinc.org|8867-4&date=ge2020-01-01&_sort=-date&_count=20")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Parse("Observation", pairs, ParseOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzParse: no panic; what was used, parsed again, is the same plan; and the plan can be matched and explained.
func FuzzParse(f *testing.F) {
	for _, query := range []string{
		"code=http://loinc.org|8867-4&date=ge2013-01-14T10:00:00Z&_sort=-date,code&_count=20",
		"patient=1&subject:Group=2&value-quantity=lt5.4||mg&code-value-quantity=a$gt1e2", "value-string:contains=%C3%A9&_profile:above=http://a/b/c",
		`code:not=a\,b,c&_total=none&date=ap2013,ne2014-05&status:missing=true`, "subject:identifier=a|b&_summary=count&_lastUpdated=sa2020",
	} {
		f.Add("Observation", query)
	}
	f.Add("MolecularSequence", "chromosome-variant-coordinate=a|b$ne1$ap2")
	f.Add("Patient", "phonetic=x&name:exact=%00%01&telecom=phone|1&deceased=true")
	r := newTestRegistry(f)
	f.Fuzz(func(t *testing.T, typ, query string) {
		pairs, err := ParseQuery(query)
		if err != nil {
			return
		}
		request, err := r.Parse(typ, pairs, ParseOptions{})
		if err != nil {
			var outcome *fhir.OperationOutcome
			if !errors.As(err, &outcome) {
				t.Fatalf("%v is not an outcome", err)
			}
			return
		}
		self, err := ParseQuery(EncodeQuery(request.Self))
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.Parse(typ, self, ParseOptions{Strict: true})
		if err != nil {
			t.Fatalf("%s: %v", EncodeQuery(request.Self), err)
		}
		if diff := cmp.Diff(request.Query, again.Query); diff != "" {
			t.Errorf("parsed again (-before +after):\n%s", diff)
		}
		Match(request.Query.Plan, "1", []string{"code\x01ta\x01"}, nil)
		if Explain(request.Query.Plan) == "" {
			t.Error("an empty explanation")
		}
	})
}
