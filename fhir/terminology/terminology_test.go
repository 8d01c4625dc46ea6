package terminology

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Value sets that import, exclude and filter, against lists read off the specification.
func TestValueSets(t *testing.T) {
	codes := newTerminology(t)
	for _, test := range []struct {
		url, has, lacks string
		size            int
	}{
		{"http://hl7.org/fhir/ValueSet/administrative-gender", "male female other unknown", "", 4},
		{"http://hl7.org/fhir/ValueSet/inactive", "CRT EXPEC GOL RSK OPT", "_ActMoodPredicate", 0},
		{"http://hl7.org/fhir/ValueSet/sibling-relationship-codes", "SIB SIS BRO HSIB TWIN", "FTH", 0},
		{"http://hl7.org/fhir/ValueSet/patient-contactrelationship", "E N U", "O", 0},
	} {
		set, err := codes.ValueSet(test.url)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		var found []string
		for _, c := range set.All() {
			found = append(found, c.Code)
		}
		if test.size > 0 && len(found) != test.size {
			t.Errorf("%s has %d codes, want %d", test.url, len(found), test.size)
		}
		for _, code := range strings.Fields(test.has) {
			if !slices.Contains(found, code) {
				t.Errorf("%s lacks %s of %v", test.url, code, found)
			}
		}
		for _, code := range strings.Fields(test.lacks) {
			if slices.Contains(found, code) {
				t.Errorf("%s has %s", test.url, code)
			}
		}
	}
}

// How many value sets are expanded, and why the others are not.
func TestAllValueSets(t *testing.T) {
	x := newTerminology(t)
	counts := map[string]int{}
	for _, url := range x.defs.Artifacts("ValueSet") {
		_, err := x.ValueSet(url)
		reason := "expanded"
		if err != nil {
			reason = "refused"
			for _, known := range []string{"do not carry the code system", "do not carry all of the code system", "do not carry the value set", "another version", "which it does not have"} {
				if strings.Contains(err.Error(), known) {
					reason = known
				}
			}
		}
		counts[reason]++
	}
	want := map[string]int{"expanded": 1216, "do not carry all of the code system": 57, "do not carry the code system": 39, "do not carry the value set": 2, "another version": 1, "which it does not have": 1}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRelations asks for what lies above and below, and for codes of a hierarchy that is not one of subsumption.
func TestRelations(t *testing.T) {
	x := newTerminology(t)
	const ver = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
	below, err := x.Below(ver, "unconfirmed")
	if diff := cmp.Diff([]string{"differential", "provisional", "unconfirmed"}, below); diff != "" || err != nil {
		t.Errorf("below (-want +got): %v\n%s", err, diff)
	}
	above, err := x.Above(ver, "provisional")
	if diff := cmp.Diff([]string{"provisional", "unconfirmed"}, above); diff != "" || err != nil {
		t.Errorf("above (-want +got): %v\n%s", err, diff)
	}
	if _, err := x.Below(ver, "nonsense"); err == nil || err.Error() != "the code system "+ver+" has no such code" {
		t.Errorf("an unknown code: %v", err)
	}
	x.systems["urn:parts|"] = newCodeSystem(parse(t, `{"url":"urn:parts","hierarchyMeaning":"part-of","caseSensitive":false,"concept":[{"code":"car","concept":[{"code":"wheel"}]}]}`))
	if _, err := x.Above("urn:parts", "wheel"); err == nil || err.Error() != "the hierarchy of the code system urn:parts does not mean is-a" {
		t.Errorf("a hierarchy of parts: %v", err)
	}
	all, err := x.part(parse(t, `{"system":"urn:parts"}`), nil)
	if err != nil || len(all.All()) != 2 || !all.FoldsCase || !all.Has(Code{"urn:parts", "wheel"}) {
		t.Errorf("all of it: %v, %v", all, err)
	}
}
