package search

import (
	"errors"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
)

func TestFilter(t *testing.T) {
	const act = "http://terminology.hl7.org/CodeSystem/v3-ActMood"
	c := &corpus{typ: "Observation", resources: [][2]string{
		{"hr", `"status":"final","code":` + coding("http://loinc.org", "8867-4") + `,"valueQuantity":{"value":80,"code":"/min"},"effectiveDateTime":"2020-03-04"`},
		{"bp", `"status":"amended","code":` + coding("http://loinc.org", "85354-9") + `,"valueString":"High pressure","effectivePeriod":{"start":"2020-03","end":"2020-05"}`},
		{"mood", `"status":"final","code":` + coding(act, "GOL") + `,"valueString":"low (resting)","subject":{"reference":"Patient/p"}`},
		{"other", `"code":{"coding":[{"code":"8867-4"}]},"valueQuantity":{"value":100},"subject":{"reference":"Patient/q"}`},
		{"two", `"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"},{"code":"x"}]}`},
	}}
	c.check(t, [][2]string{
		{`_filter=code eq http://loinc.org|8867-4`, "hr two"},
		{`_filter=code eq 8867-4`, "hr other two"},
		{`_filter=code ne 8867-4`, "bp mood two"},
		{`_filter=code ne http://loinc.org|8867-4`, "bp mood other two"},
		{`_filter=not (code eq 8867-4)`, "bp mood"},
		{`_filter=code sw 88`, "hr other two"},
		{`_filter=code sw "8"`, "hr bp other two"},
		{`_filter=status eq final and value-quantity gt 70`, "hr"},
		{`_filter=status eq amended or value-quantity gt 70`, "hr bp other"},
		{`_filter=status eq amended or status eq final and value-quantity gt 70`, "hr"},
		{`_filter=status eq amended or (status eq final and value-quantity gt 70)`, "hr bp"},
		{`_filter=((status eq amended))`, "bp"},
		{`_filter=not(status pr true)`, "other two"},
		{`_filter=status pr false`, "other two"},
		{`_filter=value-string eq "HIGH pressure"`, "bp"},
		{`_filter=value-string eq high`, ""},
		{`_filter=value-string ne "high pressure"`, "mood"},
		{`_filter=value-string sw high`, "bp"},
		{`_filter=value-string ew pressure`, "bp"},
		{`_filter=value-string ew high`, ""},
		{`_filter=value-string ew "(resting)"`, "mood"},
		{`_filter=value-string co "("`, "mood"},
		{`_filter=value-string co pre`, "bp"},
		{`_filter=date eq 2020-03`, "hr"},
		{`_filter=date po 2020-03`, "hr bp"},
		{`_filter=date po 2020-04-17`, "bp"},
		{`_filter=date po 2020-06`, ""},
		{`_filter=date sa 2020-02`, "hr bp"},
		{`_filter=date ge 2020-03-04 and date lt 2021`, "hr bp"},
		{`_filter=_lastUpdated po 2020`, "hr bp mood other two"},
		{`_filter=value-quantity ap 78`, "hr"},
		{`_filter=value-quantity eq 80||/min`, "hr"},
		{`_filter=value-quantity ne 80`, "other"},
		{`_filter=code-value-quantity eq 8867-4$gt90`, "other"},
		{`_filter=code in http://hl7.org/fhir/ValueSet/inactive`, "mood"},
		{`_filter=code ni http://hl7.org/fhir/ValueSet/inactive`, "hr bp other two"},
		{`_filter=code ss ` + act + `|_ActMoodPredicate`, "mood"},
		{`_filter=code sb ` + act + `|GOL`, "mood"},
		{`_filter=status sb corrected`, "bp"},
		{`_filter=subject re Patient/p`, "mood"},
		{`_filter=subject eq p`, "mood"},
		{`_filter=patient ne Patient/p`, "other"},
		{`_filter=subject ne Patient/p`, "other"},
		{`_filter=_id eq hr or id eq bp`, "hr bp"},
		{`_filter=_id ne hr`, "bp mood other two"},
		{`_filter=code eq 8867-4&status=final`, "hr"},
	})
	for _, test := range []struct {
		filter string
		code   fhir.IssueType
		want   string
	}{
		{"status", fhir.CodeValue, "at position 7 of the value: an operator is expected: one of eq ne co"},
		{"status is x", fhir.CodeValue, "at position 8 of the value: not an operator"},
		{"status eq", fhir.CodeValue, "at position 10 of the value: a value is expected"},
		{"status eq final and", fhir.CodeValue, "at position 20 of the value: a search parameter is expected"},
		{"status eq final status eq x", fhir.CodeValue, "at position 17 of the value: and, or, or the end is expected"},
		{"(status eq final", fhir.CodeValue, "at position 17 of the value: and, or, or ) is expected"},
		{"status eq final)", fhir.CodeValue, "at position 16 of the value: and, or, or the end is expected"},
		{`value-string eq "x`, fhir.CodeValue, "at position 17 of the value: the string is not closed"},
		{`value-string eq "\x"`, fhir.CodeValue, "at position 17 of the value: not a JSON string"},
		{"statuss eq final", fhir.CodeNotSupported, "at position 1 of the value: Observation has no search parameter statuss; did you mean status?"},
		{"status gt final", fhir.CodeNotSupported, "at position 8 of the value: gt cannot be asked of status, which is of type token and takes eq ne sw ss sb in ni pr"},
		{"date eq ge2020", fhir.CodeValue, "at position 9 of the value: the operator stands before the value"},
		{"date ge eq2020", fhir.CodeValue, "at position 9 of the value: the operator stands before the value"},
		{"subject ne Patient/p/_history/1", fhir.CodeValue, "at position 12 of the value: ne needs a reference without version"},
		{"subject ne http://x.example/a|1", fhir.CodeValue, "at position 12 of the value: ne needs a reference without version"},
		{"code ne http://loinc.org|", fhir.CodeValue, "at position 9 of the value: ne needs a code"},
		{"_has:Observation:code:status eq x", fhir.CodeValue, "at position 1 of the value: code of Observation is not a reference to Observation"},
		{"_has:Observation:subject:status eq x", fhir.CodeValue, "at position 1 of the value: subject of Observation is not a reference to Observation"},
		{"_has:Nothing:subject:status eq x", fhir.CodeValue, "at position 1 of the value: Nothing is not a resource type"},
		{"date eq x", fhir.CodeValue, "at position 9 of the value: not a date"},
		{"date pr maybe", fhir.CodeValue, "at position 9 of the value: pr is true or false"},
		{"_filter eq x", fhir.CodeNotSupported, "at position 9 of the value: _filter cannot stand in a filter"},
		{"status.name eq x", fhir.CodeValue, "at position 1 of the value: status is of type token; only references can be followed"},
		{"subject:Medication.name eq x", fhir.CodeValue, "at position 1 of the value: subject never leads to Medication"},
		{"subject:Patient eq x", fhir.CodeValue, "at position 1 of the value: a type is written only where a reference is followed"},
		{"subject.nonsense eq x", fhir.CodeNotSupported, "at position 9 of the value: Patient has no search parameter nonsense"},
		{"subject[name eq x] eq y", fhir.CodeValue, "at position 19 of the value: a dot and a search parameter are expected"},
		{"_has:Observation eq x", fhir.CodeValue, "at position 1 of the value: _has is written _has:Type:reference:parameter"},
		{"code in http://x", fhir.CodeNotSupported, "at position 9 of the value: not a value set whose codes are known"},
		{strings.Repeat("(", 100), fhir.CodeValue, "at position 22 of the value: more than 20 parentheses"},
		{strings.Repeat("code pr true and ", 250), fhir.CodeTooCostly, "at position 3401 of the value: too many tests"},
	} {
		_, err := newTestRegistry(t).Parse("Observation", []Pair{{"_filter", test.filter}}, ParseOptions{})
		if err == nil || !strings.Contains(err.Error(), test.want) || errorCode(err) != test.code {
			t.Errorf("%.60s: %v, want %s %s", test.filter, err, test.code, test.want)
		}
	}
}

func errorCode(err error) fhir.IssueType {
	var outcome *fhir.OperationOutcome
	if errors.As(err, &outcome) {
		return outcome.Issues[0].Code
	}
	return ""
}

// A filter over references is the plan that chains and _has make.
func TestFilterFollows(t *testing.T) {
	for _, test := range [][3]string{
		{"Observation", "_filter=patient.name sw pet", "patient.name=pet"},
		{"Observation", "_filter=subject:Patient.name sw pet", "subject:Patient.name=pet"},
		{"Observation", "_filter=subject:Patient.organization.name sw x", "subject:Patient.organization.name=x"},
		{"Patient", "_filter=_has:Observation:patient:code eq 1", "_has:Observation:patient:code=1"},
		{"Patient", "_filter=_has:Observation:patient:performer:Practitioner.name sw x", "_has:Observation:patient:performer:Practitioner.name=x"},
	} {
		got, want := Explain(parse(t, test[0], test[1]).Query.Plan), Explain(parse(t, test[0], test[2]).Query.Plan)
		if got != want {
			t.Errorf("%s:\n%swant, of %s:\n%s", test[1], got, test[2], want)
		}
	}
	got := Explain(parse(t, "Observation", "_filter=patient[active eq true].name sw x").Query.Plan)
	if want := "refers under subject to Patient\n  and\n    keys active␁ttrue␁…\n    keys name␁Sx…\n"; got != want {
		t.Errorf("brackets: %s", got)
	}
}

func TestList(t *testing.T) {
	got := Explain(parse(t, "Patient", "_list=a,List/b").Query.Plan)
	if want := "referred to under item by List\n  ids a b\n"; got != want {
		t.Errorf("got %s", got)
	}
	for value, want := range map[string]string{
		"$current-problems": "at position 1 of the value: functional lists are not supported; give the id of a List",
		"a,b/c":             "at position 3 of the value: not the id of a List",
	} {
		if _, err := parseRaw(t, "Patient", "_list="+value, ParseOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("_list=%s: %v", value, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`name co "pet"`, "given eq \"peter\" and birthdate ge 2014-10-10", "not (a eq b) or (c pr true)", "general-practitioner[name eq x].active eq true",
		"_has:Observation:patient:code eq http://loinc.org|1234-5", `x eq "\u12`, "((", "gender ne male", "birthdate po 2010"} {
		f.Add(seed)
	}
	registry := newTestRegistry(f)
	f.Fuzz(func(t *testing.T, filter string) {
		request, err := registry.Parse("Patient", []Pair{{"_filter", filter}}, ParseOptions{})
		if err != nil {
			if errorCode(err) == "" {
				t.Fatalf("%q: %v is not for the client", filter, err)
			}
			return
		}
		checkPlan(t, request.Query.Plan)
		Match(request.Query.Plan, "x", []string{"name\x01Sa\x01A"}, nil)
	})
}

// checkPlan fails for ranges that are upside down.
func checkPlan(t *testing.T, plan Plan) {
	t.Helper()
	switch p := plan.(type) {
	case Keys:
		if p.Lo > p.Hi {
			t.Fatalf("range %q to %q", p.Lo, p.Hi)
		}
	case And:
		for _, part := range p {
			checkPlan(t, part)
		}
	case Or:
		for _, part := range p {
			checkPlan(t, part)
		}
	case Not:
		checkPlan(t, p.Of)
	case Ref:
		checkPlan(t, p.Of)
	case RevRef:
		checkPlan(t, p.Of)
	}
}
