package validate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/fhir/validate"
)

// rule is one row: a document and the issues it must get, as "code expression: diagnostics".
type rule struct {
	name string
	json string
	want []string
}

// observation is a valid Observation with further members.
func observation(members string) string {
	if members != "" {
		members = "," + members
	}
	return `{"resourceType":"Observation","status":"final","code":{"text":"x"}` + members + `}`
}

func patient(members string) string { return `{"resourceType":"Patient",` + members + `}` }

func checkRules(t *testing.T, rules []rule) {
	t.Helper()
	v := validate.New(definitions(t))
	for _, test := range rules {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, issue := range v.Resource(parse(t, []byte(test.json)), validate.Options{}) {
				got = append(got, fmt.Sprintf("%s %s: %s", issue.Code, issue.Expression, issue.Diagnostics))
				if issue.Severity != "error" {
					t.Errorf("severity of %s is %s", issue.Expression, issue.Severity)
				}
				if _, err := path.Compile(issue.Expression, definitions(t)); err != nil {
					t.Errorf("%s is no FHIRPath: %v", issue.Expression, err)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestElements(t *testing.T) {
	checkRules(t, []rule{
		{"minimal", observation(""), nil},
		{"vital sign", vitalSign, nil},
		{"unknown, near", patient(`"nmae":[{"family":"x"}],"birthdate":"2000"`), []string{
			`structure Patient.nmae: unknown element "nmae" in Patient; did you mean "name"?`,
			`structure Patient.birthdate: unknown element "birthdate" in Patient; did you mean "birthDate"?`,
		}},
		{"unknown, far", patient(`"favouriteColour":"blue"`), []string{
			`structure Patient.favouriteColour: unknown element "favouriteColour" in Patient`,
		}},
		{"unknown in a backbone element", patient(`"contact":[{"relation":[{"text":"x"}],"gender":"male"}]`), []string{
			`structure Patient.contact[0].relation: unknown element "relation" in Patient.contact; did you mean "relationship"?`,
		}},
		{"unknown in a data type", patient(`"name":[{"text":"x"},{"familiy":"x"}]`), []string{
			`structure Patient.name[1].familiy: unknown element "familiy" in HumanName; did you mean "family"?`,
		}},
		{"unknown with escapes", `{"resourceType":"Patient","\u0061ctive":true,"act\u0069v\"":true}`, []string{
			"structure Patient.`activ\"`: unknown element \"activ\\\"\" in Patient; did you mean \"active\"?",
		}},
		{"empty name", patient(`"":1`), []string{"structure Patient.``: unknown element \"\" in Patient"}},
		{"long name", patient(`"` + strings.Repeat("a", 100) + `":1`), []string{
			fmt.Sprintf("structure Patient.%s: unknown element %q in Patient", "`"+strings.Repeat("a", 64)+"...`", strings.Repeat("a", 64)+"..."),
		}},
		{"resourceType in an element", patient(`"name":[{"resourceType":"HumanName","text":"x"}]`), []string{
			`structure Patient.name[0].resourceType: only resources have a resourceType; this is HumanName`,
		}},
		{"required", `{"resourceType":"Observation"}`, []string{
			"required Observation.status: Observation.status is required (1..1)",
			"required Observation.code: Observation.code is required (1..1)",
		}},
		{"required and repeating", `{"resourceType":"Linkage"}`, []string{"required Linkage.item: Linkage.item is required (1..*)"}},
		{"required, inherited", patient(`"text":{"status":"empty"}`), []string{"required Patient.text.div: Narrative.div is required (1..1)"}},
		{"required in a backbone element", observation(`"component":[{"valueString":"x"}]`), []string{
			"required Observation.component[0].code: Observation.component.code is required (1..1)",
		}},
		{"required through a contentReference", observation(`"component":[{"code":{"text":"x"},"referenceRange":[{"low":{"values":1}}]}]`), []string{
			`structure Observation.component[0].referenceRange[0].low.values: unknown element "values" in SimpleQuantity; did you mean "value"?`,
		}},
		{"required within itself", `{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"type":"string"}]}]}`, []string{
			"required Questionnaire.item[0].item[0].linkId: Questionnaire.item.linkId is required (1..1)",
		}},
		{"required choice", `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"display":"x"}}`, []string{
			"required MedicationRequest.medication: MedicationRequest.medication[x] is required (1..1)",
		}},
		{"required by an extension only", `{"resourceType":"Observation","_status":{"extension":[{"url":"u","valueCode":"unknown"}]},"code":{"text":"x"}}`, nil},
		{"not allowed", observation(`"referenceRange":[{"low":{"value":1,"comparator":"<"}}]`), []string{
			"structure Observation.referenceRange[0].low.comparator: Quantity.comparator must not be present here (0..0)",
		}},
		{"allowed elsewhere", observation(`"valueQuantity":{"value":1,"comparator":"<"}`), nil},
	})
}

func TestChoices(t *testing.T) {
	checkRules(t, []rule{
		{"one type", observation(`"valueQuantity":{"value":1.50}`), nil},
		{"with its sibling", observation(`"valueString":"x","_valueString":{"id":"a"}`), nil},
		{"two types", observation(`"valueString":"x","effectiveDateTime":"2020","valueInteger":1`), []string{
			"structure Observation.value.ofType(integer): Observation.value[x] is a choice of one type: valueString and valueInteger must not both be present",
		}},
		{"two types, one by extension", observation(`"valueString":"x","_valueInteger":{"extension":[{"url":"u","valueCode":"unknown"}]}`), []string{
			"structure Observation.value.ofType(integer): Observation.value[x] is a choice of one type: valueString and valueInteger must not both be present",
		}},
		{"type not allowed", observation(`"valueDecimal":1`), []string{
			`structure Observation.valueDecimal: Observation.value[x] must not have the type that "valueDecimal" says; allowed are ` +
				"Quantity, CodeableConcept, string, boolean, integer, Range, Ratio, SampledData, time, dateTime, Period",
		}},
		{"complex type not allowed", observation(`"valueAddress":{}`), []string{
			`structure Observation.valueAddress: Observation.value[x] must not have the type that "valueAddress" says; allowed are ` +
				"Quantity, CodeableConcept, string, boolean, integer, Range, Ratio, SampledData, time, dateTime, Period",
		}},
		{"no type", observation(`"value":1`), []string{
			`structure Observation.value: Observation.value[x] is a choice: the name must carry the type, as in "valueQuantity"`,
		}},
		{"no type at all", observation(`"valueFoo":1`), []string{`structure Observation.valueFoo: unknown element "valueFoo" in Observation`}},
		{"type misspelt", observation(`"valueQuantitiy":1`), []string{
			`structure Observation.valueQuantitiy: unknown element "valueQuantitiy" in Observation; did you mean "valueQuantity"?`,
		}},
		{"error within", observation(`"valueQuantity":{"unit":5}`), []string{
			"structure Observation.value.ofType(Quantity).unit: Quantity.unit (string) must be a string, found a number",
		}},
	})
}

func TestKinds(t *testing.T) {
	checkRules(t, []rule{
		{"array expected", patient(`"name":{"family":"x"}`), []string{
			"structure Patient.name: Patient.name may repeat, so it must be an array even for one value; found an object",
		}},
		{"array not expected", patient(`"birthDate":["2000"],"maritalStatus":[{"text":"x"}]`), []string{
			"structure Patient.birthDate: Patient.birthDate does not repeat, so it must not be an array",
			"structure Patient.maritalStatus: Patient.maritalStatus does not repeat, so it must not be an array",
		}},
		{"object expected", patient(`"maritalStatus":"M","name":["x",true]`), []string{
			"structure Patient.maritalStatus: Patient.maritalStatus must be an object (CodeableConcept), found a string",
			"structure Patient.name[0]: Patient.name must be an object (HumanName), found a string",
			"structure Patient.name[1]: Patient.name must be an object (HumanName), found a boolean",
		}},
		{"backbone element expected", patient(`"contact":[1]`), []string{"structure Patient.contact[0]: Patient.contact must be an object, found a number"}},
		{"primitive expected", patient(`"birthDate":{"value":"2000"},"gender":5,"active":"true","multipleBirthInteger":"2"`), []string{
			"structure Patient.birthDate: Patient.birthDate (date) must be a string, found an object",
			"structure Patient.gender: Patient.gender (code) must be a string, found a number",
			"structure Patient.active: Patient.active (boolean) must be a boolean, found a string",
			"structure Patient.multipleBirth.ofType(integer): Patient.multipleBirth[x] (integer) must be a number, found a string",
		}},
		{"array in an array", patient(`"name":[[{"family":"x"}]]`), []string{
			"structure Patient.name[0]: Patient.name must be an object (HumanName), found an array",
		}},
		{"null", patient(`"birthDate":null,"name":null,"maritalStatus":null,"telecom":[null]`), []string{
			"structure Patient.birthDate: null is not allowed here: leave the element out",
			"structure Patient.name: null is not allowed here: leave the element out",
			"structure Patient.maritalStatus: null is not allowed here: leave the element out",
			"structure Patient.telecom[0]: null is only allowed in arrays of primitive values",
		}},
		{"empty", patient(`"birthDate":"","name":[],"maritalStatus":{},"telecom":[{}],"address":[{"line":[]}]`), []string{
			"structure Patient.birthDate: a string must not be empty: leave the element out",
			"structure Patient.name: an array must not be empty: leave the element out",
			"structure Patient.maritalStatus: an object must not be empty: leave the element out",
			"structure Patient.telecom[0]: an object must not be empty: leave the element out",
			"structure Patient.address[0].line: an array must not be empty: leave the element out",
		}},
		{"id alone", patient(`"maritalStatus":{"id":"a"},"_active":{"id":"a"},"_birthDate":{"id":"b"},"birthDate":"2000"`), []string{
			"invariant Patient.maritalStatus: an id alone says nothing: an element must have elements or extensions (ele-1)",
			"invariant Patient.active: an id alone says nothing: an element must have a value or extensions (ele-1)",
		}},
	})
}

func TestSiblings(t *testing.T) {
	const ext = `{"extension":[{"url":"http://example.org/x","valueBoolean":true}]}`
	checkRules(t, []rule{
		{"beside a value", patient(`"birthDate":"2000","_birthDate":` + ext), nil},
		{"instead of a value", patient(`"_birthDate":` + ext), nil},
		{"aligned", patient(`"name":[{"given":["a",null,"c"],"_given":[null,` + ext + `,{"id":"x"}]}]`), nil},
		{"alone in an array", patient(`"name":[{"_given":[` + ext + `]}]`), nil},
		{"of a complex element", patient(`"_name":[{"id":"x"}]`), []string{
			`structure Patient._name: "_name" has no place: only primitive values have an id or extensions beside them; Patient.name has them within`,
		}},
		{"of an unknown element", patient(`"_brithDate":` + ext), []string{
			`structure Patient._brithDate: unknown element "_brithDate" in Patient; did you mean "_birthDate"?`,
		}},
		{"other members", patient(`"_birthDate":{"value":"x","extension":[{"url":"u","valueCode":"x"}]}`), []string{
			`structure Patient.birthDate.value: unknown element "value" in date`,
		}},
		{"empty", patient(`"birthDate":"2000","_birthDate":{}`), []string{"structure Patient.birthDate: an object must not be empty: leave the element out"}},
		{"a value", patient(`"_birthDate":"2000"`), []string{"structure Patient.birthDate: Patient.birthDate must be an object with id or extension, found a string"}},
		{"an array beside one value", patient(`"_birthDate":[` + ext + `]`), []string{
			"structure Patient.birthDate: Patient.birthDate does not repeat, so it must not be an array",
		}},
		{"an object beside an array", patient(`"name":[{"given":["a"],"_given":` + ext + `}]`), []string{
			"structure Patient.name[0].given: HumanName.given may repeat, so it must be an array even for one value; found an object",
		}},
		{"too short", patient(`"name":[{"given":["a","b"],"_given":[` + ext + `]}]`), []string{
			`structure Patient.name[0].given: "given" and "_given" must have the same number of items, filled up with null: found 2 and 1`,
		}},
		{"too long", patient(`"name":[{"given":["a"],"_given":[` + ext + `,` + ext + `]}]`), []string{
			`structure Patient.name[0].given: "given" and "_given" must have the same number of items, filled up with null: found 1 and 2`,
		}},
		{"null without a sibling", patient(`"name":[{"given":["a",null]}]`), []string{
			`structure Patient.name[0].given[1]: null stands for a value with extensions: "_given" must have them at the same place`,
		}},
		{"null beside null", patient(`"name":[{"given":[null],"_given":[null]}]`), []string{
			`structure Patient.name[0].given[0]: null stands for a value with extensions: "_given" must have them at the same place`,
		}},
		{"null beside an id", patient(`"name":[{"given":[null],"_given":[{"id":"a"}]}]`), []string{
			`structure Patient.name[0].given[0]: null stands for a value with extensions: "_given" must have them at the same place`,
		}},
		{"null without values", patient(`"name":[{"_given":[null,` + ext + `]}]`), []string{
			`structure Patient.name[0].given[0]: null aligns id and extensions with values: "given" must have one at the same place`,
		}},
		{"narrative", patient(`"text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>","_div":` + ext + `}`), []string{
			"structure Patient.text.div.extension: xhtml.extension must not be present here (0..0)",
		}},
	})
}

func TestExtensions(t *testing.T) {
	checkRules(t, []rule{
		{"value", patient(`"extension":[{"url":"http://example.org/x","valueString":"a"}]`), nil},
		{"nested", patient(`"extension":[{"url":"http://example.org/x","extension":[{"url":"a","valueString":"a"}]}]`), nil},
		{"value by extension", patient(`"extension":[{"url":"u","_valueString":{"extension":[{"url":"u","valueCode":"x"}]}}]`), nil},
		{"no url", patient(`"extension":[{"valueString":"a"}]`), []string{"required Patient.extension[0].url: Extension.url is required (1..1)"}},
		{"nothing", patient(`"modifierExtension":[{"url":"http://example.org/x"}]`), []string{
			"invariant Patient.modifierExtension[0]: an extension must have either a value or extensions, not both and not none (ext-1)",
		}},
		{"both", patient(`"extension":[{"url":"http://example.org/x","valueString":"a","extension":[{"url":"a","valueString":"a"}]}]`), []string{
			"invariant Patient.extension[0]: an extension must have either a value or extensions, not both and not none (ext-1)",
		}},
		{"unknown value", patient(`"extension":[{"url":"http://example.org/x","value":"a"}]`), []string{
			`structure Patient.extension[0].value: Extension.value[x] is a choice: the name must carry the type, as in "valueBase64Binary"`,
		}},
		{"misspelt", patient(`"extension":[{"url":"http://example.org/x","valuString":"a"}]`), []string{
			`structure Patient.extension[0].valuString: unknown element "valuString" in Extension; did you mean "valueString"?`,
		}},
		{"in an extension's value", patient(`"extension":[{"url":"u","valueReference":{"reference":"Nowhere/1"}}]`), []string{
			"value Patient.extension[0].value.ofType(Reference).reference: a relative reference must begin with a resource type of FHIR",
		}},
		{"modifier in a data type", patient(`"name":[{"text":"x","modifierExtension":[{"url":"u","valueCode":"x"}]}]`), []string{
			`structure Patient.name[0].modifierExtension: unknown element "modifierExtension" in HumanName`,
		}},
	})
}

func TestBindings(t *testing.T) {
	const gender = "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1: male, female, other, unknown"
	const clinical = "http://hl7.org/fhir/ValueSet/condition-clinical|4.0.1: active, recurrence, relapse, inactive, remission, resolved"
	condition := func(status string) string {
		return `{"resourceType":"Condition","subject":{"display":"x"},"clinicalStatus":` + status + `}`
	}
	checkRules(t, []rule{
		{"code", patient(`"gender":"female"`), nil},
		{"other code", patient(`"gender":"femal"`), []string{
			`code-invalid Patient.gender: Patient.gender must be a code of the value set ` + gender + `; did you mean "female"?`,
		}},
		{"other case", patient(`"gender":"Male"`), []string{
			`code-invalid Patient.gender: Patient.gender must be a code of the value set ` + gender + `; did you mean "male"?`,
		}},
		{"code not formed well", patient(`"gender":" male"`), []string{
			"value Patient.gender: Patient.gender (code) must be without white space, but for single spaces between words",
		}},
		{"many codes", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"valeu"}]}`, []string{
			`code-invalid OperationOutcome.issue[0].code: OperationOutcome.issue.code must be a code of the value set http://hl7.org/fhir/ValueSet/issue-type|4.0.1; did you mean "value"?`,
		}},
		{"nested codes", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"business-rule"}]}`, nil},
		{"value set not carried", observation(`"valueQuantity":{"value":1},"extension":[{"url":"u","valueMoney":{"currency":"NOPE"}},{"url":"u","valueAttachment":{"contentType":"nope"}}]`), nil},
		{"not required", `{"resourceType":"Patient","language":"nope"}`, nil},
		{"concept", condition(`{"coding":[{"system":"http://example.org","code":"x"},{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]}`), nil},
		{"concept of another system", condition(`{"coding":[{"system":"http://example.org","code":"active"}]}`), []string{
			"code-invalid Condition.clinicalStatus: Condition.clinicalStatus must have a coding of the value set " + clinical + ", with its system",
		}},
		{"concept without system", condition(`{"coding":[{"code":"active"}]}`), []string{
			"code-invalid Condition.clinicalStatus: Condition.clinicalStatus must have a coding of the value set " + clinical + ", with its system",
		}},
		{"concept of text", condition(`{"text":"active"}`), []string{
			"code-invalid Condition.clinicalStatus: Condition.clinicalStatus must have a coding of the value set " + clinical + ", with its system",
		}},
		{"concept of extensions", condition(`{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}`), nil},
	})
}

func TestResources(t *testing.T) {
	checkRules(t, []rule{
		{"no object", `[]`, []string{"structure Resource: a resource must be an object, found an array"}},
		{"no type", `{"id":"a"}`, []string{"structure Resource: a resource must have a resourceType that names its type"}},
		{"type of another kind", `{"resourceType":1}`, []string{"structure Resource: a resource must have a resourceType that names its type"}},
		{"unknown type", `{"resourceType":"Patiant"}`, []string{
			`structure Resource.resourceType: resourceType must name a resource type of FHIR 4.0.1; did you mean "Patient"?`,
		}},
		{"abstract type", `{"resourceType":"DomainResource"}`, []string{
			"structure Resource.resourceType: resourceType must name a resource type of FHIR 4.0.1",
		}},
		{"data type", `{"resourceType":"HumanName"}`, []string{"structure Resource.resourceType: resourceType must name a resource type of FHIR 4.0.1"}},
		{"alone", `{"resourceType":"Patient"}`, nil},
		{"type not first", `{"active":true,"resourceType":"Patient"}`, nil},
		{"in a Bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient"}},{"resource":{"resourceType":"Observation","status":"x"}}]}`, []string{
			"code-invalid Bundle.entry[1].resource.status: Observation.status must be a code of the value set http://hl7.org/fhir/ValueSet/observation-status|4.0.1: " +
				"registered, preliminary, final, amended, corrected, cancelled, entered-in-error, unknown",
			"required Bundle.entry[1].resource.code: Observation.code is required (1..1)",
		}},
		{"without type in a Bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"id":"a"}},{"resource":"x"},{"resource":{}}]}`, []string{
			"structure Bundle.entry[0].resource: a resource must have a resourceType that names its type",
			"structure Bundle.entry[1].resource: Bundle.entry.resource must be an object (Resource), found a string",
			"structure Bundle.entry[2].resource: a resource must have a resourceType that names its type",
		}},
		{"in Parameters", `{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","resource":{"resourceType":"Patient","gender":1}}]}]}`, []string{
			"structure Parameters.parameter[0].part[0].resource.gender: Patient.gender (code) must be a string, found a number",
		}},
		{"contained", patient(`"contained":[{"resourceType":"Organization","id":"a","nmae":"x"}]`), []string{
			`structure Patient.contained[0].nmae: unknown element "nmae" in Organization; did you mean "name"?`,
		}},
		{"contained in contained", patient(`"contained":[{"resourceType":"Organization","id":"a","contained":[{"resourceType":"Organization","id":"b"}]}]`), []string{
			"invariant Patient.contained[0].contained: contained resources must not contain resources (dom-2)",
		}},
		{"contained in a Bundle that is contained", patient(`"contained":[{"resourceType":"Bundle","type":"collection","entry":[{"resource":` +
			patient(`"contained":[{"resourceType":"Organization","id":"a"}],"managingOrganization":{"reference":"#a"}`) + `}]}]`), nil},
		{"same id twice", patient(`"contained":[{"resourceType":"Organization","id":"a"},{"resourceType":"Patient","id":"b"},{"resourceType":"Practitioner","id":"\u0061"}]`), []string{
			"structure Patient.contained[2].id: ids of contained resources must be unique within their container",
		}},
		{"same id in two containers", `{"resourceType":"Bundle","type":"collection","entry":[` +
			`{"resource":` + patient(`"contained":[{"resourceType":"Organization","id":"a"}]`) + `},` +
			`{"resource":` + patient(`"contained":[{"resourceType":"Organization","id":"a"}]`) + `}]}`, nil},
		{"many contained", patient(`"contained":[` + many(40, `{"resourceType":"Organization","id":"o%d"}`) + `,{"resourceType":"Patient","id":"o3"}],` +
			`"generalPractitioner":[{"reference":"#o0"},{"reference":"#o39"},{"reference":"#o40"}]`), []string{
			"structure Patient.contained[40].id: ids of contained resources must be unique within their container",
			"invariant Patient.generalPractitioner[2].reference: a reference that begins with # must be to a contained resource of the same resource (ref-1)",
		}},
		{"no Bundle contains", `{"resourceType":"Bundle","type":"collection","contained":[{"resourceType":"Patient"}]}`, []string{
			`structure Bundle.contained: unknown element "contained" in Bundle`,
		}},
	})
}

// many repeats a format with numbers from 0, with commas between.
func many(n int, format string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(list, ",")
}

func TestReferences(t *testing.T) {
	const wrong = "value Observation.subject.reference: Observation.subject must point to Patient, Group, Device, Location, not to Organization"
	const form = "value Observation.subject.reference: a literal reference must be Type/id, an absolute URL or #id, without white space"
	subject := func(reference string) string { return observation(`"subject":{"reference":"` + reference + `"}`) }
	checkRules(t, []rule{
		{"relative", subject("Patient/1"), nil},
		{"of a version", subject("Patient/1/_history/2"), nil},
		{"absolute", subject("https://example.org/fhir/Group/1"), nil},
		{"urn", subject("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"), nil},
		{"some URL", subject("http://example.org/people?name=Organization/1"), nil},
		{"URL of no FHIR server", subject("http://example.org/Chicken/1"), nil},
		{"conditional", subject("Patient?identifier=http://example.org|1"), nil},
		{"escaped", subject(`Patient\/1`), nil},
		{"wrong type", subject("Organization/1"), []string{wrong}},
		{"wrong type, version", subject("Organization/1/_history/2"), []string{wrong}},
		{"wrong type, absolute", subject("http://example.org/fhir/Organization/1"), []string{wrong}},
		{"wrong type, conditional", subject("Organization?identifier=1"), []string{wrong}},
		{"unknown type", subject("Patinet/1"), []string{
			`value Observation.subject.reference: a relative reference must begin with a resource type of FHIR; did you mean "Patient"?`,
		}},
		{"unknown type, conditional", subject("patient?identifier=1"), []string{
			`value Observation.subject.reference: a relative reference must begin with a resource type of FHIR; did you mean "Patient"?`,
		}},
		{"no id", subject("Patient"), []string{form}},
		{"bad id", subject("Patient/a_b"), []string{form}},
		{"path before", subject("fhir/Patient/1"), []string{form}},
		{"white space", subject("Patient/1 "), []string{form}},
		{"empty", subject(""), []string{"structure Observation.subject.reference: a string must not be empty: leave the element out"}},
		{"any type", observation(`"focus":[{"reference":"Organization/1"}]`), nil},
		{"identifier only", observation(`"subject":{"identifier":{"value":"1"},"type":"Patient"}`), nil},

		{"contained", observation(`"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}`), nil},
		{"contained of wrong type", observation(`"contained":[{"resourceType":"Organization","id":"p"}],"subject":{"reference":"#p"}`), []string{wrong}},
		{"contained of unknown type", observation(`"contained":[{"resourceType":"Pat","id":"p"}],"subject":{"reference":"#p"}`), []string{
			`structure Observation.contained[0].resourceType: resourceType must name a resource type of FHIR 4.0.1; did you mean "Patient"?`,
		}},
		{"not contained", observation(`"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#q"}`), []string{
			"invariant Observation.subject.reference: a reference that begins with # must be to a contained resource of the same resource (ref-1)",
		}},
		{"contained in another entry", `{"resourceType":"Bundle","type":"collection","entry":[` +
			`{"resource":` + patient(`"contained":[{"resourceType":"Organization","id":"a"}]`) + `},` +
			`{"resource":` + patient(`"managingOrganization":{"reference":"#a"}`) + `}]}`, []string{
			"invariant Bundle.entry[1].resource.managingOrganization.reference: a reference that begins with # must be to a contained resource of the same resource (ref-1)",
		}},
		{"from contained to contained", patient(`"contained":[{"resourceType":"Organization","id":"a","partOf":{"reference":"#b"}},{"resourceType":"Organization","id":"b"}]`), nil},
		{"from contained to container", patient(`"contained":[{"resourceType":"Provenance","id":"a","target":[{"reference":"#"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"reference":"#"}}]}]`), nil},
		{"container of wrong type", observation(`"contained":[{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"#"}}]`), []string{
			"value Observation.contained[0].managingOrganization.reference: Patient.managingOrganization must point to Organization, not to Observation",
		}},
		{"canonical", `{"resourceType":"QuestionnaireResponse","status":"completed","contained":[{"resourceType":"Questionnaire","id":"q","status":"draft"}],"questionnaire":"#q"}`, nil},
		{"canonical not contained", `{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q"}`, []string{
			"invariant QuestionnaireResponse.questionnaire: a reference that begins with # must be to a contained resource of the same resource (ref-1)",
		}},
		{"canonical of wrong type", `{"resourceType":"QuestionnaireResponse","status":"completed","contained":[{"resourceType":"Patient","id":"q"}],"questionnaire":"#q"}`, []string{
			"value QuestionnaireResponse.questionnaire: QuestionnaireResponse.questionnaire must point to Questionnaire, not to Patient",
		}},

		{"type agrees", observation(`"subject":{"reference":"Patient/1","type":"Patient"}`), nil},
		{"type as URL agrees", observation(`"subject":{"reference":"Patient/1","type":"http://hl7.org/fhir/StructureDefinition/Patient"}`), nil},
		{"type of a logical model", observation(`"subject":{"identifier":{"value":"1"},"type":"http://example.org/model"}`), nil},
		{"type differs", observation(`"subject":{"reference":"Patient/1","type":"Group"}`), []string{
			"value Observation.subject.type: Reference.type must be the type that the reference points to, Patient",
		}},
		{"type differs from contained", observation(`"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p","type":"Group"}`), []string{
			"value Observation.subject.type: Reference.type must be the type that the reference points to, Patient",
		}},
		{"type not allowed", observation(`"subject":{"reference":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0","type":"Organization"}`), []string{
			"value Observation.subject.type: Observation.subject must point to Patient, Group, Device, Location, not to Organization",
		}},
		{"type unknown", observation(`"subject":{"display":"x","type":"patient"}`), []string{
			`value Observation.subject.type: Reference.type must name a resource type of FHIR; did you mean "Patient"?`,
		}},
	})
}

func TestNarrative(t *testing.T) {
	div := func(content string) string {
		return patient(`"text":{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'>` + content + `</div>"}`)
	}
	const hidden = "security Patient.text.div: a narrative must not have CDATA sections, nor comments that begin with > or ->: HTML reads them as markup"
	checkRules(t, []rule{
		{"text", div("x"), nil},
		{"formatting", div(`<h1 id=\"a\">x</h1><table class='grid' border='1'><tr><td colspan='2' style='color: red'><b>x</b><br/></td></tr></table>`), nil},
		{"links and images", div(`<a href='http://example.org/x?a=1&amp;b=2'>x</a><a name='x'/><img src='data:image/png;base64,AAAA' alt='x'/><a href='#x:y'/>`), nil},
		{"language and comment", div(`<p xml:lang='de' dir='ltr'>x</p><!-- <script> -->`), nil},
		{"script", div(`<script>alert(1)</script>`), []string{`invariant Patient.text.div: element "script" is not allowed in a narrative (txt-1)`}},
		{"form", div(`<form><input/></form>`), []string{`invariant Patient.text.div: element "form" is not allowed in a narrative (txt-1)`}},
		{"upper case", div(`<P>x</P>`), []string{`invariant Patient.text.div: element "P" is not allowed in a narrative (txt-1)`}},
		{"foreign namespace", div(`<p xmlns='http://www.w3.org/2000/svg'/>`), []string{`invariant Patient.text.div: element "p" is not allowed in a narrative (txt-1)`}},
		{"event", div(`<p onclick='alert(1)'>x</p>`), []string{`invariant Patient.text.div: attribute "onclick" is not allowed in a narrative (txt-1)`}},
		{"script in a link", div(`<a href=' Java&#9;Script:alert(1)'>x</a>`), []string{`invariant Patient.text.div: attribute "href" must not hold a script (txt-1)`}},
		{"data in a link", div(`<a href='data:text/html,x'>x</a>`), []string{`invariant Patient.text.div: attribute "href" must not hold a script (txt-1)`}},
		{"hidden in CDATA", div(`<![CDATA[><script>alert(1)</script>]]>`), []string{hidden}},
		{"hidden in a comment", div(`<!--><script>alert(1)</script>-->`), []string{hidden}},
		{"hidden in another comment", div(`<!--a--><!---><script>alert(1)</script>-->`), []string{hidden}},
		{"not closed", div(`<p>x`), []string{`structure Patient.text.div: a narrative must be one well-formed div of XHTML: element "p" is closed as "div"`}},
		{"HTML entity", div(`a&nbsp;b`), []string{
			"structure Patient.text.div: a narrative must be one well-formed div of XHTML: '&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;",
		}},
		{"no div", patient(`"text":{"status":"generated","div":"x"}`), []string{
			"structure Patient.text.div: a narrative must be one well-formed div of XHTML: a narrative must be one div element",
		}},
		{"no namespace", patient(`"text":{"status":"generated","div":"<div>x</div>"}`), []string{
			"structure Patient.text.div: a narrative must be one well-formed div of XHTML: a narrative must be in the namespace http://www.w3.org/1999/xhtml",
		}},
	})
}
