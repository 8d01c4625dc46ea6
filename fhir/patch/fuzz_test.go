package patch_test

import (
	"errors"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/patch"
)

// seedResources are small documents with something of everything.
var seedResources = []string{birth, given, quantity, nested, holder, person, observation,
	`{"resourceType":"Bundle","id":"b","entry":[{"resource":{"resourceType":"Patient","active":true}}]}`,
	`{"resourceType":"Patient","name":[{"given":["A","B"],"_given":[{"id":"a"}]},"x",null,[{"text":"y"}]],"_name":{},"":1,"_":2,"active":{},"_active":[null]}`,
}

// checkFuzz checks that a result is a resource with the same type and id, and an error an OperationOutcome.
func checkFuzz(t *testing.T, res *fhir.Resource, got []byte, err error) {
	t.Helper()
	if err != nil {
		checkOutcome(t, err)
		return
	}
	result, err := fhir.ParseResource(got)
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if result.Type() != res.Type() || result.ID() != res.ID() {
		t.Errorf("%s/%s became %s/%s", res.Type(), res.ID(), result.Type(), result.ID())
	}
}

func FuzzJSON(f *testing.F) {
	for i, text := range []string{
		`[{"op":"add","path":"/name/0/given/-","value":"X"},{"op":"test","path":"/birthDate","value":"1970"}]`,
		`[{"op":"move","from":"/name/0/given/0","path":"/name/0/given/2"},{"op":"copy","from":"/name","path":"/x"},{"op":"remove","path":"/name"}]`,
		`[{"op":"replace","path":"","value":{"resourceType":"Observation","id":"o"}},{"op":"test","path":"","value":{"id":"o","resourceType":"Observation"}}]`,
		`[{"op":"copy","from":"","path":"/a~1b"},{"op":"copy","from":"","path":"/a~1b/c"},{"op":"test","path":"/a~1b","value":{"a":[1.0,1e0]}}]`,
		`[{"op":"remove","path":"/id"}]`, `[{"op":"copy","from":"/contained/0/id","path":"/id"}]`, `[{"op":"move","from":"/text","path":"/id/x"}]`,
		`[{"op":"add","path":"/","value":[]},{"op":"add","path":"//0","value":null},{"op":"test","path":"//00","value":0}]`,
	} {
		f.Add([]byte(seedResources[i%len(seedResources)]), []byte(text))
	}
	f.Fuzz(func(t *testing.T, document, text []byte) {
		diff, err := fhir.Parse(text)
		if err != nil {
			return
		}
		if doc, err := fhir.Parse(document); err == nil {
			got, err := patch.ApplyJSON(doc, diff)
			if err != nil {
				checkOutcome(t, err)
			} else if _, err := fhir.Parse(got); err != nil {
				t.Errorf("%v\n%s", err, got)
			}
		}
		res, err := fhir.ParseResource(document)
		if err != nil {
			return
		}
		got, err := patch.JSON(res, diff)
		checkFuzz(t, res, got, err)
	})
}

func FuzzFHIRPath(f *testing.F) {
	for i, seed := range []struct{ path, name, value string }{
		{"Patient.birthDate", "extension", `"part":[{"name":"url","valueUri":"u"},{"name":"value","valueCode":"c"}]`},
		{"Patient.name.given", "given", `"valueString":"X","_valueString":{"id":"x"}`},
		{"Observation.value", "component", `"part":[{"name":"code","valueCodeableConcept":{"text":"c"}},{"name":"value","valueQuantity":{"value":1.0}}]`},
		{"Patient.contact", "contact", `"part":[{"name":"name","part":[{"name":"given","_valueString":{"id":"b"}},{"name":"given","valueString":"b"}]}]`},
		{"Patient.contained[0] | Patient.managingOrganization.resolve()", "id", `"resource":{"resourceType":"Organization"}`},
		{"Patient.id | Patient.descendants().where($this is code).first()", "id", `"valueId":"q"`},
		{"Observation.status", "id", `"valueString":"z"`},
		{"Bundle.entry[0].resource", "id", `"valueId":"p"`},
		{"Patient.name.given.id | Patient.active", "id", `"valueBoolean":false`},
	} {
		for kind := range uint8(5) {
			f.Add([]byte(seedResources[i%len(seedResources)]), kind, seed.path, seed.name, seed.value, uint8(2), uint8(0))
		}
	}
	defs := definitions(f)
	f.Fuzz(func(t *testing.T, document []byte, kind uint8, at, name, value string, i, j uint8) {
		res, err := fhir.ParseResource(document)
		if err != nil {
			return
		}
		parts := [...]string{add(at, name, value), insert(at, int(i), value), remove(at), replace(at, value), move(at, int(i), int(j))}
		diff, err := fhir.Parse([]byte(parameters(parts[kind%5])))
		if err != nil {
			return
		}
		got, err := patch.FHIRPath(res, diff, defs)
		checkFuzz(t, res, got, err)
	})
}

// FuzzParameters looks for patches of any form.
func FuzzParameters(f *testing.F) {
	f.Add([]byte(parameters(remove("Patient.active"), add("Patient", "contact", `"part":[{"name":"name","part":[{"name":"given","_valueString":{"id":"b"}}]}]`))))
	f.Add([]byte(parameters(move("Patient.contact", 0, 0), insert("Patient.contact", 0, `"part":[{"name":"gender","valueCode":"x"}]`), replace("Patient.active", `"valueBoolean":false`))))
	defs := definitions(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if diff, err := fhir.Parse(text); err == nil {
			res := resource(t, nested)
			got, err := patch.FHIRPath(res, diff, defs)
			checkFuzz(t, res, got, err)
		}
	})
}

func FuzzXML(f *testing.F) {
	for _, text := range []string{
		diff(`<replace sel="f:Patient/f:identifier[ f:use/@value = 'usual' ][1]/@id">x</replace>`), diff(`<replace sel="f:Patient/f:text/h:div/*[@class='a']"><h:b/></replace>`),
		`<diff><add sel="Patient/gender" pos="before"><telecom><value value="1"/></telecom></add><remove sel="Patient/name/@id"/></diff>`,
		`<patch xmlns="http://hl7.org/fhir"><add sel="Patient/birthDate" type="@id">b</add><add sel="Patient/birthDate"><extension url="u"/></add></patch>`,
		`<diff xmlns="http://hl7.org/fhir"><replace sel="*"><Patient><id value="p"/></Patient></replace></diff>`, `<diff><remove sel="Patient/id"/></diff>`,
	} {
		f.Add([]byte(person), []byte(text))
	}
	defs := definitions(f)
	f.Fuzz(func(t *testing.T, document, text []byte) {
		res, err := fhir.ParseResource(document)
		if err != nil {
			return
		}
		got, err := patch.XML(res, text, defs)
		var o *fhir.OperationOutcome
		if err != nil && !errors.As(err, &o) {
			t.Fatalf("not an OperationOutcome: %v", err)
		}
		checkFuzz(t, res, got, err)
	})
}
