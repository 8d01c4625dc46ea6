package search

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

// randomReading is a valueQuantity of which a measure tells more often than not.
func randomReading(random *rand.Rand) string {
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	number := pick("90", "90.0", "-0.07", "0", "1e2", "36.55", "12345678901234567890", `"90"`, "100", "0.001", "-12.5")
	unit := pick(`,"unit":"x"`, `,"unit":""`, "", `,"unit":"\u0001"`, `,"unit":"`+strings.Repeat("é", 300)+`"`)
	code := pick(`,"code":"/min"`, `,"code":"Cel"`, `,"code":"mm[Hg]"`, `,"code":"no unit"`, "", `,"code":7`)
	system := pick(`,"system":"http://unitsofmeasure.org"`, `,"system":"http://unitsofmeasure.org"`, `,"system":"http://unitsofmeasure.org"`, `,"system":"x"`, "")
	comparator := pick("", "", "", "", `,"comparator":"<"`)
	other := pick("", "", "", "", `,"valueSampledData":{"origin":{"value":1},"period":1,"dimensions":1,"data":"1 2"}`)
	return `"valueQuantity":{"value":` + number + comparator + unit + system + code + `}` + other
}

// TestValueTest: the keys that follow from a measure are those that the Observation has, whatever it is.
func TestValueTest(t *testing.T) {
	r := newTestRegistry(t)
	random := rand.New(rand.NewPCG(1, 2))
	known := 0
	for range 3000 {
		body := `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectiveDateTime":"2024-01-01"`
		if random.IntN(4) > 0 {
			body += "," + randomReading(random)
		}
		if n := random.IntN(3); n > 0 {
			parts := make([]string, n)
			for i := range parts {
				parts[i] = `{"code":{"text":"y"},` + randomReading(random) + `}`
			}
			body += `,"component":[` + strings.Join(parts, ",") + `]`
		}
		res, err := fhir.ParseResource([]byte(body + "}"))
		if err != nil {
			t.Fatal(err)
		}
		keys, err := r.Extract(res)
		if err != nil {
			t.Fatal(err)
		}
		m := MeasureOf(res)
		if m == nil {
			continue
		}
		for _, prefix := range []string{ownValues, partValues} {
			test, ok := NewValueTest(Keys{Lo: prefix, Hi: after(prefix)})
			if !ok {
				t.Fatal("no test")
			}
			_, ok = test.Match(m)
			if !ok {
				continue
			}
			known++
			if d := cmp.Diff(append([]string{}, KeysUnder(keys, prefix)...), append([]string{}, KeysUnder(test.keys, prefix)...)); d != "" {
				t.Fatalf("%s\n%s", body, d)
			}
		}
	}
	if known < 500 {
		t.Errorf("measures told %d times", known)
	}
}

// TestValueTestAsked asks what people ask, of measures and of keys.
func TestValueTestAsked(t *testing.T) {
	r := newTestRegistry(t)
	for _, asked := range []string{
		"value-quantity=gt90", "value-quantity=90", "value-quantity=lt90||/min", "value-quantity=ge1.5|http://unitsofmeasure.org|/s", "value-quantity=ne90", "value-quantity=ap90",
		"component-value-quantity=gt90", "combo-value-quantity=le90", "value-quantity=80,90.0", "value-quantity:missing=true", "value-quantity=1,2&value-quantity=gt0",
	} {
		pairs, err := ParseQuery(asked)
		if err != nil {
			t.Fatal(err)
		}
		request, err := r.Parse("Observation", pairs, ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		test, ok := NewValueTest(request.Query.Plan)
		if !ok {
			t.Errorf("%s: no test", asked)
			continue
		}
		for _, value := range []string{"89", "90", "90.04", "90.4", "91", "1.5", "-3"} {
			body := fmt.Sprintf(`"valueQuantity":{"value":%s,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}`, value)
			res, err := fhir.ParseResource([]byte(`{"resourceType":"Observation",` + body + `,"component":[{` + body + `}]}`))
			if err != nil {
				t.Fatal(err)
			}
			keys, err := r.Extract(res)
			if err != nil {
				t.Fatal(err)
			}
			want := Match(request.Query.Plan, "", keys, nil)
			for range 2 { // the second time it is remembered
				if got, known := test.Match(MeasureOf(res)); got != want || !known {
					t.Errorf("%s of %s: %v, %v; want %v", asked, value, got, known, want)
				}
			}
		}
	}
	for _, other := range []string{"code=x", "date=2024", "value-quantity=1&status=final", "code-value-quantity=x$1", ""} {
		pairs, err := ParseQuery(other)
		if err != nil {
			t.Fatal(err)
		}
		request, err := r.Parse("Observation", pairs, ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := NewValueTest(request.Query.Plan); ok {
			t.Errorf("%q has a test", other)
		}
	}
}

// TestValueTestForgets remembers so many shapes and answers, and begins again with one more.
func TestValueTestForgets(t *testing.T) {
	test, ok := NewValueTest(Keys{Lo: ownValues, Hi: after(ownValues)})
	if !ok {
		t.Fatal("no test")
	}
	match := func(code, value int) {
		t.Helper()
		res := parseResource(t, fmt.Sprintf(`{"resourceType":"Observation","code":{"coding":[{"code":"%d"}]},"valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"g"}}`, code, value))
		if match, known := test.Match(MeasureOf(res)); !match || !known {
			t.Fatalf("%d, %d: %t, %t", code, value, match, known)
		}
	}
	for i := range keptShapes {
		match(i, 0)
	}
	if len(test.shapes) != keptShapes {
		t.Errorf("%d shapes", len(test.shapes))
	}
	match(keptShapes, 0)
	if len(test.shapes) != 1 {
		t.Errorf("%d shapes after one more", len(test.shapes))
	}
	for i := range keptAnswers {
		match(keptShapes, i)
	}
	if len(test.last.answers) != keptAnswers {
		t.Errorf("%d answers", len(test.last.answers))
	}
	match(keptShapes, keptAnswers)
	if len(test.last.answers) != 1 {
		t.Errorf("%d answers after one more", len(test.last.answers))
	}
}
