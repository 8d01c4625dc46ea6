package xml_test

import (
	"errors"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
)

const (
	header  = `<?xml version="1.0" encoding="UTF-8"?>`
	patient = `<Patient xmlns="http://hl7.org/fhir">`
	xhtml   = `http://www.w3.org/1999/xhtml`
)

// checkOutcome checks that err is an OperationOutcome of one issue that says want.
func checkOutcome(t *testing.T, err error, want string) {
	t.Helper()
	var outcome *fhir.OperationOutcome
	if !errors.As(err, &outcome) || len(outcome.Issues) != 1 || outcome.Issues[0].Code != fhir.CodeStructure {
		t.Fatalf("got %v, want an OperationOutcome of one issue", err)
	}
	if got := err.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestBothWays writes each JSON as exactly this XML and reads the XML as exactly this JSON.
func TestBothWays(t *testing.T) {
	tests := []struct{ name, json, xml string }{
		{"no members", `{"resourceType":"Patient"}`, `<Patient xmlns="http://hl7.org/fhir"/>`},
		{"id of a resource is an element", `{"resourceType":"Patient","id":"a"}`, patient + `<id value="a"/></Patient>`},
		{"boolean and integer", `{"resourceType":"Patient","active":false,"multipleBirthInteger":2}`,
			patient + `<active value="false"/><multipleBirthInteger value="2"/></Patient>`},
		{"positiveInt is a number", `{"resourceType":"Patient","telecom":[{"rank":1}]}`,
			patient + `<telecom><rank value="1"/></telecom></Patient>`},
		{"decimals keep their text", `{"resourceType":"Observation","valueQuantity":{"value":1.50}}`,
			`<Observation xmlns="http://hl7.org/fhir"><valueQuantity><value value="1.50"/></valueQuantity></Observation>`},
		{"exponent", `{"resourceType":"Observation","valueQuantity":{"value":-1.0E+2}}`,
			`<Observation xmlns="http://hl7.org/fhir"><valueQuantity><value value="-1.0E+2"/></valueQuantity></Observation>`},
		{"digits in a string", `{"resourceType":"Observation","valueString":"007"}`,
			`<Observation xmlns="http://hl7.org/fhir"><valueString value="007"/></Observation>`},
		{"one repetition is an array", `{"resourceType":"Patient","name":[{"family":"F","given":["A","B"]}]}`,
			patient + `<name><family value="F"/><given value="A"/><given value="B"/></name></Patient>`},
		{"id of an element is an attribute", `{"resourceType":"Patient","name":[{"id":"n","family":"F"}]}`,
			patient + `<name id="n"><family value="F"/></name></Patient>`},
		{"url of an extension is an attribute", `{"resourceType":"Patient","extension":[{"id":"x","extension":[{"url":"b","valueCode":"c"}],"url":"a"}]}`,
			patient + `<extension id="x" url="a"><extension url="b"><valueCode value="c"/></extension></extension></Patient>`},
		{"companion", `{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b","extension":[{"url":"a","valueCode":"c"}]}}`,
			patient + `<birthDate value="1970" id="b"><extension url="a"><valueCode value="c"/></extension></birthDate></Patient>`},
		{"companion without value", `{"resourceType":"Patient","_birthDate":{"id":"b"},"deceasedBoolean":true}`,
			patient + `<birthDate id="b"/><deceasedBoolean value="true"/></Patient>`},
		{"companion of a choice", `{"resourceType":"Patient","_deceasedBoolean":{"id":"b"}}`, patient + `<deceasedBoolean id="b"/></Patient>`},
		{"neither value nor companion", `{"resourceType":"Patient","_birthDate":{}}`, patient + `<birthDate/></Patient>`},
		{"null aligns", `{"resourceType":"Patient","name":[{"given":["A",null,"C"],"_given":[null,{"id":"b"},{"id":"c"}]}]}`,
			patient + `<name><given value="A"/><given id="b"/><given value="C" id="c"/></name></Patient>`},
		{"null at the end", `{"resourceType":"Patient","name":[{"given":["A","B"],"_given":[{"id":"a"},null]}]}`,
			patient + `<name><given value="A" id="a"/><given value="B"/></name></Patient>`},
		{"only companions", `{"resourceType":"Patient","name":[{"_given":[{"id":"a"},{}],"suffix":["S"]}]}`,
			patient + `<name><given id="a"/><given/><suffix value="S"/></name></Patient>`},
		{"companion within a companion", `{"resourceType":"Patient","name":[{"given":["A","B"],"_given":[null,{"extension":[{"url":"u",` +
			`"valueHumanName":{"given":["C","D"],"_given":[null,{"id":"d"}]}}]}]}]}`,
			patient + `<name><given value="A"/><given value="B"><extension url="u"><valueHumanName><given value="C"/><given value="D" id="d"/>` +
				`</valueHumanName></extension></given></name></Patient>`},
		{"empty object", `{"resourceType":"Patient","name":[{}]}`, patient + `<name/></Patient>`},
		{"empty string", `{"resourceType":"Patient","name":[{"family":""}]}`, patient + `<name><family value=""/></name></Patient>`},
		{"characters", `{"resourceType":"Patient","name":[{"family":"<a & \"b\"> 'c' \\ \t\r\n é😀"}]}`,
			patient + `<name><family value="&lt;a &amp; &quot;b&quot;> 'c' \ &#x9;&#xD;&#xA; é😀"/></name></Patient>`},
		{"contained", `{"resourceType":"Patient","contained":[{"resourceType":"Patient","id":"a"},{"resourceType":"Organization"}]}`,
			patient + `<contained><Patient><id value="a"/></Patient></contained><contained><Organization/></contained></Patient>`},
		{"resource of a bundle entry", `{"resourceType":"Bundle","entry":[{"fullUrl":"f","resource":{"resourceType":"Patient","id":"a"}}]}`,
			`<Bundle xmlns="http://hl7.org/fhir"><entry><fullUrl value="f"/><resource><Patient><id value="a"/></Patient></resource></entry></Bundle>`},
		{"resource of a parameter", `{"resourceType":"Parameters","parameter":[{"name":"n","resource":{"resourceType":"Patient"}},` +
			`{"name":"m","part":[{"name":"p","valueDecimal":1.0}]}]}`,
			`<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="n"/><resource><Patient/></resource></parameter>` +
				`<parameter><name value="m"/><part><name value="p"/><valueDecimal value="1.0"/></part></parameter></Parameters>`},
		{"recursive content", `{"resourceType":"Questionnaire","item":[{"linkId":"1","item":[{"linkId":"2"}]}]}`,
			`<Questionnaire xmlns="http://hl7.org/fhir"><item><linkId value="1"/><item><linkId value="2"/></item></item></Questionnaire>`},
		{"narrative", `{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"` + xhtml + `\">a &lt; <b class='x'>\"b\"</b>\r\n<br/></div>"},"active":true}`,
			patient + `<text><status value="generated"/><div xmlns="` + xhtml + `">a &lt; <b class='x'>"b"</b>` + "\r\n" + `<br/></div></text><active value="true"/></Patient>`},
		{"narrative with comment and CDATA", `{"resourceType":"Patient","text":{"div":"<div xmlns='` + xhtml + `' xml:lang='en'><!-- c --><![CDATA[</div>&]]></div >"}}`,
			patient + `<text><div xmlns='` + xhtml + `' xml:lang='en'><!-- c --><![CDATA[</div>&]]></div ></text></Patient>`},
		{"narrative with its own prefix", `{"resourceType":"Patient","text":{"div":"<h:div xmlns:h=\"` + xhtml + `\"><h:p h:a=\"1\" a=\"2\"/></h:div>"}}`,
			patient + `<text><h:div xmlns:h="` + xhtml + `"><h:p h:a="1" a="2"/></h:div></text></Patient>`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			encoded, err := xml.Encode([]byte("before "), parse(t, []byte(test.json)), definitions(t))
			if want := "before " + header + test.xml; err != nil || string(encoded) != want {
				t.Errorf("Encode: %v\n got %s\nwant %s", err, encoded, want)
			}
			decoded, err := xml.Decode([]byte(test.xml), definitions(t))
			if err != nil || string(decoded) != test.json {
				t.Errorf("Decode: %v\n got %s\nwant %s", err, decoded, test.json)
			}
		})
	}
}
