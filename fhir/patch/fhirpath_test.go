package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir/patch"
)

// parameters joins operations, each the JSON of its parts, to a Parameters resource.
func parameters(operations ...string) string {
	for i, parts := range operations {
		operations[i] = `{"name":"operation","part":[` + parts + `]}`
	}
	return `{"resourceType":"Parameters","parameter":[` + strings.Join(operations, ",") + `]}`
}

// kindAndPath are the parts that all operations have.
func kindAndPath(kind, path string) string {
	return fmt.Sprintf(`{"name":"type","valueCode":%q},{"name":"path","valueString":%q}`, kind, path)
}

func add(path, name, value string) string {
	return kindAndPath("add", path) + fmt.Sprintf(`,{"name":"name","valueString":%q},{"name":"value",%s}`, name, value)
}

func insert(path string, index int, value string) string {
	return kindAndPath("insert", path) + fmt.Sprintf(`,{"name":"index","valueInteger":%d},{"name":"value",%s}`, index, value)
}

func remove(path string) string { return kindAndPath("delete", path) }

func replace(path, value string) string {
	return kindAndPath("replace", path) + fmt.Sprintf(`,{"name":"value",%s}`, value)
}

func move(path string, source, destination int) string {
	return kindAndPath("move", path) + fmt.Sprintf(`,{"name":"source","valueInteger":%d},{"name":"destination","valueInteger":%d}`, source, destination)
}

const (
	birth    = `{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b","extension":[{"url":"u","valueCode":"c"},{"url":"v","valueCode":"d"}]}}`
	given    = `{"resourceType":"Patient","name":[{"given":["A",null,"C"],"_given":[null,{"id":"b"},{"id":"c"}]}]}`
	quantity = `{"resourceType":"Observation","id":"o", "valueQuantity" : {"value":1.50,"unit":"kg"}, "status":"final"}`
	nested   = `{"resourceType":"Patient","contact":[{"gender":"male"}],"active":true}`
	holder   = `{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"A"}],"managingOrganization":{"reference":"#o"}}`
)

// patchCase has the exact bytes of a result, or the error as "code: diagnostics".
type patchCase struct{ name, resource, patch, want string }

func checkPatches(t *testing.T, tests []patchCase) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := patch.FHIRPath(resource(t, test.resource), parse(t, test.patch), definitions(t))
			checkResult(t, test.want, got, err)
		})
	}
}

// TestFHIRPathAdd adds nothing, elements, items of lists, and values with their companions.
func TestFHIRPathAdd(t *testing.T) {
	checkPatches(t, []patchCase{
		{"no parameters", "{\"resourceType\" : \"Patient\" }", `{"resourceType":"Parameters"}`, "{\"resourceType\" : \"Patient\" }"},
		{"no operations", nested, parameters(), nested},

		{"add", "{\"resourceType\":\"Patient\",\n \"active\": true\n}", parameters(add("Patient", "birthDate", `"valueDate":"1970"`)),
			"{\"resourceType\":\"Patient\",\n \"active\": true,\n \"birthDate\":\"1970\"\n}"},
		{"add to a path without type", nested, parameters(add("contact", "gender2", `"valueCode":"x"`)), `value: operation 0 (add contact): Patient.contact has no element "gender2"`},
		{"add keeps digits", `{"resourceType":"Observation"}`, parameters(add("Observation", "value", `"valueQuantity":{ "value" : 1.500 }`)),
			`{"resourceType":"Observation","valueQuantity":{ "value" : 1.500 }}`},
		{"add choice of primitive", `{"resourceType":"Observation"}`, parameters(add("Observation", "effective", `"valueDateTime":"2020","_valueDateTime":{"id":"e"}`)),
			`{"resourceType":"Observation","effectiveDateTime":"2020","_effectiveDateTime":{"id":"e"}}`},
		{"add choice by its name in JSON", `{"resourceType":"Observation"}`, parameters(add("Observation", "effectivePeriod", `"valuePeriod":{"start":"2020"}`)),
			`{"resourceType":"Observation","effectivePeriod":{"start":"2020"}}`},
		{"add companion only", `{"resourceType":"Patient"}`, parameters(add("Patient", "birthDate", `"_valueDate":{"extension":[{"url":"u","valueCode":"unknown"}]}`)),
			`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"u","valueCode":"unknown"}]}}`},
		{"add creates a list", `{"resourceType":"Patient"}`, parameters(add("Patient", "name", `"valueHumanName":{"text":"a"}`)),
			`{"resourceType":"Patient","name":[{"text":"a"}]}`},
		{"add extends a list", `{"resourceType":"Patient","name":[ {"text":"a"} ]}`, parameters(add("Patient", "name", `"valueHumanName":{"text":"b"}`)),
			`{"resourceType":"Patient","name":[ {"text":"a"}, {"text":"b"} ]}`},
		{"add primitive to a list", given, parameters(add("Patient.name", "given", `"valueString":"D"`)),
			`{"resourceType":"Patient","name":[{"given":["A",null,"C","D"],"_given":[null,{"id":"b"},{"id":"c"},null]}]}`},
		{"add companion to a list of values", `{"resourceType":"Patient","name":[{"given":["A"]}]}`, parameters(add("Patient.name[0]", "given", `"valueString":"B","_valueString":{"id":"b"}`)),
			`{"resourceType":"Patient","name":[{"given":["A","B"],"_given":[null,{"id":"b"}]}]}`},
		{"add value to a list of companions", `{"resourceType":"Patient","name":[{"_given":[{"id":"a"}]}]}`, parameters(add("Patient.name[0]", "given", `"valueString":"B"`)),
			`{"resourceType":"Patient","name":[{"_given":[{"id":"a"},null],"given":[null,"B"]}]}`},
		{"add extension to a primitive", `{"resourceType":"Patient","birthDate":"1970","active":true}`, parameters(add("Patient.birthDate", "extension", `"valueString":"x"`)),
			`value: operation 0 (add Patient.birthDate): date.extension is Extension, not string`},
		{"add extension as parts to a primitive", `{"resourceType":"Patient","birthDate":"1970","active":true}`,
			parameters(add("Patient.birthDate", "extension", `"part":[{"name":"url","valueUri":"u"},{"name":"value","valueCode":"c"}]`)),
			`{"resourceType":"Patient","birthDate":"1970","_birthDate":{"extension":[{"url":"u","valueCode":"c"}]},"active":true}`},
		{"add extension to a primitive that has some", birth, parameters(add("Patient.birthDate", "extension", `"valueExtension":{"url":"w"}`)),
			`structure: operation 0 (add Patient.birthDate): the part of a value has one of value[x], resource and part, and nothing else`},
		{"add extension to a primitive with companion", `{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b"}}`,
			parameters(add("Patient.birthDate", "extension", `"part":[{"name":"url","valueUri":"u"}]`)),
			`{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b","extension":[{"url":"u"}]}}`},
		{"add id to a primitive in a list", given, parameters(add("Patient.name.given[0]", "id", `"valueString":"a"`)),
			`{"resourceType":"Patient","name":[{"given":["A",null,"C"],"_given":[{"id":"a"},{"id":"b"},{"id":"c"}]}]}`},
		{"add extension to a primitive without value", given, parameters(add("Patient.name.given[1]", "extension", `"part":[{"name":"url","valueUri":"u"}]`)),
			`{"resourceType":"Patient","name":[{"given":["A",null,"C"],"_given":[null,{"id":"b","extension":[{"url":"u"}]},{"id":"c"}]}]}`},
		{"add anonymous", `{"resourceType":"Observation"}`, parameters(add("Observation", "component", `"part":[{"name":"code","valueCodeableConcept":{"text":"c"}},{"name":"value","valueQuantity":{"value":1.0}},`+
			`{"name":"interpretation","valueCodeableConcept":{"text":"i"}},{"name":"interpretation","valueCodeableConcept":{"text":"j"}},`+
			`{"name":"referenceRange","part":[{"name":"low","valueQuantity":{"value":2.0}},{"name":"text","valueString":"t"}]}]`)),
			`{"resourceType":"Observation","component":[{"code":{"text":"c"},"valueQuantity":{"value":1.0},"interpretation":[{"text":"i"},{"text":"j"}],"referenceRange":[{"low":{"value":2.0},"text":"t"}]}]}`},
		{"add parts of a named type", `{"resourceType":"Patient"}`, parameters(add("Patient", "name", `"part":[{"name":"given","valueString":"A"},{"name":"given","_valueString":{"id":"b"}},{"name":"id","valueString":"n"}]`)),
			`{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{"id":"b"}],"id":"n"}]}`},
		{"add a narrative", `{"resourceType":"Patient"}`, parameters(add("Patient", "text", `"part":[{"name":"status","valueCode":"generated"},{"name":"div","valueString":"<div/>"}]`)),
			`{"resourceType":"Patient","text":{"status":"generated","div":"<div/>"}}`},
		{"add a contained resource", `{"resourceType":"Patient"}`, parameters(add("Patient", "contained", `"resource":{"resourceType":"Organization","id":"o", "x":1}`)),
			`{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o", "x":1}]}`},
		{"add to a contained resource", holder, parameters(add("Patient.contained[0]", "active", `"valueBoolean":true`)), strings.Replace(holder, `"A"}`, `"A","active":true}`, 1)},
		{"add through resolve", holder, parameters(add("Patient.managingOrganization.resolve()", "active", `"valueBoolean":true`)), strings.Replace(holder, `"A"}`, `"A","active":true}`, 1)},
		{"add to an entry's resource", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}}]}`, parameters(add("Bundle.entry[0].resource", "active", `"valueBoolean":true`)),
			`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","active":true}}]}`},
	})
}

// TestFHIRPathChange inserts, deletes, replaces and moves.
func TestFHIRPathChange(t *testing.T) {
	checkPatches(t, []patchCase{
		{"insert at the front", `{"resourceType":"Patient","name":[ {"text":"a"} ]}`, parameters(insert("Patient.name", 0, `"valueHumanName":{"text":"b"}`)),
			`{"resourceType":"Patient","name":[ {"text":"b"}, {"text":"a"} ]}`},
		{"insert at the end", `{"resourceType":"Patient","name":[{"text":"a"}]}`, parameters(insert("Patient.name", 1, `"valueHumanName":{"text":"b"}`)),
			`{"resourceType":"Patient","name":[{"text":"a"},{"text":"b"}]}`},
		{"insert primitive", given, parameters(insert("Patient.name[0].given", 1, `"valueString":"X"`)),
			`{"resourceType":"Patient","name":[{"given":["A","X",null,"C"],"_given":[null,null,{"id":"b"},{"id":"c"}]}]}`},
		{"insert anonymous", nested, parameters(insert("Patient.contact", 0, `"part":[{"name":"gender","valueCode":"female"}]`)),
			`{"resourceType":"Patient","contact":[{"gender":"female"},{"gender":"male"}],"active":true}`},

		{"delete", nested, parameters(remove("Patient.active")), `{"resourceType":"Patient","contact":[{"gender":"male"}]}`},
		{"delete what empties its parents", nested, parameters(remove("Patient.contact[0].gender")), `{"resourceType":"Patient","active":true}`},
		{"delete what empties an item", `{"resourceType":"Patient","contact":[{"gender":"male"},{"name":{"text":"a"}}]}`, parameters(remove("Patient.contact.name.text")),
			`{"resourceType":"Patient","contact":[{"gender":"male"}]}`},
		{"delete nothing", nested, parameters(remove("Patient.birthDate"), remove("Patient.contact[1]")), nested},
		{"delete choice", quantity, parameters(remove("Observation.value")), `{"resourceType":"Observation","id":"o", "status":"final"}`},
		{"delete in a choice", quantity, parameters(remove("Observation.value.ofType(Quantity).unit")), `{"resourceType":"Observation","id":"o", "valueQuantity" : {"value":1.50}, "status":"final"}`},
		{"delete primitive with companion", birth, parameters(remove("Patient.birthDate")), `{"resourceType":"Patient"}`},
		{"delete primitive without value", `{"resourceType":"Patient","_birthDate":{"id":"b"}}`, parameters(remove("Patient.birthDate")), `{"resourceType":"Patient"}`},
		{"delete extension of a primitive", birth, parameters(remove("Patient.birthDate.extension[0]")),
			`{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b","extension":[{"url":"v","valueCode":"d"}]}}`},
		{"delete all of a companion", birth, parameters(remove("Patient.birthDate.extension('u')"), remove("Patient.birthDate.extension('v')"), remove("Patient.birthDate.id")),
			`{"resourceType":"Patient","birthDate":"1970"}`},
		{"delete the only child of a primitive without value", `{"resourceType":"Patient","contact":[{"_gender":{"id":"g"}}]}`, parameters(remove("Patient.contact.gender.id")), `{"resourceType":"Patient"}`},
		{"delete item with value", given, parameters(remove("Patient.name.given[0]")), `{"resourceType":"Patient","name":[{"given":[null,"C"],"_given":[{"id":"b"},{"id":"c"}]}]}`},
		{"delete item without value", given, parameters(remove("Patient.name.given[1]")), `{"resourceType":"Patient","name":[{"given":["A","C"],"_given":[null,{"id":"c"}]}]}`},
		{"delete id of items", given, parameters(remove("Patient.name.given[2].id"), remove("Patient.name.given[1].id")), `{"resourceType":"Patient","name":[{"given":["A","C"]}]}`},
		{"delete items", given, parameters(remove("Patient.name.given[2]"), remove("Patient.name.given[0]"), remove("Patient.name.given[0].id")), `{"resourceType":"Patient"}`},
		{"delete where", `{"resourceType":"Patient","name":[{"use":"usual"},{"use":"official"}]}`, parameters(remove("Patient.name.where(use = 'usual')")), `{"resourceType":"Patient","name":[{"use":"official"}]}`},

		{"replace keeps the layout", "{\"resourceType\":\"Patient\", \"birthDate\" :\t\"1970\" }", parameters(replace("Patient.birthDate", `"valueDate":"1980"`)), "{\"resourceType\":\"Patient\", \"birthDate\" :\t\"1980\" }"},
		{"replace the whole primitive", birth, parameters(replace("Patient.birthDate", `"valueDate":"1980","_valueDate":{"id":"c"}`)), `{"resourceType":"Patient","birthDate":"1980","_birthDate":{"id":"c"}}`},
		{"replace without companion", birth, parameters(replace("Patient.birthDate", `"valueDate":"1980"`)), `{"resourceType":"Patient","birthDate":"1980"}`},
		{"replace by another type of the choice", quantity, parameters(replace("Observation.value", `"valueString":"x"`)), `{"resourceType":"Observation","id":"o", "valueString":"x", "status":"final"}`},
		{"replace by another primitive of the choice", `{"resourceType":"Patient","deceasedBoolean":true,"_deceasedBoolean":{"id":"d"},"active":true}`,
			parameters(replace("Patient.deceased", `"valueDateTime":"2020","_valueDateTime":{"id":"e"}`)), `{"resourceType":"Patient","deceasedDateTime":"2020","_deceasedDateTime":{"id":"e"},"active":true}`},
		{"replace item", `{"resourceType":"Patient","name":[ {"text":"a"},{"text":"b"} ]}`, parameters(replace("Patient.name[1]", `"valueHumanName":{"text":"c"}`)), `{"resourceType":"Patient","name":[ {"text":"a"},{"text":"c"} ]}`},
		{"replace primitive item", given, parameters(replace("Patient.name.given[1]", `"valueString":"B"`)), `{"resourceType":"Patient","name":[{"given":["A","B","C"],"_given":[null,null,{"id":"c"}]}]}`},
		{"replace anonymous", nested, parameters(replace("Patient.contact[0]", `"part":[{"name":"gender","valueCode":"female"}]`)), `{"resourceType":"Patient","contact":[{"gender":"female"}],"active":true}`},
		{"replace value of an extension", `{"resourceType":"Patient","extension":[{"url":"u","valueCode":"c"}]}`, parameters(replace("Patient.extension.where(url='u').value", `"valueInteger":3`)),
			`{"resourceType":"Patient","extension":[{"url":"u","valueInteger":3}]}`},

		{"move to the end", `{"resourceType":"Patient","name":[{"id":"0"},{"id":"1"},{"id":"2"}]}`, parameters(move("Patient.name", 0, 2)), `{"resourceType":"Patient","name":[{"id":"1"},{"id":"2"},{"id":"0"}]}`},
		{"move primitives", given, parameters(move("Patient.name.given", 2, 0)), `{"resourceType":"Patient","name":[{"given":["C","A",null],"_given":[{"id":"c"},null,{"id":"b"}]}]}`},
		{"move in place", given, parameters(move("Patient.name.given", 1, 1)), given},
	})
}

// TestFHIRPathMalformed has what is wrong with the Parameters, with paths and with values.
func TestFHIRPathMalformed(t *testing.T) {
	checkPatches(t, []patchCase{
		{"not Parameters", nested, nested, `structure: a FHIRPath Patch is a Parameters resource`},
		{"parameter is no array", nested, `{"resourceType":"Parameters","parameter":{}}`, `structure: parameter is an array`},
		{"parameter of another name", nested, `{"resourceType":"Parameters","parameter":[{"name":"op"}]}`, `invalid: operation 0: the name of each parameter is "operation"`},
		{"no parts", nested, `{"resourceType":"Parameters","parameter":[{"name":"operation"}]}`, `structure: operation 0: an operation has an array of parts`},
		{"part without name", nested, parameters(`{"valueCode":"add"}`), `structure: operation 0: a part has a name`},
		{"part twice", nested, parameters(remove("Patient.active") + `,{"name":"type"}`), `invalid: operation 0: an operation has each part once`},
		{"type is missing", nested, parameters(`{"name":"path","valueString":"Patient"}`), `invalid: operation 0 (Patient): the part "type" is a valueCode: add, insert, delete, replace or move`},
		{"type is unknown", nested, parameters(kindAndPath("upsert", "Patient")), `invalid: operation 0 (upsert Patient): the part "type" is a valueCode: add, insert, delete, replace or move`},
		{"path is missing", nested, parameters(`{"name":"type","valueCode":"delete"}`), `required: operation 0 (delete): the part "path" is missing`},
		{"path is a code", nested, parameters(`{"name":"type","valueCode":"delete"},{"name":"path","valueCode":"Patient"}`), `value: operation 0 (delete): the part "path" is a valueString`},
		{"name is missing", nested, parameters(kindAndPath("add", "Patient") + `,{"name":"value","valueCode":"a"}`), `required: operation 0 (add Patient): the part "name" is missing`},
		{"value is missing", nested, parameters(kindAndPath("replace", "Patient.active")), `required: operation 0 (replace Patient.active): the part "value" is missing`},
		{"index is missing", nested, parameters(kindAndPath("insert", "Patient.contact") + `,{"name":"value","part":[]}`), `required: operation 0 (insert Patient.contact): the part "index" is missing`},
		{"index is negative", nested, parameters(insert("Patient.contact", -1, `"part":[]`)), `value: operation 0 (insert Patient.contact): the part "index" is a valueInteger that counts from 0`},
		{"a part too many", nested, parameters(add("Patient", "active", `"valueBoolean":true`) + `,{"name":"index","valueInteger":0}`), `invalid: operation 0 (add Patient): an operation has the parts "type", "path", "name", "value" and no other`},
		{"second operation is malformed", nested, parameters(remove("Patient.active"), kindAndPath("move", "Patient.name")), `required: operation 1 (move Patient.name): the part "source" is missing`},

		{"no FHIRPath", nested, parameters(remove("Patient..x")), `invalid: operation 0 (delete Patient..x): the path is not a FHIRPath expression for Patient: line 1, column 9: expected the name of an element or function, found "."`},
		{"element does not exist", nested, parameters(remove("Patient.birthdate")), `invalid: operation 0 (delete Patient.birthdate): the path is not a FHIRPath expression for Patient: line 1, column 9: Patient has no element birthdate`},
		{"path of another type", nested, parameters(remove("Observation.status")), `invalid: operation 0 (delete Observation.status): the path is not a FHIRPath expression for Patient: line 1, column 1: the expression is evaluated on Patient, not on Observation`},
		{"texts are not repeated", nested, parameters(replace("Patient.name.where(family = 'Ka\\'hlo')", `"valueHumanName":{"text":"b"}`)), `processing: operation 0 (replace Patient.name.where(family = '...')): no element matches the path`},
		{"path fails", nested, parameters(remove("Patient.contact.gender.combine('x').single()")),
			`processing: operation 0 (delete Patient.contact.gender.combine('...').single()): the path cannot be evaluated: line 1, column 37: expected one item, found 2`},
		{"path computes", nested, parameters(remove("Patient.active.not()")), `processing: operation 0 (delete Patient.active.not()): the path computes a value; it must lead to an element of the resource`},
		{"path to nothing", nested, parameters(add("Patient.name", "text", `"valueString":"a"`)), `processing: operation 0 (add Patient.name): no element matches the path`},
		{"path to several", given, parameters(remove("Patient.name.given")), `processing: operation 0 (delete Patient.name.given): the path matches 3 elements and must match one`},
		{"reference to elsewhere", `{"resourceType":"Patient","managingOrganization":{"reference":"Organization/1"}}`, parameters(add("Patient.managingOrganization.resolve()", "active", `"valueBoolean":true`)),
			`processing: operation 0 (add Patient.managingOrganization.resolve()): the path computes a value; it must lead to an element of the resource`},
		{"delete the resource", nested, parameters(remove("Patient")), `processing: operation 0 (delete Patient): the path leads to the resource itself; delete is for an element of it`},
		{"replace the resource", nested, parameters(replace("Patient", `"resource":{"resourceType":"Patient"}`)), `processing: operation 0 (replace Patient): the path leads to the resource itself; replace is for an element of it`},
		{"add what is there", nested, parameters(add("Patient", "active", `"valueBoolean":true`)), `processing: operation 0 (add Patient): Patient.active has a value already; replace changes it`},
		{"add what is there as another type", quantity, parameters(add("Observation", "value", `"valueString":"x"`)), `processing: operation 0 (add Observation): Observation.value[x] has a value already; replace changes it`},
		{"add what is there as companion", `{"resourceType":"Patient","_birthDate":{"id":"b"}}`, parameters(add("Patient", "birthDate", `"valueDate":"1970"`)), `processing: operation 0 (add Patient): Patient.birthDate has a value already; replace changes it`},
		{"one element twice", `{"resourceType":"Observation","component":[]}`, parameters(add("Observation", "component", `"part":[{"name":"code","valueCodeableConcept":{"text":"a"}},{"name":"code","valueCodeableConcept":{"text":"b"}}]`)),
			`processing: operation 0 (add Observation): Observation.component.code has a value already; replace changes it`},
		{"value of a wrong type", nested, parameters(add("Patient", "birthDate", `"valueString":"1970"`)), `value: operation 0 (add Patient): Patient.birthDate is date, not string`},
		{"type that the choice does not have", quantity, parameters(replace("Observation.value", `"valueUri":"x"`)),
			`value: operation 0 (replace Observation.value): Observation.value[x] is Quantity or CodeableConcept or string or boolean or integer or Range or Ratio or SampledData or time or dateTime or Period, not uri`},
		{"named type of a choice", quantity, parameters(add("Observation", "effectivePeriod", `"valueDateTime":"2020"`)), `value: operation 0 (add Observation): Observation.effective[x] is Period, not dateTime`},
		{"value for an anonymous type", nested, parameters(add("Patient", "contact", `"valueString":"x"`)), `value: operation 0 (add Patient): Patient.contact is an anonymous type, given as parts, not string`},
		{"parts for a primitive", nested, parameters(add("Patient", "birthDate", `"part":[{"name":"value","valueDate":"1970"}]`)), `value: operation 0 (add Patient): Patient.birthDate is date and cannot be given as parts`},
		{"parts for a choice", quantity, parameters(replace("Observation.value", `"part":[{"name":"value","valueDecimal":1}]`)),
			`value: operation 0 (replace Observation.value): Observation.value[x] is Quantity or CodeableConcept or string or boolean or integer or Range or Ratio or SampledData or time or dateTime or Period and cannot be given as parts`},
		{"no parts for an anonymous type", nested, parameters(add("Patient", "contact", `"part":[]`)), `structure: operation 0 (add Patient): part is an array that is not empty`},
		{"unknown element in parts", nested, parameters(add("Patient", "contact", `"part":[{"name":"sex","valueCode":"male"}]`)), `value: operation 0 (add Patient): Patient.contact has no element "sex"`},
		{"value of a primitive", nested, parameters(add("Patient.active", "value", `"valueBoolean":true`)), `value: operation 0 (add Patient.active): boolean has no element "value"`},
		{"resource where none goes", nested, parameters(add("Patient", "contact", `"resource":{"resourceType":"Patient"}`)), `value: operation 0 (add Patient): Patient.contact is an anonymous type, given as parts, not a resource`},
		{"resource of an unknown type", nested, parameters(add("Patient", "contained", `"resource":{"resourceType":"Person2"}`)), `value: operation 0 (add Patient): the resource is not one that Patient.contained takes`},
		{"value[x] twice", nested, parameters(replace("Patient.active", `"valueBoolean":true,"valueString":"a"`)), `structure: operation 0 (replace Patient.active): the part of a value has one of value[x], resource and part, and nothing else`},
		{"value and parts", nested, parameters(replace("Patient.active", `"valueBoolean":true,"part":[]`)), `structure: operation 0 (replace Patient.active): the part of a value has one of value[x], resource and part`},
		{"empty part", nested, parameters(replace("Patient.active", `"id":"x"`)), `structure: operation 0 (replace Patient.active): the part of a value has one of value[x], resource and part`},
		{"value is null", nested, parameters(replace("Patient.active", `"valueBoolean":null`)), `structure: operation 0 (replace Patient.active): the part of a value does not hold JSON of the type boolean`},
		{"value is an empty object", nested, parameters(add("Patient", "name", `"valueHumanName":{}`)), `structure: operation 0 (add Patient): the part of a value does not hold JSON of the type HumanName`},
		{"value is an array", nested, parameters(add("Patient", "name", `"valueHumanName":[{"text":"a"}]`)), `structure: operation 0 (add Patient): the part of a value does not hold JSON of the type HumanName`},
	})
}

// TestFHIRPathRefused has sound patches that the resource does not allow.
func TestFHIRPathRefused(t *testing.T) {
	checkPatches(t, []patchCase{
		{"insert beyond the end", nested, parameters(insert("Patient.contact", 2, `"part":[{"name":"gender","valueCode":"x"}]`)), `processing: operation 0 (insert Patient.contact): the index must not be greater than 1, the number of items`},
		{"insert into nothing", nested, parameters(insert("Patient.name", 0, `"valueHumanName":{"text":"a"}`)), `processing: operation 0 (insert Patient.name): no element matches the path`},
		{"insert into what does not repeat", nested, parameters(insert("Patient.active", 0, `"valueBoolean":true`)), `processing: operation 0 (insert Patient.active): the path must lead to the items of a list`},
		{"insert into the resource", nested, parameters(insert("Patient", 0, `"valueBoolean":true`)), `processing: operation 0 (insert Patient): the path must lead to the items of a list`},
		{"insert into a part of a list", given, parameters(insert("Patient.name.given.tail()", 0, `"valueString":"x"`)), `processing: operation 0 (insert Patient.name.given.tail()): the path must lead to all items of one list`},
		{"insert into two lists", `{"resourceType":"Patient","name":[{"given":["a"]},{"given":["b"]}]}`, parameters(insert("Patient.name.given", 0, `"valueString":"x"`)), `processing: operation 0 (insert Patient.name.given): the path must lead to all items of one list`},
		{"move from beyond the end", given, parameters(move("Patient.name.given", 3, 0)), `processing: operation 0 (move Patient.name.given): source and destination must be less than 3, the number of items`},
		{"move to beyond the end", given, parameters(move("Patient.name.given", 0, 3)), `processing: operation 0 (move Patient.name.given): source and destination must be less than 3, the number of items`},

		{"delete the id", quantity, parameters(remove("Observation.status"), remove("Observation.id")), `business-rule: operation 1 (delete Observation.id): id is immutable`},
		{"replace the id", quantity, parameters(replace("Observation.id", `"valueId":"x"`)), `business-rule: operation 0 (replace Observation.id): id is immutable`},
		{"replace the id by itself", quantity, parameters(replace("Observation.id", `"valueId":"o"`)), quantity},
		{"add an id", nested, parameters(add("Patient", "id", `"valueId":"x"`)), `business-rule: operation 0 (add Patient): id is immutable`},
		{"add a type", nested, parameters(add("Patient", "resourceType", `"valueString":"x"`)), `value: operation 0 (add Patient): Patient has no element "resourceType"`},
		{"unknown resource", `{"resourceType":"Foo"}`, parameters(remove("Foo")), `processing: the type of the resource is unknown`},
		{"list that is no array", `{"resourceType":"Patient","name":{"text":"a"}}`, parameters(add("Patient", "name", `"valueHumanName":{"text":"b"}`)), `processing: operation 0 (add Patient): Patient.name is not an array in the resource`},
		{"object that is none", `{"resourceType":"Patient","name":["a"]}`, parameters(add("Patient.name", "text", `"valueString":"b"`)), `processing: operation 0 (add Patient.name): the element is not what its definition says, so nothing can be added to it`},
	})
}

// TestFHIRPathExpression checks that an issue is about the place the path names.
func TestFHIRPathExpression(t *testing.T) {
	_, err := patch.FHIRPath(resource(t, nested), parse(t, parameters(remove("Patient.active"), replace("Patient.contact[1].gender", `"valueCode":"x"`))), definitions(t))
	if got, want := checkOutcome(t, err).Expression, "Patient.contact[1].gender"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFHIRPathBounds checks that a patch cannot ask for much.
func TestFHIRPathBounds(t *testing.T) {
	large := `{"resourceType":"Patient","name":[{"text":"` + strings.Repeat("x", 1<<20) + `"}]}`
	tests := []struct{ name, resource, patch, want string }{
		{"operations", nested, parameters(many(1001)...), `too-costly: the patch has 1001 operations; 1000 are allowed`},
		{"bytes", large, parameters(many(1000)...), `too-costly: operation 255 (delete Patient.active): the patch needs too much work; send it in parts`},
		{"steps", nested, parameters(remove("Patient.where(1.repeat($this + 1).exists())")),
			`too-costly: operation 0 (delete Patient.where(1.repeat($this + 1).exists())): line 1, column 17: the expression needs more steps than its budget allows`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := patch.FHIRPath(resource(t, test.resource), parse(t, test.patch), definitions(t))
			checkResult(t, test.want, got, err)
		})
	}
}

// many returns operations that do nothing.
func many(n int) []string {
	operations := make([]string, n)
	for i := range operations {
		operations[i] = remove("Patient.active")
	}
	return operations
}

// BenchmarkFHIRPath changes one value of a small resource.
func BenchmarkFHIRPath(b *testing.B) {
	defs := definitions(b)
	res, diff := resource(b, observation), parse(b, parameters(replace("Observation.value", `"valueQuantity":{"value":2.5}`)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := patch.FHIRPath(res, diff, defs); err != nil {
			b.Fatal(err)
		}
	}
}
