package search

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

// TestRangeKeys extracts ranges of numbers, some of which are none.
func TestRangeKeys(t *testing.T) {
	r := newTestRegistry(t)
	low, high := decimalText(fhir.NewDecimal(2, -1)), decimalText(fhir.NewDecimal(5, -1))
	if low == "" || high == "" {
		t.Fatal("no decimals")
	}
	for rest, want := range map[string][]string{
		`"low":{"value":0.2},"high":{"value":0.5}`: {"probability␁h" + high + "+␁" + low + "!", "probability␁l" + low + "!␁" + high + "+"},
		`"low":{"value":0.5},"high":{"value":0.5}`: {"probability␁h" + high + "+␁" + high + "!", "probability␁l" + high + "!␁" + high + "+"},
		`"low":{"value":0.2}`:                      {"probability␁h~␁" + low + "!", "probability␁l" + low + "!␁~"},
		`"high":{"value":0.5}`:                     {"probability␁h" + high + "+␁!", "probability␁l!␁" + high + "+"},
		`"low":{"value":0.5},"high":{"value":0.2}`: {"probability␁!"},
		`"low":{"unit":"x"},"high":{"value":0.5}`:  {"probability␁!"},
		`"low":{"value":0.2},"high":{"unit":"x"}`:  {"probability␁!"},
		`"low":{"unit":"x"},"high":{"unit":"x"}`:   {"probability␁!"},
		`"low":{"unit":"x"}`:                       {"probability␁!"},
	} {
		got := keysUnder(t, r, `{"resourceType":"RiskAssessment","prediction":[{"probabilityRange":{`+rest+`}}]}`, "probability")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rest, diff)
		}
	}
}

// TestRangeUnits extracts ranges of quantities. The unit is that of the end there is; in two units, it is that of the lower end, and nothing is converted.
func TestRangeUnits(t *testing.T) {
	r := newTestRegistry(t)
	two, five := decimalText(fhir.NewDecimal(2, 0)), decimalText(fhir.NewDecimal(5, 0))
	in := func(value, unit string) string { return `{"value":` + value + `,"unit":"` + unit + `"}` }
	ucum := func(value, code string) string {
		return `{"value":` + value + `,"system":"http://unitsofmeasure.org","code":"` + code + `"}`
	}
	sent := func(low, high, fields string) []string {
		return []string{"onset-age␁h" + high + "␁" + fields + "␁" + low, "onset-age␁l" + low + "␁" + fields + "␁" + high}
	}
	keys := func(low, high, unit string) []string { return sent(low, high, "S␁u␁u"+unit) }
	grams := func(low, high string) []string {
		return append(sent(low, high, "Shttp://unitsofmeasure.org␁ug␁u"), "onset-age␁yg "+low+"␁"+high, "onset-age␁zg "+high+"␁"+low)
	}
	for rest, want := range map[string][]string{
		`"low":` + in("2", "yr"):                                 keys(two+"!", "~", "yr"),
		`"high":` + in("5", "yr"):                                keys("!", five+"+", "yr"),
		`"low":` + in("2", "yr") + `,"high":` + in("5", "yr"):    keys(two+"!", five+"+", "yr"),
		`"low":` + in("2", "mo") + `,"high":` + in("5", "yr"):    keys(two+"!", five+"+", "mo"),
		`"low":` + ucum("2", "g"):                                grams(two+"!", "~"),
		`"high":` + ucum("5", "g"):                               grams("!", five+"+"),
		`"low":` + ucum("2", "g") + `,"high":` + ucum("5", "g"):  grams(two+"!", five+"+"),
		`"low":` + ucum("2", "mg") + `,"high":` + ucum("5", "g"): sent(two+"!", five+"+", "Shttp://unitsofmeasure.org␁umg␁u"),
		`"low":` + ucum("2", "g") + `,"high":` + in("5", "g"):    sent(two+"!", five+"+", "Shttp://unitsofmeasure.org␁ug␁u"),
	} {
		got := keysUnder(t, r, `{"resourceType":"Condition","onsetRange":{`+rest+`}}`, "onset-age")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rest, diff)
		}
	}
}

// TestPrecision says what a number of a query stands for.
func TestPrecision(t *testing.T) {
	for text, want := range map[string]string{"100": "99.5 100.5", "1e2": "95 105", "5e0": "4.5 5.5", "5.4": "5.35 5.45", "-1e2": "-105 -95", "1.0e2": "95 105", "ap100": "90.0 110.0", "ap-100": "-110.0 -90.0", "ap1": "0.5 1.5"} {
		n, err := readAsked(segment{raw: text})
		if err != nil {
			t.Fatal(text, err)
		}
		if got := n.low.String() + " " + n.high.String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestCutComparator tells prefixes from what only looks like one.
func TestCutComparator(t *testing.T) {
	for value, want := range map[string]string{"": "eq ", "5": "eq 5", "g": "eq g", "ge": "ge ", "ge5": "ge 5", "ap-1": "ap -1", "sa2020": "sa 2020", "xx5": "eq xx5", "GE5": "eq GE5", "5ge": "eq 5ge", "gege5": "ge ge5"} {
		c, rest := cutComparator(value)
		if got := string(c) + " " + rest; got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestYearsAtTheEnds(t *testing.T) {
	for year, want := range map[int]string{9999: "99990601000000000000", 10000: timeMax, 0: "00000601000000000000", -1: timeMin} {
		if got := timeText(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC), false); got != want {
			t.Errorf("%d: %s, want %s", year, got, want)
		}
	}
}

// TestAllRevIncludes compares * with all there are, one by one.
func TestAllRevIncludes(t *testing.T) {
	r := newTestRegistry(t)
	all := func(values ...string) []Include {
		var pairs []Pair
		for _, v := range values {
			pairs = append(pairs, Pair{"_revinclude", v})
		}
		request, err := r.Parse("Location", pairs, ParseOptions{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		return request.Query.RevInclude
	}
	if diff := cmp.Diff(all(r.RevIncludes("Location")...), all("*")); diff != "" {
		t.Errorf("one by one and all (-want +got):\n%s", diff)
	}
}

// TestSampleBounds finds the extremes of whole and other numbers, and tells what is none.
func TestSampleBounds(t *testing.T) {
	for data, want := range map[string]string{
		"3 1 2": "1 3", "1.5 2.5": "1.5 2.5", "2 1.5 1": "1 2", "1.5 3 2.5 1": "1 3", "-1 -1.5": "-1.5 -1", "E 5 E": "5 5", "L 5": "5 5 below", "U 5 7": "5 7 above", "L U": "0 0 below above",
		"L": "0 0 below above", "E": "none", "": "none", "1 x": "none", "+1": "none", "1.5 2.5 2.25": "1.5 2.5", "5 4": "4 5", "2.5 1.5": "1.5 2.5",
	} {
		b, ok := boundsOf([]byte(data))
		got := b.low.String() + " " + b.high.String()
		if b.openLow {
			got += " below"
		}
		if b.openHigh {
			got += " above"
		}
		if !ok {
			got = "none"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", data, got, want)
		}
	}
}

// TestSampledData extracts samples, some of which are none.
func TestSampledData(t *testing.T) {
	r := newTestRegistry(t)
	two, five := decimalText(fhir.NewDecimal(2, 0)), decimalText(fhir.NewDecimal(5, 0))
	samples := []string{"value-quantity␁h" + five + "+␁S␁u␁u␁" + two + "!", "value-quantity␁l" + two + "!␁S␁u␁u␁" + five + "+"}
	none := []string{"value-quantity␁!"}
	for rest, want := range map[string][]string{
		`"origin":{"value":1},"data":"1 4"`:              samples,
		`"origin":{"value":1},"factor":0.5,"data":"2 8"`: samples,
		`"origin":{"value":6},"factor":-1,"data":"1 4"`:  samples,
		`"origin":{"value":1},"data":5`:                  none,
		`"origin":{"value":1}`:                           none,
		`"origin":{"unit":"x"},"data":"1 4"`:             none,
		`"data":"1 4"`:                                   none,
		`"origin":{"value":1},"factor":"x","data":"1 4"`: none,
		`"origin":{"value":1},"data":"1 x"`:              none,
	} {
		got := keysUnder(t, r, `{"resourceType":"Observation","valueSampledData":{`+rest+`}}`, "value-quantity")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rest, diff)
		}
	}
}
