package xml_test

import (
	"testing"

	"github.com/firth-health/firth/fhir/xml"
)

// TestEncode writes JSON that says the same in another way than Decode would.
func TestEncode(t *testing.T) {
	tests := []struct{ name, json, xml string }{
		{"order of members", `{"_active":{"id":"a"},"name":[{"family":"F"}],"active":true,"id":"p","resourceType":"Patient"}`,
			patient + `<id value="p"/><active value="true" id="a"/><name><family value="F"/></name></Patient>`},
		{"escapes in names and values", `{"resourceType":"Patient","\u0061ctive":true,"id":"\u0061"}`, patient + `<id value="a"/><active value="true"/></Patient>`},
		{"null that aligns nothing", `{"resourceType":"Patient","name":[{"given":["A","B"],"_given":[null]},{"given":[null],"_given":[{"id":"a"}]}]}`,
			patient + `<name><given value="A"/><given value="B"/></name><name><given id="a"/></name></Patient>`},
		{"white space around a narrative", `{"resourceType":"Patient","text":{"div":" <div xmlns=\"` + xhtml + `\"/>\n"}}`,
			patient + `<text><div xmlns="` + xhtml + `"/></text></Patient>`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			encoded, err := xml.Encode(nil, parse(t, []byte(test.json)), definitions(t))
			if want := header + test.xml; err != nil || string(encoded) != want {
				t.Errorf("%v\n got %s\nwant %s", err, encoded, want)
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	tests := []struct{ name, json, want string }{
		{"array", `[]`, "XML cannot carry anything but a resource of a known type here"},
		{"no type", `{}`, "XML cannot carry anything but a resource of a known type here"},
		{"unknown type", `{"resourceType":"Martian"}`, "XML cannot carry anything but a resource of a known type here"},
		{"abstract type", `{"resourceType":"Resource"}`, "XML cannot carry anything but a resource of a known type here"},
		{"data type contained", `{"resourceType":"Patient","contained":[{"resourceType":"HumanName"}]}`,
			"Patient.contained[0]: XML cannot carry anything but a resource of a known type here"},
		{"unknown element", `{"resourceType":"Patient","contact":[{"name":{"nick":"N"}}]}`, `Patient.contact[0].name: XML cannot carry the unknown element "nick"`},
		{"unknown companion", `{"resourceType":"Patient","_nick":{}}`, `Patient: XML cannot carry the unknown element "_nick"`},
		{"comments", `{"resourceType":"Patient","fhir_comments":["c"]}`, `Patient: XML cannot carry the unknown element "fhir_comments"`},
		{"choice without type", `{"resourceType":"Patient","deceased":true}`, `Patient: XML cannot carry the unknown element "deceased"`},
		{"type within a data type", `{"resourceType":"Patient","name":[{"resourceType":"HumanName"}]}`, `Patient.name[0]: XML cannot carry the unknown element "resourceType"`},
		{"companion of a complex type", `{"resourceType":"Patient","_name":[{}]}`, `Patient: XML cannot carry the unknown element "_name"`},
		{"companion of an attribute", `{"resourceType":"Patient","name":[{"_id":{}}]}`, `Patient.name[0]: XML cannot carry the unknown element "_id"`},
		{"companion of a narrative", `{"resourceType":"Patient","text":{"_div":{}}}`, `Patient.text: XML cannot carry the unknown element "_div"`},
		{"value in a companion", `{"resourceType":"Patient","_active":{"value":true}}`, `Patient.active: XML cannot carry the unknown element "value"`},
		{"two types of a choice", `{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}`, "Patient: XML cannot carry more than one of the types of deceased[x]"},
		{"no array", `{"resourceType":"Patient","name":{}}`, "Patient.name: XML cannot carry anything but an array here, the element repeats"},
		{"an array", `{"resourceType":"Patient","active":[true]}`, "Patient.active: XML cannot carry an array here, the element does not repeat"},
		{"companion is an array", `{"resourceType":"Patient","_active":[{}]}`, "Patient.active: XML cannot carry an array here, the element does not repeat"},
		{"empty array", `{"resourceType":"Patient","name":[]}`, "Patient.name: XML cannot carry an empty array"},
		{"null", `{"resourceType":"Patient","active":null}`, "Patient.active: XML cannot carry null"},
		{"null for a companion", `{"resourceType":"Patient","active":true,"_active":null}`, "Patient.active: XML cannot carry null"},
		{"null for an object", `{"resourceType":"Patient","name":[{},null]}`, "Patient.name[1]: XML cannot carry anything but an object here"},
		{"null without companion", `{"resourceType":"Patient","name":[{"given":["A",null,"B"],"_given":[{"id":"a"}]}]}`,
			"Patient.name[0].given[1]: XML cannot carry an element without value, id and extensions"},
		{"companion is a scalar", `{"resourceType":"Patient","active":true,"_active":1}`, `Patient.active: XML cannot carry anything but an object in the member _active`},
		{"string for a boolean", `{"resourceType":"Patient","active":"true"}`, "Patient.active: XML cannot carry this JSON kind of value, boolean must be a JSON boolean"},
		{"string for a number", `{"resourceType":"Observation","valueQuantity":{"value":"1.0"}}`,
			"Observation.value.value: XML cannot carry this JSON kind of value, decimal must be a JSON number"},
		{"string for a positiveInt", `{"resourceType":"Patient","telecom":[{"rank":"1"}]}`,
			"Patient.telecom[0].rank: XML cannot carry this JSON kind of value, positiveInt must be a JSON number"},
		{"number for a string", `{"resourceType":"Patient","id":1}`, "Patient.id: XML cannot carry this JSON kind of value, id must be a JSON string"},
		{"object for a string", `{"resourceType":"Patient","id":{}}`, "Patient.id: XML cannot carry this JSON kind of value, id must be a JSON string"},
		{"number for an attribute", `{"resourceType":"Patient","extension":[{"url":1}]}`, "Patient.extension[0]: XML cannot carry anything but a string in the attribute url"},
		{"control character", `{"resourceType":"Patient","id":"a\u0000"}`, "Patient.id: XML cannot carry a control character"},
		{"noncharacter", `{"resourceType":"Patient","extension":[{"url":"a\uffff"}]}`, "Patient.extension[0]: XML cannot carry a control character"},
		{"narrative is a number", `{"resourceType":"Patient","text":{"div":1}}`, "Patient.text.div: XML cannot carry anything but a string in a narrative"},
		{"narrative is plain text", `{"resourceType":"Patient","text":{"div":"text"}}`,
			"Patient.text.div: XML cannot carry this narrative: byte 0: a narrative must be one div element"},
		{"narrative is no div", `{"resourceType":"Patient","text":{"div":"<p xmlns=\"` + xhtml + `\"/>"}}`,
			"Patient.text.div: XML cannot carry this narrative: byte 0: a narrative must be one div element"},
		{"narrative behind a comment", `{"resourceType":"Patient","text":{"div":"<!----><div xmlns=\"` + xhtml + `\"/>"}}`,
			"Patient.text.div: XML cannot carry this narrative: byte 0: a narrative must be one div element"},
		{"narrative without namespace", `{"resourceType":"Patient","text":{"div":"<div>a</div>"}}`,
			"Patient.text.div: XML cannot carry this narrative: byte 0: a narrative must be in the namespace http://www.w3.org/1999/xhtml"},
		{"narrative with an outer namespace", `{"resourceType":"Patient","text":{"div":"<h:div xmlns:h=\"` + xhtml + `\"><p/></h:div>"}}`,
			"Patient.text.div: XML cannot carry this narrative: byte 0: a narrative must declare its namespaces itself"},
		{"narrative not well-formed", `{"resourceType":"Patient","text":{"div":"<div xmlns=\"` + xhtml + `\">a<br></div>"}}`,
			`Patient.text.div: XML cannot carry this narrative: byte 47: element "br" is closed as "div"`},
		{"narrative with an entity", `{"resourceType":"Patient","text":{"div":"<div xmlns=\"` + xhtml + `\">&nbsp;</div>"}}`,
			`Patient.text.div: XML cannot carry this narrative: byte 42: '&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;`},
		{"narrative with a control character", `{"resourceType":"Patient","text":{"div":"<div xmlns=\"` + xhtml + `\">\u0008</div>"}}`,
			`Patient.text.div: XML cannot carry this narrative: byte 42: character U+0008 is not allowed in XML`},
		{"narrative and more", `{"resourceType":"Patient","text":{"div":"<div xmlns=\"` + xhtml + `\"/><p/>"}}`,
			"Patient.text.div: XML cannot carry this narrative: byte 43: nothing may follow the narrative's element"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dst := []byte("before")
			encoded, err := xml.Encode(dst, parse(t, []byte(test.json)), definitions(t))
			if err == nil {
				t.Fatalf("written as %s", encoded)
			}
			checkOutcome(t, err, test.want)
			if string(encoded) != "before" {
				t.Errorf("returned %q", encoded)
			}
		})
	}
}
