package search

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/spec"
)

// repeated is a text so many times, with commas between.
func repeated(text string, n int) string {
	return strings.TrimSuffix(strings.Repeat(text+",", n), ",")
}

// TestTupleBounds asks for exactly as many combinations of a composite as are allowed, and for one more.
func TestTupleBounds(t *testing.T) {
	r := newTestRegistry(t)
	concept := func(n int) string { return `{"coding":[` + repeated(`{"code":"a"}`, n) + `]}` }
	component := func(codes, values int) string {
		return `{"code":` + concept(codes) + `,"valueCodeableConcept":` + concept(values) + `}`
	}
	observation := func(rest string) string { return `{"resourceType":"Observation",` + rest + `}` }
	for _, c := range []struct {
		name, text string
		refused    bool
	}{
		{"as many as an item may have", observation(`"code":` + concept(64) + `,"valueCodeableConcept":` + concept(64)), false},
		{"one more", observation(`"code":` + concept(17) + `,"valueCodeableConcept":` + concept(241)), true},
		{"too many of one, whatever the other", observation(`"code":` + concept(4097)), true},
		{"many of one and none of the other", observation(`"code":` + concept(4096)), false},
		{"as many as a resource may have", observation(`"component":[` + repeated(component(40, 50), 49) + "," + component(40, 49) + "," + component(8, 5) + `]`), false},
		{"one more in a resource", observation(`"component":[` + repeated(component(40, 50), 49) + "," + component(40, 49) + "," + component(41, 1) + `]`), true},
	} {
		_, err := r.Extract(parseResource(t, c.text))
		if refused := err != nil; refused != c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestConditionBounds asks for exactly as many alternatives as one search may have, and for one more.
func TestConditionBounds(t *testing.T) {
	r := newTestRegistry(t)
	thousand := Pair{"identifier", repeated("s|v", 1000)}
	var most []Pair
	for range maxConditions / 1000 {
		most = append(most, thousand)
	}
	one := Pair{"_filter", `identifier eq "s|v"`}
	fewer := append([]Pair{{"identifier", repeated("s|v", 999)}}, most[1:]...)
	for _, c := range []struct {
		name    string
		pairs   []Pair
		refused bool
	}{
		{"as many as allowed", most, false},
		{"one more", append([]Pair{{"identifier", "s|v"}}, most...), true},
		{"as many with a filter", append(fewer[:len(fewer):len(fewer)], one), false},
		{"one more with a filter", append(most[:len(most):len(most)], one), true},
		{"as many values as allowed", []Pair{thousand}, false},
		{"one value more", []Pair{{"identifier", repeated("s|v", 1001)}}, true},
		{"as many parameters as allowed", manyPairs(maxParameters), false},
		{"one parameter more", manyPairs(maxParameters + 1), true},
		{"as long as allowed", []Pair{{"identifier", strings.Repeat("x", maxValue)}}, false},
		{"one byte more", []Pair{{"identifier", strings.Repeat("x", maxValue+1)}}, true},
		{"as many tests as a filter may have", []Pair{{"_filter", manyTests(maxFilterTests)}}, false},
		{"one test more", []Pair{{"_filter", manyTests(maxFilterTests + 1)}}, true},
		{"as deep as a filter may be", []Pair{{"_filter", nested(maxNesting)}}, false},
		{"one parenthesis more", []Pair{{"_filter", nested(maxNesting + 1)}}, true},
	} {
		_, err := r.Parse("Patient", c.pairs, ParseOptions{Strict: true})
		if refused := err != nil; refused != c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func manyPairs(n int) (pairs []Pair) {
	for range n {
		pairs = append(pairs, Pair{"gender", "male"})
	}
	return pairs
}

func manyTests(n int) string {
	return strings.TrimSuffix(strings.Repeat("gender eq male or ", n), " or ")
}

func nested(n int) string {
	return strings.Repeat("(", n) + "gender eq male" + strings.Repeat(")", n)
}

// TestChainBounds follows as many references as allowed, and one more.
func TestChainBounds(t *testing.T) {
	r := newTestRegistry(t)
	for n, refused := range map[int]bool{MaxChain: false, MaxChain + 1: true} {
		for _, pair := range []Pair{
			{strings.Repeat("has-member:Observation.", n) + "status", "final"},
			{strings.Repeat("_has:Observation:has-member:", n) + "status", "final"},
			{"_filter", strings.Repeat("has-member:Observation.", n) + "status eq final"},
			{"_filter", strings.Repeat("_has:Observation:has-member:", n) + "status eq final"},
			{"_filter", strings.Repeat("has-member:Observation[", n) + "status eq final" + strings.Repeat("].status eq final", n)},
		} {
			_, err := r.Parse("Observation", []Pair{pair}, ParseOptions{Strict: true})
			if (err != nil) != refused {
				t.Errorf("%s=%s: %v", pair.Name, pair.Value, err)
			}
		}
	}
}

func TestCompartmentTypes(t *testing.T) {
	r := newTestRegistry(t)
	if got := r.CompartmentTypes("Observation"); got != nil {
		t.Errorf("Observation: %v", got)
	}
	for of, want := range map[string]string{"Device": "Account", "Patient": "Account", "Encounter": "CarePlan"} {
		got := r.CompartmentTypes(of)
		if len(got) < 10 || got[0] != want || strings.Count(" "+strings.Join(got, " ")+" ", " "+of+" ") != 1 {
			t.Errorf("%s: %v", of, got)
		}
	}
}

// TestThirdComponent asks for third components of every type; those of R4 are numbers.
func TestThirdComponent(t *testing.T) {
	r := newTestRegistry(t)
	for _, c := range []struct {
		name  string
		part  part
		value string
		want  []Keys
	}{
		{"code and system", part{kind: token}, "s|c", []Keys{{Lo: "t" + "c\x01", Hi: "tc\x02", Contains: []string{"\x012Ss\x01", "\x012tc\x01"}}}},
		{"code", part{kind: token}, "c", []Keys{{Lo: "tc\x01", Hi: "tc\x02", Contains: []string{"\x012tc\x01"}}}},
		{"system", part{kind: token}, "s|", []Keys{{Lo: "t", Hi: "u", Contains: []string{"\x012Ss\x01"}}}},
		{"implied system", part{kind: token, system: "s"}, "s|c", []Keys{{Lo: "tc\x01", Hi: "tc\x02", Contains: []string{"\x012tc\x01"}}}},
		{"another system than the implied", part{kind: token, system: "s"}, "x|c", nil},
		{"reference", part{kind: reference, targets: []string{"Patient"}}, "Patient/1", []Keys{{Contains: []string{"\x012rPatient/1\x01"}}}},
		{"uri", part{kind: uri}, "urn:x", []Keys{{Contains: []string{"\x012uurn:x\x01"}}}},
	} {
		got, err := r.thirdComponent(&c.part, segment{raw: c.value})
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
	for _, p := range []part{{kind: token}, {kind: number}} {
		if _, err := r.thirdComponent(&p, segment{raw: "a|b|c|d"}); err == nil {
			t.Errorf("%s: a value that is none is accepted", p.kind)
		}
	}
	if keys, err := r.firstComponent(&part{kind: token}, segment{raw: "s|"}); err == nil {
		t.Errorf("a first component without a code: %v", keys)
	}
}

// TestCheckComponents says which composites keys can answer.
func TestCheckComponents(t *testing.T) {
	r := newTestRegistry(t)
	way := func(k kind, expression string) []route {
		steps, err := paths{r.defs}.compile(r.defs.Type("Observation"), readBranch(expression).steps, k)
		if err != nil {
			t.Fatal(expression, err)
		}
		return []route{{steps: steps}}
	}
	code, value, effective, issued := way(token, "code"), way(quantity, "value.as(Quantity)"), way(date, "effective"), way(date, "issued")
	numbers := way(number, "value.as(integer)")
	parts := func(kinds ...kind) (all []part) {
		for _, k := range kinds {
			all = append(all, part{kind: k})
		}
		return all
	}
	for _, c := range []struct {
		name  string
		parts []part
		ways  [][]route
		want  string
	}{
		{"one component", parts(token), [][]route{code}, "has 1 components; 2 and 3 are supported"},
		{"four components", parts(token, token, token, token), [][]route{code, code, code, code}, "has 4 components; 2 and 3 are supported"},
		{"two", parts(token, quantity), [][]route{code, value}, ""},
		{"a reference first", parts(reference, quantity), [][]route{code, value}, ""},
		{"a uri first", parts(uri, token), [][]route{code, code}, ""},
		{"a range first", parts(quantity, token), [][]route{value, code}, "has a first component of type quantity"},
		{"a text first", parts(text, token), [][]route{code, code}, "has a first component of type string"},
		{"a token third", parts(token, date, token), [][]route{code, effective, code}, ""},
		{"a text third", parts(token, token, text), [][]route{code, code, code}, "has a third component of type string"},
		{"a number third", parts(token, number, number), [][]route{code, numbers, numbers}, ""},
		{"a number beside a time that lasts", parts(token, date, number), [][]route{code, effective, numbers}, "has a range beside a third component"},
		{"a number beside a dateTime", parts(token, date, number), [][]route{code, way(date, "value.as(dateTime)"), numbers}, "has a range beside a third component"},
		{"a number beside an instant", parts(token, date, number), [][]route{code, issued, numbers}, ""},
		{"a number that is a range", parts(token, number, number), [][]route{code, numbers, value}, "has a range beside a third component"},
	} {
		got := ""
		if err := checkComponents(c.parts, c.ways); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	ways, _, err := r.compilePart(r.defs.Type("Observation"), draftComponent{part: part{kind: quantity}, branches: []branch{readBranch("nothing")}})
	if err == nil {
		t.Errorf("a component that leads nowhere: %v", ways)
	}
}

func TestDefinitions(t *testing.T) {
	r := newTestRegistry(t)
	patient := r.defs.Type("Patient")
	for _, c := range []struct {
		name string
		of   spec.SearchParameter
		want string
	}{
		{"special", spec.SearchParameter{Code: "x", Type: "special", Expression: "Patient.name"}, errSpecial.Error()},
		{"nearby but not special", spec.SearchParameter{Code: "x", Type: "string", XPathUsage: "nearby", Expression: "Patient.name"}, ""},
		{"no expression", spec.SearchParameter{Code: "x", Type: "string"}, errNoExpression.Error()},
		{"of another type", spec.SearchParameter{Code: "x", Type: "string", Expression: "Observation.status"}, "has no expression for Patient"},
		{"two restrictions", spec.SearchParameter{Code: "x", Type: "reference", Expression: "Patient.link.other.where(resolve() is Patient) | Patient.generalPractitioner"}, "restricts its targets in different ways"},
		{"a component of an unknown definition", spec.SearchParameter{Code: "x", Type: "composite", Expression: "Patient", Components: []spec.Component{{Definition: "urn:unknown", Expression: "name"}}},
			"has a component of an unknown definition urn:unknown"},
		{"a component that is no path", spec.SearchParameter{Code: "x", Type: "composite", Expression: "Patient",
			Components: []spec.Component{{Definition: "http://hl7.org/fhir/SearchParameter/individual-gender", Expression: "gender.first()"}}}, "has a component that is not a plain path: gender.first()"},
		{"a component with another root", spec.SearchParameter{Code: "x", Type: "composite", Expression: "Patient",
			Components: []spec.Component{{Definition: "http://hl7.org/fhir/SearchParameter/individual-gender", Expression: "Patient.gender"}}}, "has a component that is not a plain path: Patient.gender"},
	} {
		got := ""
		if _, err := r.draft(patient, &c.of); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDocumentation(t *testing.T) {
	const several = "Multiple Resources: \n\n* [Patient](patient.html): Of a patient\r\n* [Person](person.html): Of a person\n* [Group](group.html) without a colon"
	for typ, want := range map[string]string{"Patient": "Of a patient", "Person": "Of a person", "Group": several, "Device": several} {
		if got := documentation(several, typ); got != want {
			t.Errorf("%s: %q, want %q", typ, got, want)
		}
	}
}

func TestComplement(t *testing.T) {
	for _, c := range []struct {
		name    string
		without []Keys
		want    []Keys
	}{
		{"nothing", nil, []Keys{{Lo: "t", Hi: "u"}}},
		{"in the middle", []Keys{{Lo: "tb", Hi: "tc"}}, []Keys{{Lo: "t", Hi: "tb"}, {Lo: "tc", Hi: "u"}}},
		{"from the beginning", []Keys{{Lo: "t", Hi: "tc"}}, []Keys{{Lo: "tc", Hi: "u"}}},
		{"to the end", []Keys{{Lo: "tc", Hi: "u"}}, []Keys{{Lo: "t", Hi: "tc"}}},
		{"everything", []Keys{{Lo: "t", Hi: "u"}}, nil},
		{"two, out of order", []Keys{{Lo: "tx", Hi: "ty"}, {Lo: "tb", Hi: "tc"}}, []Keys{{Lo: "t", Hi: "tb"}, {Lo: "tc", Hi: "tx"}, {Lo: "ty", Hi: "u"}}},
		{"two that touch", []Keys{{Lo: "tb", Hi: "tc"}, {Lo: "tc", Hi: "td"}}, []Keys{{Lo: "t", Hi: "tb"}, {Lo: "td", Hi: "u"}}},
		{"one inside of the other", []Keys{{Lo: "tb", Hi: "tx"}, {Lo: "tc", Hi: "td"}}, []Keys{{Lo: "t", Hi: "tb"}, {Lo: "tx", Hi: "u"}}},
	} {
		if diff := cmp.Diff(c.want, complement("t", c.without)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestRefusals are values at the edges of what can be read.
func TestRefusals(t *testing.T) {
	r := newTestRegistry(t)
	for _, c := range []struct{ typ, name, value, want string }{
		{"Patient", "_id", "a,a", "ids a\n"},
		{"Patient", "_id", ",a", "ids a\n"},
		{"Patient", "_id", "a,b,a", "ids a b\n"},
		{"Patient", "_id", "a_b", ""},
		{"Patient", "birthdate", "20200", ""}, // as long as a zone lacks of being one
		{"Patient", "birthdate", " 00:00", ""},
		{"Patient", "_filter", "gender eqz", ""}, // an operator that ends in the last letter
		{"Patient", "_filter", "gender eq zz", "keys gender␁tzz␁"},
		{"Observation", "_filter", "patient[name eq a eq b", ""}, // brackets that do not close
		{"Observation", "_filter", "patient[name eq ]", ""},
	} {
		request, err := r.Parse(c.typ, []Pair{{c.name, c.value}}, ParseOptions{Strict: true})
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%s=%s is accepted:\n%s", c.name, c.value, Explain(request.Query.Plan))
		case c.want == "":
		case err != nil:
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		default:
			if got := Explain(request.Query.Plan); !strings.HasPrefix(got, strings.TrimSuffix(c.want, "\n")) {
				t.Errorf("%s=%s: %s, want %s", c.name, c.value, got, c.want)
			}
		}
	}
}

// TestQueryTexts are names and values with control characters, of which FHIR strings may have three.
func TestQueryTexts(t *testing.T) {
	for raw, want := range map[string]string{
		"a=b%09c": "", "a=b%0Ac": "", "a=b%0Dc": "", "a=b%20c": "", "a=b%1F": "http.a: the value of a is no text: it must be UTF-8 without control characters",
		"a=b%0B": "http.a: the value of a is no text: it must be UTF-8 without control characters", "a=%FF": "http.a: the value of a is no text: it must be UTF-8 without control characters",
		"a=1&%01=2": "parameter 2 has a name that is no text: it must be UTF-8 without control characters", "%01=2": "parameter 1 has a name that is no text: it must be UTF-8 without control characters",
		"a=1&&b=2&%zz=3": "parameter 3 has a name with a broken percent escape", "a=%zz": "http.a: the value has a broken percent escape",
	} {
		got := ""
		if _, err := ParseQuery(raw); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// TestMalformedTimes have keys only for what can be read, and for the element being there.
func TestMalformedTimes(t *testing.T) {
	const open, end = timeMin, timeMax
	day := func(s string) string {
		return strings.ReplaceAll(s, "-", "") + strings.Repeat("0", 20-len(strings.ReplaceAll(s, "-", "")))
	}
	span := func(low, high string) []string {
		return []string{"date\x01h" + high + "\x01" + low, "date\x01l" + low + "\x01" + high}
	}
	for _, c := range []struct {
		name, effective string
		want            []string
	}{
		{"a period", `"effectivePeriod":{"start":"2020-01-01","end":"2020-01-02"}`, span(day("2020-01-01"), day("2020-01-03"))},
		{"without end", `"effectivePeriod":{"start":"2020-01-01"}`, span(day("2020-01-01"), end)},
		{"without start", `"effectivePeriod":{"end":"2020-01-01"}`, span(open, day("2020-01-02"))},
		{"a start that is none", `"effectivePeriod":{"start":"then","end":"2020-01-01"}`, []string{"date\x01!"}},
		{"an end that is none", `"effectivePeriod":{"start":"2020-01-01","end":"then"}`, []string{"date\x01!"}},
		{"neither", `"effectivePeriod":{"start":"then","end":"later"}`, []string{"date\x01!"}},
		{"an end before the start", `"effectivePeriod":{"start":"2020-01-02","end":"2020-01-01"}`, []string{"date\x01!"}},
		{"a period of one day", `"effectivePeriod":{"start":"2020-01-01","end":"2020-01-01"}`, span(day("2020-01-01"), day("2020-01-02"))},
		{"events out of order", `"effectiveTiming":{"event":["2020-01-03","2020-01-01","2020-01-02"]}`, span(day("2020-01-01"), day("2020-01-04"))},
		{"an event that is none", `"effectiveTiming":{"event":["then","2020-01-01"]}`, span(day("2020-01-01"), day("2020-01-02"))},
		{"bounds", `"effectiveTiming":{"repeat":{"boundsPeriod":{"start":"2020-01-01","end":"2020-01-02"}}}`, span(day("2020-01-01"), day("2020-01-03"))},
	} {
		var got []string
		for _, key := range extract(t, `{"resourceType":"Observation",`+c.effective+`}`) {
			if strings.HasPrefix(key, "date\x01") {
				got = append(got, key)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestTextsAreCut keeps texts that are too long or not clean from keys.
func TestTextsAreCut(t *testing.T) {
	long := strings.Repeat("x", maxText+100)
	keys := extract(t, `{"resourceType":"Patient","identifier":[{"system":"`+long+`","value":"a\u0001b"}]}`)
	want := []string{"deceased\x01tfalse\x01", "identifier\x01T" + long[:maxText], "identifier\x01ta\uFFFDb\x01" + long[:maxText]}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestCustomValues extracts what expressions beyond plain paths find: elements, booleans, and computed values, of which only booleans are tokens.
func TestCustomValues(t *testing.T) {
	r, err := NewRegistry(newTestRegistry(t).defs, Options{BaseURL: testBase, References: true})
	if err != nil {
		t.Fatal(err)
	}
	var states []CustomState
	for i, c := range []struct{ code, typ, expression string }{
		{"c-node", "string", "Patient.name.family.first()"}, {"c-bool", "token", "Patient.name.exists()"}, {"c-no-token", "string", "Patient.name.exists()"},
		{"c-text", "string", "Patient.name.given.first() + 'x'"}, {"c-code", "token", "Patient.name.use.first()"},
	} {
		custom, err := r.ReadCustom(parseResource(t, fmt.Sprintf(`{"resourceType":"SearchParameter","id":"c%d","url":"urn:c%d","status":"active","name":"N","code":"%s","base":["Patient"],"type":"%s","expression":"%s","description":"d"}`,
			i, i, c.code, c.typ, c.expression)))
		if err != nil {
			t.Fatal(c.code, err)
		}
		states = append(states, CustomState{Custom: custom})
	}
	r.SetCustom(states)
	keys, err := r.Extract(parseResource(t, `{"resourceType":"Patient","name":[{"family":"A","given":["G"],"use":"usual"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, key := range keys {
		if strings.HasPrefix(key, customPrefix) {
			got = append(got, show(key))
		}
	}
	want := []string{"+c-bool␁ttrue␁", "+c-code␁Thttp://hl7.org/fhir/name-use", "+c-code␁tusual␁http://hl7.org/fhir/name-use", "+c-node␁Sa␁A"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestReadTime reads times of keys back, and what is none.
func TestReadTime(t *testing.T) {
	for text, want := range map[string]string{
		"20190929191959999999": "2019-09-29T19:19:59.999999Z", "20000101000000000000": "2000-01-01T00:00:00Z", "x0190929191959999999": "", "2019092919195999999x": "", "2019092919195999999/": "",
		"2019092919195999999:": "", "2019092919195999999": "", "201909291919599999990": "", timeMin: "", timeMax: "",
	} {
		got := ""
		if at, ok := readTime(text); ok {
			got = at.Format("2006-01-02T15:04:05.999999Z")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
