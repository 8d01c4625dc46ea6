package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/adapters/adaptertest"
	"github.com/firth-health/firth/adapters/catalog"
	"github.com/firth-health/firth/fhir"
)

func mapped(t testing.TB, id, payload string, context_ map[string]string) *adapters.Mapping {
	t.Helper()
	m, err := load(t).Get(id).Map(context.Background(), adapters.Input{Payload: []byte(payload), Context: context_, Now: received})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func parsed(t testing.TB, d *adapters.Draft) fhir.Node {
	t.Helper()
	r, err := fhir.ParseResource(d.JSON)
	if err != nil {
		t.Fatalf("%v in %s", err, d.JSON)
	}
	return r.Root()
}

// summary is "code value unit @time" of an Observation, with components and absent reasons.
func summary(n fhir.Node) string {
	var codes []string
	for c := range n.Path("code", "coding").Children() {
		codes = append(codes, c.Get("code").Text())
	}
	out := strings.Join(codes, "+")
	if q := n.Get("valueQuantity"); q.Ok() {
		out += " " + q.Get("comparator").Text() + q.Get("value").Text() + " " + q.Get("code").Text()
	}
	if s := n.Get("valueSampledData"); s.Ok() {
		out += fmt.Sprintf(" period=%s origin=%s %s factor=%s dimensions=%s limits=%s..%s [%s]", s.Get("period").Text(), s.Path("origin", "value").Text(),
			s.Path("origin", "code").Text(), s.Get("factor").Text(), s.Get("dimensions").Text(), s.Get("lowerLimit").Text(), s.Get("upperLimit").Text(), s.Get("data").Text())
	}
	if c := n.Get("valueCodeableConcept"); c.Ok() {
		out += " " + c.Get("text").Text()
	}
	out += n.Get("valueString").Text()
	if a := n.Get("dataAbsentReason"); a.Ok() {
		out += " absent:" + a.Get("coding").Index(0).Get("code").Text()
	}
	for c := range n.Get("component").Children() {
		out += " {" + summary(c) + "}"
	}
	if at := n.Get("effectiveDateTime"); at.Ok() {
		out += " @" + at.Text()
	}
	if p := n.Get("effectivePeriod"); p.Ok() {
		out += " @" + p.Get("start").Text() + "/" + p.Get("end").Text()
	}
	if s := n.Get("status").Text(); s != "final" && s != "" {
		out += " " + s
	}
	return out
}

func summaries(t testing.TB, m *adapters.Mapping) []string {
	t.Helper()
	var all []string
	for i := range m.Drafts {
		all = append(all, summary(parsed(t, &m.Drafts[i])))
	}
	return all
}

// TestWithingsAcceptance is the promise for the public sample: exact values, nothing dropped.
func TestWithingsAcceptance(t *testing.T) {
	payload, err := os.ReadFile("withings/samples/body-measures.json")
	if err != nil {
		t.Fatal(err)
	}
	m := mapped(t, "withings", string(payload), nil)
	want := []string{
		"85354-9 {8480-6 104 mm[Hg]} {8462-4 68 mm[Hg]} @2015-05-31T06:06:23Z",
		"8867-4 41 /min @2015-05-31T06:06:23Z",
		"8867-4 51 /min @2015-03-02T16:28:55Z",
		"8867-4 47 /min @2015-02-26T21:57:17Z",
		"8302-2 193.0 cm @2015-02-23T19:24:49Z",
		"29463-7 74.126 kg @2015-05-31T06:06:23Z",
		"29463-7 74.128 kg @2015-04-20T17:13:56Z",
		"8310-5 37 Cel @2015-02-23T19:24:49Z",
	}
	if diff := cmp.Diff(want, summaries(t, m)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(m.Unmapped) != 3 || m.Unmapped[0].What != "measure type 18" || len(m.Quarantined) != 0 || len(m.Parts) != 2 {
		t.Errorf("%s", m.Preview().Text())
	}
}

func TestWithingsAccount(t *testing.T) {
	payload := `{"status":0,"body":{"measuregrps":[{"grpid":1,"category":1,"attrib":0,"date":1433052383,"measures":[{"type":1,"unit":0,"value":80}]}]}}`
	for _, test := range []struct{ account, system, value string }{
		{"", "https://account.withings.com/user", "unknown-account"},
		{"12345", "https://account.withings.com/user", "12345"},
		{"urn:oid:1.2.3|MRN-1", "urn:oid:1.2.3", "MRN-1"},
	} {
		m := mapped(t, "withings", payload, map[string]string{"patient": test.account})
		if p := m.Identities[0]; p.Type != "Patient" || p.System != test.system || p.Value != test.value || len(m.Warnings) != map[bool]int{true: 1, false: 0}[test.account == ""] {
			t.Errorf("%q: %s|%s, warnings %v", test.account, p.System, p.Value, m.Warnings)
		}
	}
}

// TestWithingsOtherPayloads: another service's answer is refused, not filed as nothing.
func TestWithingsOtherPayloads(t *testing.T) {
	for _, payload := range []string{`{"status":0,"body":{"activities":[]}}`, `{"status":401,"body":{}}`, `[]`, `{"status":0,"body":{"measuregrps":[{"grpid":1}]}}`} {
		_, err := load(t).Get("withings").Map(context.Background(), adapters.Input{Payload: []byte(payload), Now: received})
		var invalid *adapters.PayloadError
		if !errors.As(err, &invalid) || invalid.Stage != "schema" {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// TestIngestSamples ingests every sample twice: the second time nothing is written.
func TestIngestSamples(t *testing.T) {
	for _, adapter := range load(t).All() {
		samples, err := catalog.Samples(adapter.ID())
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range samples {
			repository := &adaptertest.Memory{}
			for round := range 2 {
				m := mapped(t, adapter.ID(), string(sample.Payload), nil)
				report, err := adapters.Ingest(context.Background(), repository, m)
				if err != nil {
					t.Fatal(err)
				}
				if round == 0 && len(report.Written) != len(m.Drafts)+len(m.Identities) || round == 1 && (len(report.Written)+len(report.Updated) > 0 || len(report.Unchanged) != len(m.Drafts)) {
					t.Errorf("%s/%s round %d:\n%s", adapter.ID(), sample.Name, round, report.Text())
				}
				if !json.Valid(report.AppendJSON(nil)) {
					t.Errorf("%s/%s: report is not JSON", adapter.ID(), sample.Name)
				}
			}
		}
	}
}

// scaled moves the point of a whole number by text alone: an oracle that shares no code with the engine.
func scaled(value int64, unit int) string {
	sign, digits := "", fmt.Sprint(value)
	if value < 0 {
		sign, digits = "-", digits[1:]
	}
	if unit >= 0 {
		if value == 0 {
			return "0"
		}
		return sign + digits + strings.Repeat("0", unit)
	}
	for len(digits) <= -unit {
		digits = "0" + digits
	}
	return sign + digits[:len(digits)+unit] + "." + digits[len(digits)+unit:]
}

// FuzzWithingsExact compares every weight with the payload's own digits.
func FuzzWithingsExact(f *testing.F) {
	f.Add(int64(74126), int8(-3))
	f.Add(int64(-1), int8(2))
	f.Add(int64(0), int8(-2))
	f.Add(int64(9223372036854775807), int8(-18))
	adapter := load(f).Get("withings")
	f.Fuzz(func(t *testing.T, value int64, unit int8) {
		if unit < -30 || unit > 30 {
			return
		}
		payload := fmt.Sprintf(`{"status":0,"body":{"measuregrps":[{"grpid":1,"category":1,"attrib":0,"date":1433052383,"measures":[{"type":1,"unit":%d,"value":%d}]}]}}`, unit, value)
		m, err := adapter.Map(context.Background(), adapters.Input{Payload: []byte(payload), Now: received})
		if err != nil || len(m.Drafts) != 1 {
			t.Fatalf("%v %+v", err, m)
		}
		if got, want := parsed(t, &m.Drafts[0]).Path("valueQuantity", "value").Text(), scaled(value, int(unit)); got != want {
			t.Fatalf("%d e%d is %s, want %s", value, unit, got, want)
		}
	})
}

// FuzzMap feeds anything to every adapter: no panic, only resources that parse, every draft with a subject.
func FuzzMap(f *testing.F) {
	registry := load(f)
	for _, a := range registry.All() {
		samples, err := catalog.Samples(a.ID())
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range samples {
			f.Add(s.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, a := range registry.All() {
			m, err := a.Map(context.Background(), adapters.Input{Payload: payload, Now: received})
			if err != nil {
				var invalid *adapters.PayloadError
				if !errors.As(err, &invalid) {
					t.Fatalf("%s: %v", a.ID(), err)
				}
				continue
			}
			for i := range m.Drafts {
				if !strings.HasPrefix(parsed(t, &m.Drafts[i]).Path("subject", "reference").Text(), "Patient/") {
					t.Fatalf("%s: no subject in %s", a.ID(), m.Drafts[i].JSON)
				}
			}
			for _, identity := range m.Identities {
				parsed(t, &identity.Draft)
			}
			if !json.Valid(m.Preview().AppendJSON(nil)) {
				t.Fatalf("%s: the report is not JSON", a.ID())
			}
		}
	})
}
