package search

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

// TestCompartmentParameters shows that every parameter of every compartment leads somewhere, and that plans find what they should.
func TestCompartmentParameters(t *testing.T) {
	r := newTestRegistry(t)
	for _, code := range r.defs.Compartments() {
		for typ, params := range r.defs.Compartment(code).Parameters {
			for _, param := range params {
				if param == "{def}" {
					continue
				}
				if i := slices.IndexFunc(r.Params(typ), func(p *Param) bool { return p.Code == param }); i < 0 || r.Params(typ)[i].kind != reference {
					t.Errorf("%s compartment: %s has no reference parameter %s", code, typ, param)
				}
			}
			if _, err := r.InCompartment(fhir.Key{Type: code, ID: "1"}, typ); err != nil {
				t.Errorf("%s of %s: %v", typ, code, err)
			}
		}
	}
	for _, test := range []struct{ of, typ, want string }{
		{"Patient", "Observation", "or\n  key subject␁rPatient/1\n  key performer␁rPatient/1\n"},
		{"Device", "Observation", "or\n  key subject␁rDevice/1\n  key device␁rDevice/1\n"},
		{"Patient", "Patient", "or\n  ids 1\n  key link␁rPatient/1\n"},
		{"Device", "Device", "ids 1\n"},
	} {
		plan, err := r.InCompartment(fhir.Key{Type: test.of, ID: "1"}, test.typ)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, Explain(plan)); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", test.typ, test.of, diff)
		}
	}
}
