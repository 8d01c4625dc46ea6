package validate

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/spec"
)

// TestCodeSets expands value sets of the definitions that use each feature of compose.
func TestCodeSets(t *testing.T) {
	tests := []struct {
		name, url string
		want      []string // the codes, sorted; nil when the set is not known
	}{
		{"a whole system", "http://hl7.org/fhir/ValueSet/administrative-gender", []string{"female", "male", "other", "unknown"}},
		{"with a version", "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1", []string{"female", "male", "other", "unknown"}},
		{"listed concepts", "http://hl7.org/fhir/ValueSet/care-plan-intent", []string{"option", "order", "plan", "proposal"}},
		{"two systems", "http://hl7.org/fhir/ValueSet/task-intent", []string{
			"filler-order", "instance-order", "option", "order", "original-order", "plan", "proposal", "reflex-order", "unknown",
		}},
		{"listed concepts of a system not carried", "http://hl7.org/fhir/ValueSet/units-of-time", []string{"a", "d", "h", "min", "mo", "s", "wk"}},
		{"nested concepts", "http://hl7.org/fhir/ValueSet/condition-clinical", []string{"active", "inactive", "recurrence", "relapse", "remission", "resolved"}},
		{"is-a", "http://terminology.hl7.org/ValueSet/v3-ActClassDocument", []string{"CDALVLONE", "DOC", "DOCCLIN"}},
		{"is-a without the ancestor", "http://terminology.hl7.org/ValueSet/v3-ActClassROI", []string{"ROIBND", "ROIOVL"}},
		{"value set within", "http://hl7.org/fhir/ValueSet/yesnodontknow", []string{"N", "Y", "asked-unknown"}},
		{"is-a with further parents", "http://terminology.hl7.org/ValueSet/v3-ActIncidentCode", []string{"MVA", "SCHOOL", "SPT", "WPA"}},
		{"a system not carried", "http://hl7.org/fhir/ValueSet/mimetypes", nil},
		{"not in the specification", "http://example.org/none", nil},
	}
	v := New(definitions(t))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			if known := v.codeSet(test.url).known(); known != nil {
				got = slices.Sorted(slices.Values(known.codes))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRequiredBindings lists the required bindings that cannot be checked, and sees to it that the others have codes.
func TestRequiredBindings(t *testing.T) {
	v := New(definitions(t))
	var unknown []string
	checked := 0
	seen := map[*spec.Type]bool{}
	var walk func(*spec.Type)
	walk = func(typ *spec.Type) {
		if typ == nil || seen[typ] {
			return
		}
		seen[typ] = true
		for _, m := range v.table(typ).shape().members {
			if m.element.Children != nil {
				walk(m.element.Children)
			}
			if m.codes == nil {
				continue
			}
			if m.code != "code" && m.code != "CodeableConcept" {
				t.Errorf("%s: required binding of a %s is not checked", m.element.Path, m.code)
			}
			switch known := m.codes.known(); {
			case known != nil && len(known.codes) > 0 && len(known.bySystem) > 0:
				checked++
			case !slices.Contains(unknown, m.codes.url):
				unknown = append(unknown, m.codes.url)
			}
		}
	}
	for _, name := range slices.Concat(v.defs.ResourceTypes(), v.defs.DataTypes()) {
		walk(v.defs.Type(name))
	}
	slices.Sort(unknown)
	want := []string{
		"http://hl7.org/fhir/ValueSet/currencies|4.0.1", // all of ISO 4217
		"http://hl7.org/fhir/ValueSet/mimetypes|4.0.1",  // all MIME types
		"http://hl7.org/fhir/ValueSet/ucum-units|4.0.1", // all of UCUM
		"http://loinc.org/vs/LL379-9|4.0.1",             // not in the specification
	}
	if diff := cmp.Diff(want, unknown); diff != "" {
		t.Errorf("value sets that cannot be expanded (-want +got):\n%s", diff)
	}
	if checked < 300 {
		t.Errorf("only %d bindings are checked", checked)
	}
}
