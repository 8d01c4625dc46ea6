package search

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// clinic is a Memory with resources of several types that refer to each other.
func clinic(t *testing.T) *Memory {
	t.Helper()
	var m Memory
	for _, text := range []string{
		`{"resourceType":"Organization","id":"org","name":"Firth Clinic"}`,
		`{"resourceType":"Practitioner","id":"doc","name":[{"family":"House"}]}`,
		`{"resourceType":"Patient","id":"eve","name":[{"family":"Everywoman"}],"gender":"female","managingOrganization":{"reference":"Organization/org"},"generalPractitioner":[{"reference":"Practitioner/doc"}]}`,
		`{"resourceType":"Patient","id":"adam","name":[{"family":"Everyman"}],"gender":"male"}`,
		`{"resourceType":"Group","id":"eve","code":{"coding":[{"code":"g"}]}}`,
		`{"resourceType":"Device","id":"cuff","deviceName":[{"name":"Everyday cuff","type":"user-friendly-name"}],"patient":{"reference":"Patient/adam"}}`,
		`{"resourceType":"Observation","id":"hr-eve","code":{"coding":[{"code":"8867-4"}]},"subject":{"reference":"Patient/eve"},"device":{"reference":"Device/cuff"}}`,
		`{"resourceType":"Observation","id":"hr-adam","code":{"coding":[{"code":"8867-4"}]},"subject":{"reference":"Patient/adam"}}`,
		`{"resourceType":"Observation","id":"bp-adam","code":{"coding":[{"code":"85354-9"}]},"subject":{"reference":"Patient/adam"}}`,
		`{"resourceType":"Observation","id":"group","subject":{"reference":"Group/eve"}}`,
		`{"resourceType":"Observation","id":"cuff","subject":{"reference":"Device/cuff"}}`,
		`{"resourceType":"Observation","id":"nobody"}`,
		`{"resourceType":"Observation","id":"gone","subject":{"reference":"Patient/deleted"}}`,
		`{"resourceType":"Provenance","id":"pr","target":[{"reference":"Observation/bp-adam"}],"recorded":"2020-01-01T00:00:00Z"}`,
	} {
		res := parseResource(t, text)
		m.Add(res.Type(), res.ID(), extract(t, text))
	}
	return &m
}

func TestChains(t *testing.T) {
	m := clinic(t)
	for _, test := range []struct{ typ, query, want string }{
		{"Observation", "subject:Patient.name=every", "hr-eve hr-adam bp-adam"},
		{"Observation", "subject:Patient.name=everyw", "hr-eve"},
		{"Observation", "patient.name=everym", "hr-adam bp-adam"},
		{"Observation", "patient.name:contains=WOMAN", "hr-eve"},
		{"Observation", "subject.name=every", "hr-eve hr-adam bp-adam"},
		{"Observation", "subject.device-name=every", "cuff"},
		{"Observation", "subject:Group.code=g", "group"},
		{"Observation", "patient.gender=female,male", "hr-eve hr-adam bp-adam"},
		{"Observation", "patient.gender:not=female", "hr-adam bp-adam"},
		{"Observation", "patient.gender=male&code=8867-4", "hr-adam"},
		{"Observation", "patient._id=eve", "hr-eve"},
		{"Observation", "patient.organization.name=firth", "hr-eve"},
		{"Observation", "subject:Patient.general-practitioner:Practitioner.family=house", "hr-eve"},
		{"Observation", "patient.organization:missing=true", "hr-adam bp-adam"},
		{"Observation", "device.patient.name=everym", "hr-eve"},
		{"Observation", "_has:Provenance:target:_id=pr", "bp-adam"},
		{"Patient", "_has:Observation:patient:code=85354-9", "adam"},
		{"Patient", "_has:Observation:subject:code=8867-4", "eve adam"},
		{"Patient", "_has:Observation:patient:code=8867-4&_has:Observation:patient:code=85354-9", "adam"},
		{"Patient", "_has:Observation:patient:code:not=8867-4", "adam"},
		{"Patient", "_has:Observation:patient:_has:Provenance:target:_id=pr", "adam"},
		{"Patient", "_has:Observation:patient:device.patient.name=everym", "eve"},
		{"Observation", "patient._has:Device:patient:_id=cuff", "hr-adam bp-adam"},
		{"Observation", "subject._has:Device:patient:_id=cuff", "hr-adam bp-adam"},
	} {
		t.Run(test.typ+"?"+test.query, func(t *testing.T) {
			got := strings.Join(m.Order(parse(t, test.typ, test.query).Query), " ")
			if got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestChainErrors(t *testing.T) {
	for _, test := range []struct{ typ, query, want string }{
		{"Observation", "code.name=x", "http.code.name: code is of type token; only references can be followed"},
		{"Observation", "subject:Practitioner.name=x", "http.subject:Practitioner.name: subject leads to Device, Group, Location, Patient, never to Practitioner"},
		{"Observation", "subject:Patiens.name=x", "http.subject:Patiens.name: Patiens is not a resource type"},
		{"Observation", "patient.birthdate=x", "http.patient.birthdate: at position 1 of the value: not a date or time"},
		{"Observation", "patient.name:in=x", "http.patient.name:in: the modifier :in is not supported for name; it takes :missing, :exact, :contains"},
		{"Observation", "subject._has:Account:owner:_id=x", "http.subject._has:Account:owner:_id: owner of Account never leads to Patient"},
		{"Provenance", "target.name=x", "http.target.name: target may lead to any type; say which, as in target:Patient.name"},
		{"Encounter", strings.Repeat("part-of.", 6) + "status=x", "http." + strings.Repeat("part-of.", 6) + "status: more than 5 references to follow"},
		{"Observation", strings.Repeat("_has:Observation:has-member:", 6) + "code=x", "http." + strings.Repeat("_has:Observation:has-member:", 6) + "code: more than 5 references to follow"},
		{"Patient", "_has:Observation:patient=x", "http._has:Observation:patient: _has is written _has:Type:reference:parameter"},
		{"Patient", "_has:Observations:patient:code=x", "http._has:Observations:patient:code: Observations is not a resource type"},
		{"Patient", "_has:Observation:code:code=x", "http._has:Observation:code:code: code of Observation never leads to Patient"},
		{"Patient", "_has:Observation:device:code=x", "http._has:Observation:device:code: device of Observation never leads to Patient"},
		{"Patient", "_include=Patient", "http._include: at position 1 of the value: write Type:parameter or Type:parameter:Target"},
		{"Patient", "_include=Patiens:link", "http._include: at position 1 of the value: Patiens is not a resource type; did you mean Patient?"},
		{"Patient", "_include=Patient:gender", "http._include: at position 1 of the value: gender is of type token, not a reference"},
		{"Patient", "_include=Patient:lonk", "http._include: at position 1 of the value: Patient has no reference parameter lonk; did you mean link?"},
		{"Patient", "_include=Patient:link:Device", "http._include: at position 1 of the value: link leads to Patient, RelatedPerson, never to Device"},
		{"Patient", "_include:recurse=Patient:link", "http._include:recurse: the modifier :recurse is not supported for _include; it takes :iterate"},
		{"Patient", "_revinclude=Observation:device", "http._revinclude: at position 1 of the value: device leads to Device, DeviceMetric, never to Patient"},
	} {
		t.Run(test.query, func(t *testing.T) {
			_, err := parseRaw(t, test.typ, test.query, ParseOptions{})
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	for query, want := range map[string]string{
		"subject.nane=x":         "http.subject.nane: none of the types that subject leads to (Device, Group, Location, Patient) has the search parameter nane (ignored)",
		"patient.nane=x":         "http.patient.nane: Patient has no search parameter nane; did you mean name? (ignored)",
		"subjekt.name=x":         "http.subjekt.name: Observation has no search parameter subjekt; did you mean subject? (ignored)",
		"_has:Provenance:to:a=x": "http._has:Provenance:to:a: Provenance has no search parameter to (ignored)",
	} {
		request, err := parseRaw(t, "Observation", query, ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := request.Issues[0]; len(request.Issues) != 1 || got.Expression+": "+got.Diagnostics != want {
			t.Errorf("%s: %s: %s, want %s", query, got.Expression, got.Diagnostics, want)
		}
	}
}

func TestIncludes(t *testing.T) {
	for _, test := range []struct {
		typ, query       string
		include, reverse []Include
	}{
		{"Observation", "_include=Observation:subject", []Include{{Type: "Observation", Index: "subject"}}, nil},
		{"Observation", "_include=Observation:subject:Patient", []Include{{Type: "Observation", Index: "subject", Target: "Patient"}}, nil},
		{"Observation", "_include=Observation:patient&_include:iterate=Patient:organization",
			[]Include{{Type: "Observation", Index: "subject", Target: "Patient"}, {Type: "Patient", Index: "organization", Iterate: true}}, nil},
		{"Patient", "_revinclude=Provenance:target&_revinclude:iterate=AuditEvent:patient", nil,
			[]Include{{Type: "Provenance", Index: "target"}, {Type: "AuditEvent", Index: "agent", Target: "Patient", Iterate: true}, {Type: "AuditEvent", Index: "entity", Target: "Patient", Iterate: true}}},
		{"Medication", "_include=*", []Include{{Type: "Medication", Index: "ingredient"}, {Type: "Medication", Index: "manufacturer"}}, nil},
		{"Medication", "_include=Medication:*:Organization", []Include{{Type: "Medication", Index: "manufacturer", Target: "Organization"}}, nil},
	} {
		t.Run(test.query, func(t *testing.T) {
			request := parse(t, test.typ, test.query)
			if diff := cmp.Diff(test.include, request.Query.Include); diff != "" {
				t.Errorf("include (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.reverse, request.Query.RevInclude); diff != "" {
				t.Errorf("revinclude (-want +got):\n%s", diff)
			}
		})
	}
	iterated := parse(t, "Medication", "_include:iterate=*&_revinclude:iterate=*").Query
	for _, want := range []Include{{Type: "Medication", Index: "manufacturer", Iterate: true}, {Type: "Organization", Index: "partof", Iterate: true}, {Type: "Observation", Index: "subject", Iterate: true}} {
		if !slices.Contains(iterated.Include, want) || !slices.Contains(iterated.RevInclude, want) {
			t.Errorf("* with :iterate is without %+v", want)
		}
	}
	r := newTestRegistry(t)
	if diff := cmp.Diff([]string{"Medication:ingredient", "Medication:manufacturer"}, r.Includes("Medication")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	all := r.RevIncludes("Medication")
	if len(all) < 10 || !strings.Contains(strings.Join(all, " "), "Provenance:target") {
		t.Errorf("%v", all)
	}
	for _, value := range all {
		parse(t, "Medication", "_revinclude="+value)
	}
}
