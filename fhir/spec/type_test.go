package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/spec"
)

func definitions(t testing.TB) *spec.Definitions {
	t.Helper()
	d, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// find follows JSON names from a type, through named and inline types.
func find(t *testing.T, d *spec.Definitions, typeName string, names ...string) *spec.Element {
	t.Helper()
	at := d.Type(typeName)
	var e *spec.Element
	for _, name := range names {
		if e = at.Child(name); e == nil {
			t.Fatalf("%s has no %s", at.Name, name)
		}
		at = e.Type()
	}
	return e
}

func codes(e *spec.Element) []string {
	var list []string
	for _, ref := range e.Types {
		list = append(list, ref.Code)
	}
	return list
}

func TestCounts(t *testing.T) {
	d := definitions(t)
	kinds := map[string]int{}
	for _, name := range d.DataTypes() {
		switch typ := d.Type(name); {
		case typ.Abstract:
			kinds["abstract"]++
		case typ.Profile:
			kinds["profile"]++
		default:
			kinds[typ.Kind.String()]++
		}
	}
	want := map[string]int{"primitive-type": 20, "complex-type": 39, "abstract": 2, "profile": 2}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("data types (-want +got):\n%s", diff)
	}
	counts := map[string]int{
		"search parameters": len(d.AllSearchParameters()),
		"resource types":    len(d.ResourceTypes()),
		"data types":        len(d.DataTypes()),
		"compartments":      len(d.Compartments()),
	}
	for _, name := range []string{
		"StructureDefinition", "SearchParameter", "OperationDefinition", "CompartmentDefinition", "ConceptMap", "CodeSystem", "ValueSet",
	} {
		counts[name] = len(d.Artifacts(name))
	}
	wantCounts := map[string]int{
		"search parameters": 1375, "resource types": 146, "data types": 63, "compartments": 5,
		"StructureDefinition": 649, "SearchParameter": 1375, "OperationDefinition": 46, "CompartmentDefinition": 5,
		"ConceptMap": 19, "CodeSystem": 1062, "ValueSet": 1316,
	}
	if diff := cmp.Diff(wantCounts, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestType(t *testing.T) {
	tests := map[string]spec.Type{
		"Observation":     {Name: "Observation", Base: "DomainResource", Kind: spec.Resource},
		"Bundle":          {Name: "Bundle", Base: "Resource", Kind: spec.Resource},
		"DomainResource":  {Name: "DomainResource", Base: "Resource", Kind: spec.Resource, Abstract: true},
		"Resource":        {Name: "Resource", Kind: spec.Resource, Abstract: true},
		"Element":         {Name: "Element", Kind: spec.Complex, Abstract: true},
		"BackboneElement": {Name: "BackboneElement", Base: "Element", Kind: spec.Complex, Abstract: true},
		"Quantity":        {Name: "Quantity", Base: "Element", Kind: spec.Complex},
		"SimpleQuantity":  {Name: "SimpleQuantity", Base: "Quantity", Kind: spec.Complex, Profile: true},
		"Age":             {Name: "Age", Base: "Quantity", Kind: spec.Complex},
		"code":            {Name: "code", Base: "string", Kind: spec.Primitive, System: "String", Pattern: `[^\s]+(\s[^\s]+)*`},
		"decimal": {
			Name: "decimal", Base: "Element", Kind: spec.Primitive, System: "Decimal",
			Pattern: `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`,
		},
	}
	d := definitions(t)
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			got := d.Type(name)
			if got == nil {
				t.Fatal("unknown")
			}
			want.URL = "http://hl7.org/fhir/StructureDefinition/" + name
			if diff := cmp.Diff(want, *got, cmp.FilterPath(unexported, cmp.Ignore())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, name := range []string{"", "observation", "Observation.component", "MetadataResource", "SubscriptionStatus", "System.String"} {
		if d.Type(name) != nil {
			t.Errorf("Type(%q) is known", name)
		}
	}
}

func unexported(p cmp.Path) bool {
	field, ok := p.Last().(cmp.StructField)
	return ok && field.Name()[0] >= 'a'
}

func TestIsResource(t *testing.T) {
	d := definitions(t)
	for name, want := range map[string]bool{
		"Observation": true, "Bundle": true, "Parameters": true,
		"Resource": false, "DomainResource": false, "Quantity": false, "Bot": false, "": false,
	} {
		if got := d.IsResource(name); got != want {
			t.Errorf("IsResource(%q) = %v", name, got)
		}
	}
}

func TestIsSubtype(t *testing.T) {
	tests := []struct {
		name, base string
		want       bool
	}{
		{"Observation", "Observation", true},
		{"Observation", "DomainResource", true},
		{"Observation", "Resource", true},
		{"Observation", "Element", false},
		{"Bundle", "DomainResource", false},
		{"Age", "Quantity", true},
		{"Quantity", "Age", false},
		{"SimpleQuantity", "Quantity", true},
		{"code", "string", true},
		{"string", "code", false},
		{"positiveInt", "integer", true},
		{"canonical", "uri", true},
		{"Dosage", "BackboneElement", true},
		{"unknown", "Resource", false},
		{"unknown", "unknown", false},
	}
	d := definitions(t)
	for _, test := range tests {
		if got := d.IsSubtype(test.name, test.base); got != test.want {
			t.Errorf("IsSubtype(%s, %s) = %v", test.name, test.base, got)
		}
	}
}

func TestChild(t *testing.T) {
	tests := []struct {
		name       string
		typeName   string
		path       []string
		wantPath   string
		wantTypes  []string
		wantMin    int
		wantMax    int
		wantJSON   string
		wantChoice bool
	}{
		{"own element", "Observation", []string{"status"}, "Observation.status", []string{"code"}, 1, 1, "status", false},
		{"repeating", "Observation", []string{"category"}, "Observation.category", []string{"CodeableConcept"}, 0, -1, "category", false},
		{"inherited from Resource", "Observation", []string{"meta", "lastUpdated"}, "Meta.lastUpdated", []string{"instant"}, 0, 1, "lastUpdated", false},
		{"inherited from DomainResource", "Observation", []string{"contained"}, "Observation.contained", []string{"Resource"}, 0, -1, "contained", false},
		{"inherited from Element", "Quantity", []string{"extension", "url"}, "Extension.url", []string{"uri"}, 1, 1, "url", false},
		{"id of a resource", "Patient", []string{"id"}, "Patient.id", []string{"id"}, 0, 1, "id", false},
		{"id of an element", "HumanName", []string{"id"}, "HumanName.id", []string{"string"}, 0, 1, "id", false},
		{"id of an inline type", "Patient", []string{"contact", "id"}, "Patient.contact.id", []string{"string"}, 0, 1, "id", false},
		{"value of a primitive", "boolean", []string{"value"}, "boolean.value", []string{"System.Boolean"}, 0, 1, "value", false},
		{"narrative", "Patient", []string{"text", "div"}, "Narrative.div", []string{"xhtml"}, 1, 1, "div", false},
		{"choice narrowed", "Observation", []string{"valueQuantity"}, "Observation.value[x]", []string{"Quantity"}, 0, 1, "valueQuantity", true},
		{"choice narrowed to a primitive", "Patient", []string{"deceasedDateTime"}, "Patient.deceased[x]", []string{"dateTime"}, 0, 1, "deceasedDateTime", true},
		{"choice of one type", "Observation", []string{"component", "valueSampledData", "origin"}, "SampledData.origin", []string{"Quantity"}, 1, 1, "origin", false},
		{"through an extension", "Extension", []string{"valueReference", "reference"}, "Reference.reference", []string{"string"}, 0, 1, "reference", false},
		{"inline", "Observation", []string{"component"}, "Observation.component", []string{"BackboneElement"}, 0, -1, "component", false},
		{"inline of a data type", "Timing", []string{"repeat"}, "Timing.repeat", []string{"Element"}, 0, 1, "repeat", false},
		{"inline shared", "Observation", []string{"component", "referenceRange", "low"}, "Observation.referenceRange.low", []string{"Quantity"}, 0, 1, "low", false},
		{"inline within itself", "Questionnaire", []string{"item", "item", "item", "linkId"}, "Questionnaire.item.linkId", []string{"string"}, 1, 1, "linkId", false},
		{"any resource", "Bundle", []string{"entry", "resource"}, "Bundle.entry.resource", []string{"Resource"}, 0, 1, "resource", false},
	}
	d := definitions(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := find(t, d, test.typeName, test.path...)
			type facts struct {
				Path     string
				Types    []string
				Min, Max int
				JSON     string
				Choice   bool
			}
			want := facts{test.wantPath, test.wantTypes, test.wantMin, test.wantMax, test.wantJSON, test.wantChoice}
			got := facts{e.Path, codes(e), e.Min, e.Max, e.Types[0].JSONName, e.Choice}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if e.Repeats() != (test.wantMax == spec.Unbounded) {
				t.Errorf("Repeats() = %v", e.Repeats())
			}
		})
	}
}

func TestChildAbsent(t *testing.T) {
	d := definitions(t)
	for typeName, names := range map[string][]string{
		"Observation": {"", "value[x]", "valueDecimal", "valueReference", "resourceType", "_status", "Status"},
		"Quantity":    {"modifierExtension"},
		"Bundle":      {"text", "contained"},
	} {
		for _, name := range names {
			if e := d.Type(typeName).Child(name); e != nil {
				t.Errorf("%s.%s is %s", typeName, name, e.Path)
			}
		}
	}
}

func TestChoice(t *testing.T) {
	d := definitions(t)
	value := find(t, d, "Observation", "value")
	want := []string{
		"Quantity", "CodeableConcept", "string", "boolean", "integer", "Range", "Ratio", "SampledData", "time", "dateTime", "Period",
	}
	if diff := cmp.Diff(want, codes(value)); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	if value.Type() != nil {
		t.Error("a choice has one type")
	}
	for _, ref := range value.Types {
		narrowed := d.Type("Observation").Child(ref.JSONName)
		if narrowed == nil || narrowed.Name != "value" || narrowed.Type() != d.Type(ref.Code) {
			t.Errorf("%s does not lead to %s", ref.JSONName, ref.Code)
		}
	}
	if n := len(find(t, d, "Extension", "value").Types); n != 50 {
		t.Errorf("Extension.value has %d types", n)
	}
}

// TestEveryElement walks all types: every element is found under its name, every type it names is known, and no name
// stands for two elements.
func TestEveryElement(t *testing.T) {
	d := definitions(t)
	seen := map[*spec.Type]bool{}
	var walk func(*spec.Type)
	walk = func(typ *spec.Type) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		names := map[string]bool{}
		for i, e := range typ.Elements() {
			if e.Index != i || typ.Child(e.Types[0].JSONName).Index != i {
				t.Errorf("%s: index %d at place %d", e.Path, e.Index, i)
			}
			if typ.Child(e.Name) != e || typ.ChildBytes([]byte(e.Name)) != e {
				t.Errorf("%s: not found by its name", e.Path)
			}
			if e.Short == "" || len(e.Types) == 0 {
				t.Errorf("%s: has no short text or no type", e.Path)
			}
			for _, ref := range e.Types {
				if names[ref.JSONName] {
					t.Errorf("%s: second element %s", e.Path, ref.JSONName)
				}
				names[ref.JSONName] = true
				if ref.Type == nil && typ.Kind != spec.Primitive {
					t.Errorf("%s: type %s is unknown", e.Path, ref.Code)
				}
				for _, target := range ref.Targets {
					if target != "Resource" && !d.IsResource(target) {
						t.Errorf("%s: target %s is no resource", e.Path, target)
					}
				}
			}
			if e.Children != nil {
				if !e.Children.Is("Element") || e.Type() != e.Children {
					t.Errorf("%s: inline type is not a type of its own", e.Path)
				}
				walk(e.Children)
			}
		}
	}
	for _, name := range append(d.ResourceTypes(), d.DataTypes()...) {
		walk(d.Type(name))
	}
}

func TestContentReference(t *testing.T) {
	d := definitions(t)
	shared := map[string][2]*spec.Element{
		"Observation.referenceRange": {find(t, d, "Observation", "referenceRange"), find(t, d, "Observation", "component", "referenceRange")},
		"Bundle.link":                {find(t, d, "Bundle", "link"), find(t, d, "Bundle", "entry", "link")},
		"Questionnaire.item":         {find(t, d, "Questionnaire", "item"), find(t, d, "Questionnaire", "item", "item")},
		"Parameters.parameter":       {find(t, d, "Parameters", "parameter"), find(t, d, "Parameters", "parameter", "part")},
	}
	for name, pair := range shared {
		if pair[0].Children == nil || pair[0].Children != pair[1].Children || pair[1].Type() != pair[0].Children {
			t.Errorf("%s: not the same inline type", name)
		}
		if pair[0].Children.Name != name {
			t.Errorf("%s: inline type is named %s", name, pair[0].Children.Name)
		}
	}
}

func TestTargets(t *testing.T) {
	d := definitions(t)
	tests := []struct {
		typeName string
		path     []string
		want     []string
	}{
		{"Observation", []string{"subject"}, []string{"Patient", "Group", "Device", "Location"}},
		{"Observation", []string{"focus"}, []string{"Resource"}},
		{"Observation", []string{"derivedFrom"}, []string{
			"DocumentReference", "ImagingStudy", "Media", "QuestionnaireResponse", "Observation", "MolecularSequence",
		}},
		{"Meta", []string{"profile"}, []string{"StructureDefinition"}},
		{"AuditEvent", []string{"source", "observer"}, []string{
			"PractitionerRole", "Practitioner", "Organization", "Device", "Patient", "RelatedPerson",
		}},
		{"MeasureReport", []string{"subject"}, []string{
			"Patient", "Practitioner", "PractitionerRole", "Location", "Device", "RelatedPerson", "Group",
		}},
		{"ResearchStudy", []string{"site"}, []string{"Location"}},
		{"Observation", []string{"status"}, nil},
	}
	for _, test := range tests {
		e := find(t, d, test.typeName, test.path...)
		if diff := cmp.Diff(test.want, e.Types[0].Targets); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e.Path, diff)
		}
	}
	if got := find(t, d, "Observation", "referenceRange", "low").Types[0].Profiles; len(got) != 1 || got[0] != d.Type("SimpleQuantity").URL {
		t.Errorf("profiles of Observation.referenceRange.low: %v", got)
	}
}

func TestBinding(t *testing.T) {
	d := definitions(t)
	tests := []struct {
		typeName string
		path     []string
		want     spec.Binding
		system   string
	}{
		{"Observation", []string{"status"}, spec.Binding{Strength: "required", ValueSet: "http://hl7.org/fhir/ValueSet/observation-status|4.0.1"}, "http://hl7.org/fhir/observation-status"},
		{"Patient", []string{"gender"}, spec.Binding{Strength: "required", ValueSet: "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"}, "http://hl7.org/fhir/administrative-gender"},
		{"Attachment", []string{"contentType"}, spec.Binding{Strength: "required", ValueSet: "http://hl7.org/fhir/ValueSet/mimetypes|4.0.1"}, "urn:ietf:bcp:13"},
		{"DetectedIssue", []string{"status"}, spec.Binding{Strength: "required", ValueSet: "http://hl7.org/fhir/ValueSet/observation-status|4.0.1"}, "http://hl7.org/fhir/observation-status"},
		{"Observation", []string{"code"}, spec.Binding{Strength: "example", ValueSet: "http://hl7.org/fhir/ValueSet/observation-codes"}, "http://loinc.org"},
	}
	for _, test := range tests {
		e := find(t, d, test.typeName, test.path...)
		if diff := cmp.Diff(&test.want, e.Binding); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e.Path, diff)
		}
		if system, ok := d.CodeSystemOf(e.Binding.ValueSet); !ok || system != test.system {
			t.Errorf("%s: code system %q, %v", e.Path, system, ok)
		}
	}
	if find(t, d, "Observation", "subject").Binding != nil {
		t.Error("Observation.subject has a binding")
	}
	for _, url := range []string{"http://hl7.org/fhir/ValueSet/all-types", "http://example.org/none", ""} {
		if system, ok := d.CodeSystemOf(url); ok {
			t.Errorf("CodeSystemOf(%q) = %q", url, system)
		}
	}
}

func TestFlags(t *testing.T) {
	d := definitions(t)
	status := find(t, d, "Observation", "status")
	note := find(t, d, "Observation", "note")
	if !status.Summary || !status.Modifier || note.Summary || note.Modifier {
		t.Error("Observation: summary or modifier flags are wrong")
	}
	if !find(t, d, "HumanName", "id").Attribute || !find(t, d, "Extension", "url").Attribute {
		t.Error("Element.id and Extension.url are attributes")
	}
	if find(t, d, "Patient", "id").Attribute || status.Attribute {
		t.Error("Patient.id and Observation.status are no attributes")
	}
	if want := "registered | preliminary | final | amended +"; status.Short != want {
		t.Errorf("short %q", status.Short)
	}
}

// TestScrubbed checks that nothing is left of what the source package added to R4.
func TestScrubbed(t *testing.T) {
	d := definitions(t)
	absent := map[string][]string{
		"Meta":                  {"project", "author", "onBehalfOf", "account", "accounts", "compartment"},
		"Binary":                {"url"},
		"DeviceDefinition":      {"bodySite", "classification"},
		"ObservationDefinition": {"publisher"},
		"ResearchStudy":         {"name", "label", "studyDesign", "region", "result", "recruitment"},
	}
	for typeName, names := range absent {
		for _, name := range names {
			if d.Type(typeName).Child(name) != nil {
				t.Errorf("%s.%s is left", typeName, name)
			}
		}
	}
	for _, url := range []string{"DetectedIssue-status", "DeviceDefinition-classification", "ServiceRequest-order-detail"} {
		if d.SearchParameter("http://hl7.org/fhir/SearchParameter/"+url) != nil {
			t.Errorf("search parameter %s is left", url)
		}
	}
	if got := codes(find(t, d, "Bundle", "entry", "response", "outcome")); got[0] != "Resource" {
		t.Errorf("Bundle.entry.response.outcome is a %s", got)
	}
	var names []string
	for _, e := range find(t, d, "EvidenceVariable", "characteristic").Children.Elements() {
		names = append(names, e.Name)
	}
	want := []string{
		"id", "extension", "modifierExtension", "description", "definition", "usageContext", "exclude", "participantEffective",
		"timeFromStart", "groupMeasure",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("EvidenceVariable.characteristic (-want +got):\n%s", diff)
	}
}
