package server

import (
	"fmt"
	"strings"
	"testing"
)

func sampled(more, data string) string {
	return `"valueSampledData":{"origin":{"value":2048,"unit":"mV"},"period":4,"factor":2.5,"lowerLimit":-3300,"upperLimit":3300,"dimensions":1` + more + `,"data":"` + data + `"}`
}

func TestWaveform(t *testing.T) {
	f := newFixture(t)
	ecg := loinc("11524-6")
	wave := func(id string, millis int, value string) {
		t.Helper()
		f.observation(t, id, fmt.Sprintf(`%s,"effectivePeriod":{"start":"2026-01-01T12:00:00.%03dZ"},%s`, ecg, millis, value))
	}
	wave("a", 0, sampled("", "1 2 3 4.0"))
	wave("b", 16, sampled("", "5 E 7 8"))
	wave("c", 40, sampled("", "9 10"))
	f.observation(t, "panel", loinc("panel")+`,"effectiveDateTime":"2026-01-01T12:00:00Z","component":[{`+loinc("other")+`,"valueString":"x"},{`+loinc("pleth")+`,`+sampled("", "100 200")+`}]`)
	f.observation(t, "xy", ecg+`,"effectiveDateTime":"2026-02-01T12:00:00Z","valueSampledData":{"origin":{"value":0},"period":1,"dimensions":2,"data":"1 2 3 4 5 6 7 8"}`)
	f.observation(t, "other", ecg+`,"effectiveDateTime":"2026-02-01T12:00:00.004Z",`+sampled("", "1"))
	f.observation(t, "bad", ecg+`,"effectiveDateTime":"2026-03-01T12:00:00.004Z",`+sampled("", "1 x"))
	f.observation(t, "text", ecg+`,"valueString":"x"`)

	answer := func(code, start, end, value string, sources ...string) string {
		for i, id := range sources {
			sources[i] = `{"reference":"Observation/` + id + `"}`
		}
		return `{"resourceType":"Observation","status":"final",` + code + `,"subject":{"reference":"Patient/p"},"effectivePeriod":{"start":"2026-01-01T12:00:00` + start + `Z","end":"2026-01-01T12:00:00` + end + `Z"},` +
			value + `,"derivedFrom":[` + strings.Join(sources, ",") + `]}`
	}
	same := func(period, data string) string {
		return `"valueSampledData":{"origin":{"value":2048,"unit":"mV"},"period":` + period + `,"factor":2.5,"lowerLimit":-3300,"upperLimit":3300,"dimensions":1,"data":"` + data + `"}`
	}
	const all = "/Observation/$waveform?patient=p&code=http://loinc.org|11524-6&start=2026-01-01T12:00:00Z&end=2026-01-01T12:01:00Z"
	f.run(t, []step{
		{name: "one Observation", method: "GET", path: "/Observation/a/$waveform", status: 200, want: []string{fhirJSON}, answer: answer(ecg, "", ".016", same("4", "1 2 3 4.0"), "a")},
		{name: "a slice of one", method: "GET", path: "/Observation/a/$waveform?start=2026-01-01T12:00:00.003Z&end=2026-01-01T12:00:00.012Z", status: 200, answer: answer(ecg, ".004", ".012", same("4", "2 3"), "a")},
		{name: "a component", method: "GET", path: "/Observation/panel/$waveform?code=pleth", status: 200, answer: answer(loinc("pleth"), "", ".008", same("4", "100 200"), "panel")},
		{name: "adjacent Observations with a gap", method: "GET", path: all, status: 200, answer: answer(ecg, "", ".048", same("4", "1 2 3 4.0 5 E 7 8 E E 9 10"), "a", "b", "c")},
		{name: "by Parameters", method: "POST", path: "/Observation/$waveform", status: 200,
			body: `{"resourceType":"Parameters","parameter":[{"name":"patient","valueString":"Patient/p"},{"name":"code","valueString":"11524-6"},{"name":"start","valueDateTime":"2026-01-01T12:00:00.012Z"},` +
				`{"name":"end","valueDateTime":"2026-01-01T13:00:00.028+01:00"}]}`,
			answer: answer(ecg, ".012", ".028", same("4", "4.0 5 E 7"), "a", "b")},
		{name: "a component of a patient", method: "GET", path: strings.Replace(all, "11524-6", "pleth", 1), status: 200, answer: answer(loinc("pleth"), "", ".008", same("4", "100 200"), "panel")},
		{name: "min-max", method: "GET", path: all + "&max-points=6", status: 200, answer: answer(ecg, "", ".048", same("8", "1 4.0 5 8 9 10"), "a", "b", "c")},
		{name: "lttb", method: "GET", path: all + "&max-points=4&method=lttb", status: 200, answer: answer(ecg, "", ".048", same("12", "1 4.0 8 10"), "a", "b", "c")},
		{name: "nothing there", method: "GET", path: "/Observation/$waveform?patient=q&code=a&start=2026&end=2027", status: 404, answer: outcome("not-found", "there are no samples in that time")},
		{name: "signals that do not fit", method: "GET", path: "/Observation/$waveform?patient=p&code=11524-6&start=2026-02-01&end=2026-02-02", status: 422,
			answer: outcome("processing", "the Observations do not make one signal: Observation/xy and Observation/other have different periods")},
		{name: "two dimensions", method: "GET", path: "/Observation/xy/$waveform?end=2026-02-01T12:00:00.002Z", status: 200, answer: `..."dimensions":2,"data":"1 2 3 4"}`},
		{name: "two dimensions, reduced", method: "GET", path: "/Observation/xy/$waveform?max-points=4", status: 400,
			answer: outcome("not-supported", "a signal of 2 dimensions cannot be reduced; ask for less time", "http.max-points")},
		{name: "samples that are none", method: "GET", path: "/Observation/bad/$waveform", status: 422,
			answer: outcome("processing", "the SampledData of Observation/bad cannot be read: sample 1 is not a decimal, E, L or U")},
		{name: "no samples", method: "GET", path: "/Observation/text/$waveform", status: 422, answer: outcome("processing", "Observation/text has no SampledData of that code")},
		{name: "absent", method: "GET", path: "/Observation/none/$waveform", status: 404, answer: "*"},
		{name: "without a code", method: "GET", path: "/Observation/$waveform?patient=p", status: 400, answer: outcome("required", "$waveform of a type needs the parameter code", "http.code")},
		{name: "an end before the start", method: "GET", path: "/Observation/a/$waveform?start=2027&end=2026", status: 400, answer: outcome("value", "end must be after start", "http.end")},
		{name: "another method", method: "GET", path: "/Observation/a/$waveform?method=mean", status: 400, answer: outcome("value", "method must be min-max or lttb", "http.method")},
		{name: "too few points", method: "GET", path: "/Observation/a/$waveform?max-points=3", status: 400, answer: outcome("value", "max-points must be 4 at least", "http.max-points")},
		{name: "a patient of an instance", method: "GET", path: "/Observation/a/$waveform?patient=p", status: 400, answer: outcome("invalid", "the URL names the Observation already", "http.patient")},
		{name: "the definition", method: "GET", path: "/OperationDefinition/Observation-waveform", status: 200, answer: `..."code": "waveform"`},
		{name: "the definition in XML", method: "GET", path: "/OperationDefinition/Observation-waveform?_format=xml", status: 200, answer: `...<code value="waveform"/>`},
	})
}
