package server

import (
	"fmt"
	"strings"
	"testing"
)

func quantity(value, code string) string {
	return `"valueQuantity":{"value":` + value + `,"unit":"` + code + `","system":"http://unitsofmeasure.org","code":"` + code + `"}`
}

// statistic is a component of an answer.
func statistic(code, value, unit string) string {
	name := ""
	if before, after, ok := strings.Cut(code, " "); ok {
		code, name = before, `,"text":"`+after+`"`
	}
	head := `{"code":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-statistics","code":"` + code + `"}]` + name + `},`
	if value == "" {
		return head + `"dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"not-a-number"}]}}`
	}
	text := ""
	if unit != "1" && !strings.HasSuffix(unit, "2") && !strings.HasSuffix(unit, "/h") {
		text = `"unit":"` + unit + `",`
	}
	return head + `"valueQuantity":{"value":` + value + `,` + text + `"system":"http://unitsofmeasure.org","code":"` + unit + `"}}`
}

func statisticsOf(code, period string, components ...string) string {
	return `{"name":"statistics","resource":{"resourceType":"Observation","status":"final",` + loinc(code) + `,"subject":{"reference":"Patient/p"},` + period +
		`"component":[` + strings.Join(components, ",") + `]}}`
}

func TestStats(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	at := func(hour int) string { return fmt.Sprintf(`,"effectiveDateTime":"2026-05-31T%02d:00:00Z"`, hour) }
	for i, value := range []string{"60", "62.5", "65.0", "70"} {
		f.observation(t, fmt.Sprintf("hr%d", i), loinc("8867-4")+","+quantity(value, "bpm")+at(18+i))
	}
	f.observation(t, "below", loinc("8867-4")+`,"valueQuantity":{"value":20,"comparator":"<","system":"http://unitsofmeasure.org","code":"bpm"}`+at(22))
	f.put(t, "/Observation/error", `{"resourceType":"Observation","id":"error","status":"entered-in-error","subject":{"reference":"Patient/p"},`+loinc("8867-4")+","+quantity("900", "bpm")+`}`)
	f.put(t, "/Observation/q", `{"resourceType":"Observation","id":"q","status":"final","subject":{"reference":"Patient/q"},`+loinc("8867-4")+","+quantity("1", "bpm")+`}`)
	for i, pair := range [][2]string{{"120", "80"}, {"130", "84"}} {
		f.observation(t, fmt.Sprintf("bp%d", i), loinc("85354-9")+at(10+i)+`,"component":[{`+loinc("8480-6")+","+quantity(pair[0], "mm[Hg]")+`},{`+loinc("8462-4")+","+quantity(pair[1], "mm[Hg]")+`}]`)
	}
	f.observation(t, "w1", loinc("29463-7")+","+quantity("80.5", "kg")+at(1))
	f.observation(t, "w2", loinc("29463-7")+","+quantity("177", "[lb_av]")+at(2))
	f.observation(t, "panel", loinc("panel")+at(3)+`,"hasMember":[{"reference":"Observation/w1"},{"reference":"Observation/gone"}]`)

	answer := func(parts ...string) string {
		return `{"resourceType":"Parameters","parameter":[` + strings.Join(parts, ",") + `]}`
	}
	const base = "/Observation/$stats?subject=Patient/p&system=http://loinc.org&"
	f.run(t, []step{
		{name: "heart rate", method: "GET", path: base + "code=8867-4&statistic=average&statistic=maximum,minimum&statistic=count&statistic=total-count&statistic=median&statistic=sum&statistic=variance", status: 200,
			want: []string{fhirJSON},
			answer: answer(statisticsOf("8867-4", "", statistic("average", "64.375", "bpm"), statistic("maximum", "70", "bpm"), statistic("minimum", "60", "bpm"), statistic("count", "4", "1"),
				statistic("total-count", "5", "1"), statistic("median", "63.75", "bpm"), statistic("sum", "257.5", "bpm"), statistic("variance", "18.2291667", "(bpm)2")))},
		{name: "regression in hours", method: "GET", path: base + "code=8867-4&statistic=regression", status: 200,
			answer: answer(statisticsOf("8867-4", "", statistic("regression gradient", "3.25", "bpm/h"), statistic("regression intercept", "59.5", "bpm")))},
		{name: "of the last hours", method: "GET", path: base + "code=8867-4&statistic=count&duration=4", status: 200,
			answer: answer(statisticsOf("8867-4", `"effectivePeriod":{"start":"2026-05-31T20:00:00.000Z","end":"2026-06-01T00:00:00.000Z"},`, statistic("count", "2", "1")))},
		{name: "components of a panel", method: "GET", path: base + "code=85354-9&statistic=average", status: 200,
			answer: answer(statisticsOf("8480-6", "", statistic("average", "125", "mm[Hg]")), statisticsOf("8462-4", "", statistic("average", "82", "mm[Hg]")))},
		{name: "one component", method: "GET", path: base + "code=8462-4&statistic=std-dev", status: 200, answer: answer(statisticsOf("8462-4", "", statistic("std-dev", "2.828427", "mm[Hg]")))},
		{name: "units apart", method: "GET", path: base + "code=29463-7&statistic=sum", status: 200,
			answer: answer(statisticsOf("29463-7", "", statistic("sum", "80.5", "kg")), statisticsOf("29463-7", "", statistic("sum", "177", "[lb_av]")))},
		{name: "members of a panel", method: "GET", path: base + "code=panel&statistic=maximum", status: 200,
			answer: answer(statisticsOf("29463-7", "", statistic("maximum", "80.5", "kg")))},
		{name: "nothing there", method: "GET", path: base + "code=none&statistic=count&statistic=skew", status: 200,
			answer: answer(statisticsOf("none", "", statistic("count", "0", "1"), statistic("skew", "", "")))},
		{name: "by Parameters, with sources", method: "POST", path: "/Observation/$stats", status: 200,
			body: answer(`{"name":"subject","valueUri":"BASE/Patient/p"},{"name":"coding","valueCoding":{"system":"http://loinc.org","code":"29463-7"}},{"name":"statistic","valueCode":"count"},` +
				`{"name":"period","valuePeriod":{"start":"2026-05-31","end":"2026-05-31T01:30:00Z"}},{"name":"include","valueBoolean":true},{"name":"limit","valuePositiveInt":1}`),
			answer: `...` + statisticsOf("29463-7", `"effectivePeriod":{"start":"2026-05-31","end":"2026-05-31T01:30:00Z"},`, statistic("count", "1", "1")) +
				`,{"name":"source","resource":{"resourceType":"Observation",`},
		{name: "no statistic", method: "GET", path: base + "code=8867-4", status: 400, answer: outcome("required", "$stats needs the parameter statistic", "http.statistic")},
		{name: "an unknown statistic", method: "GET", path: base + "code=8867-4&statistic=mode", status: 400,
			answer: outcome("code-invalid", `\"mode\" is not a statistic; they are the codes of http://terminology.hl7.org/CodeSystem/observation-statistics`, "http.statistic")},
		{name: "no code", method: "GET", path: base + "statistic=count", status: 400, answer: outcome("required", "$stats needs the parameter code (with system), or coding", "http.code")},
		{name: "a subject elsewhere", method: "GET", path: "/Observation/$stats?subject=http://example.org/fhir/Patient/p&code=a&statistic=count", status: 400,
			answer: outcome("value", "subject must be a reference to a resource of this server, such as Patient/123", "http.subject")},
		{name: "a coding in the URL", method: "GET", path: base + "coding=a&statistic=count", status: 400,
			answer: outcome("invalid", "coding is a Coding, which no URL can say; send a Parameters resource by POST", "http.coding")},
		{name: "a duration that is none", method: "GET", path: base + "code=a&statistic=count&duration=-1", status: 400, answer: outcome("value", "duration is a number of hours above 0", "http.duration")},
		{name: "an unknown parameter", method: "GET", path: base + "code=a&statistic=count&patient=p", status: 400,
			answer: outcome("not-supported", `$stats has no parameter \"patient\"; it takes subject, code, system, coding, duration, period, statistic, include, limit`, "http.patient")},
		{name: "a coding that is none", method: "POST", path: "/Observation/$stats", body: answer(`{"name":"coding","valueString":"a"}`), status: 400, answer: outcome("value", "coding must be a Coding", "Parameters.parameter[0]")},
	})
}
