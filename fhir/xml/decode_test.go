package xml_test

import (
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir/xml"
)

// TestDecode reads XML that Encode would write otherwise.
func TestDecode(t *testing.T) {
	const active = `{"resourceType":"Patient","active":true}`
	tests := []struct{ name, xml, json string }{
		{"declaration", "<?xml version='1.0'\n encoding=\"utf-8\" standalone='yes' ?>\n" + patient + `<active value="true"/></Patient>` + "\n", active},
		{"byte order mark", "\ufeff" + header + patient + `<active value="true"/></Patient>`, active},
		{"comments", `<!-- a -->` + patient + `<!----><active value="true"><!-- b --></active><!-- c - d --></Patient><!-- e -->`, active},
		{"white space", "\n<Patient\txmlns = 'http://hl7.org/fhir'\r\n>\n <active\n value\t=\n'true' ></active\n> </Patient >\n", active},
		{"prefixes", `<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="true"/></f:Patient>`, active},
		{"changing prefixes", `<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:g="http://example.org"><active value="true" xmlns="http://hl7.org/fhir"/></f:Patient>`, active},
		{"namespace with references", `<Patient xmlns="http:&#47;/hl7&#x2e;org/fhir"><active value="&#116;rue"/></Patient>`, active},
		{"empty companion", patient + `<active value="true"> </active></Patient>`, active},
		{"empty companions", patient + `<name><given value="A"></given><given value="B" id="b"/><given value="C"><!-- c --></given></name></Patient>`,
			`{"resourceType":"Patient","name":[{"given":["A","B","C"],"_given":[null,{"id":"b"},null]}]}`},
		{"references", patient + `<name><family value="&#65;&#x42;&#x1F600;&amp;&lt;&gt;&quot;&apos;&#10;"/></name></Patient>`,
			`{"resourceType":"Patient","name":[{"family":"AB😀&<>\"'\n"}]}`},
		{"white space in a value", patient + "<name><family value='a\tb\nc\r\nd\re\"'/></name></Patient>", `{"resourceType":"Patient","name":[{"family":"a b c d e\""}]}`},
		{"attributes in the order of the definition", patient + `<extension url="u" id="i"><valueCode value="c"/></extension></Patient>`,
			`{"resourceType":"Patient","extension":[{"id":"i","url":"u","valueCode":"c"}]}`},
		{"narrative by an outer prefix", `<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="` + xhtml + `"><f:text><h:div id="a"><h:p/><i/></h:div></f:text></f:Patient>`,
			`{"resourceType":"Patient","text":{"div":"<h:div xmlns:h=\"` + xhtml + `\" xmlns=\"\" id=\"a\"><h:p/><i/></h:div>"}}`},
		{"narrative by an outer default", `<f:Patient xmlns:f="http://hl7.org/fhir" xmlns="` + xhtml + `"><f:text><div><p/></div></f:text></f:Patient>`,
			`{"resourceType":"Patient","text":{"div":"<div xmlns=\"` + xhtml + `\"><p/></div>"}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			decoded, err := xml.Decode([]byte(test.xml), definitions(t))
			if err != nil || string(decoded) != test.json {
				t.Errorf("%v\n got %s\nwant %s", err, decoded, test.json)
			}
			if err == nil {
				checkRoundTrip(t, parse(t, decoded))
			}
		})
	}
}

type refusal struct{ name, xml, want string }

// TestDecodeRefusesXML is about what XML itself forbids, and what Decode wants none of.
func TestDecodeRefusesXML(t *testing.T) {
	checkRefusals(t, []refusal{
		{"empty", "", "invalid XML at line 1, column 1: expected a resource"},
		{"only a comment", "<!-- a -->", "invalid XML at line 1, column 11: expected a resource"},
		{"text", "{}", "invalid XML at line 1, column 1: text is not allowed here; values are in attributes"},
		{"document type", "<!DOCTYPE Patient SYSTEM 'a.dtd'>" + patient,
			"invalid XML at line 1, column 1: only elements and comments are allowed here, no document type declaration and no CDATA section"},
		{"document type behind", patient + "</Patient>\n<!DOCTYPE p>",
			"Patient: invalid XML at line 2, column 1: only elements and comments are allowed here, no document type declaration and no CDATA section"},
		{"processing instruction", "<?xml-stylesheet href='a'?>" + patient, "invalid XML at line 1, column 1: processing instructions are not allowed"},
		{"second declaration", header + header, "invalid XML at line 1, column 39: processing instructions are not allowed"},
		{"XML 1.1", "<?xml version='1.1'?>", "invalid XML at line 1, column 1: the XML declaration must begin with version 1.0"},
		{"encoding", "<?xml version='1.0' encoding='latin1'?>", "invalid XML at line 1, column 21: the encoding must be UTF-8"},
		{"standalone", "<?xml version='1.0' standalone='maybe'?>", "invalid XML at line 1, column 21: standalone must be yes or no"},
		{"order in the declaration", "<?xml version='1.0' standalone='no' encoding='UTF-8'?>",
			`invalid XML at line 1, column 37: "encoding" is not allowed here in the XML declaration`},
		{"open declaration", "<?xml version='1.0' >", "invalid XML at line 1, column 21: expected a name, found '>'"},
		{"UTF-16", "\xfe\xff\x00<", "invalid XML at line 1, column 1: the document is not valid UTF-8"},
		{"invalid UTF-8", patient + "\n<id value='\xff'/>", "invalid XML at line 2, column 12: the document is not valid UTF-8"},
		{"control character", patient + "<id value='\x01'/>", "invalid XML at line 1, column 49: character U+0001 is not allowed in XML"},
		{"noncharacter", patient + "<id value='\ufffe'/>", "invalid XML at line 1, column 49: character U+FFFE is not allowed in XML"},
		{"control character by reference", patient + "<id value='a&#1;'/>",
			"Patient.id: invalid XML at line 1, column 50: '&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;"},
		{"surrogate by reference", patient + "<id value='&#xD800;'/>",
			"Patient.id: invalid XML at line 1, column 49: '&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;"},
		{"unknown entity", patient + "<id value='&nbsp;'/>",
			"Patient.id: invalid XML at line 1, column 49: '&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;"},
		{"bare ampersand", patient + "<id value='a & b'/>",
			"Patient.id: invalid XML at line 1, column 51: '&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;"},
		{"less-than in a value", patient + "<id value='a<b'/>", "Patient.id: invalid XML at line 1, column 50: '<' is not allowed in the value of an attribute"},
		{"no namespace", "<Patient/>", `invalid XML at line 1, column 1: "Patient" is not a resource type in the namespace http://hl7.org/fhir`},
		{"other namespace", "<Patient xmlns='urn:hl7-org:v3'/>", `invalid XML at line 1, column 1: "Patient" is not a resource type in the namespace http://hl7.org/fhir`},
		{"data type", "<HumanName xmlns='http://hl7.org/fhir'/>", `invalid XML at line 1, column 1: "HumanName" is not a resource type in the namespace http://hl7.org/fhir`},
		{"abstract type", "<DomainResource xmlns='http://hl7.org/fhir'/>",
			`invalid XML at line 1, column 1: "DomainResource" is not a resource type in the namespace http://hl7.org/fhir`},
		{"undeclared prefix", "<f:Patient/>", `invalid XML at line 1, column 1: prefix of "f:Patient" is not declared`},
		{"reserved prefix", "<Patient xmlns='http://hl7.org/fhir' xmlns:xmlns='a'/>", `invalid XML at line 1, column 38: namespace declaration "xmlns:xmlns" is not allowed`},
		{"prefix for nothing", "<Patient xmlns='http://hl7.org/fhir' xmlns:a=''/>", `invalid XML at line 1, column 38: namespace declaration "xmlns:a" is not allowed`},
		{"namespace taken back", patient + "<active xmlns='' value='true'/></Patient>",
			`Patient: invalid XML at line 1, column 38: element "active" must be in the namespace http://hl7.org/fhir`},
		{"second root", patient + "</Patient>" + patient + "</Patient>", "Patient: invalid XML at line 1, column 48: nothing may follow the resource"},
		{"text behind", patient + "</Patient>x", "Patient: invalid XML at line 1, column 48: text is not allowed here; values are in attributes"},
		{"text between elements", patient + "\n <active value='true'/> yes</Patient>", "Patient: invalid XML at line 2, column 25: text is not allowed here; values are in attributes"},
		{"CDATA between elements", patient + "<![CDATA[ ]]></Patient>",
			"Patient: invalid XML at line 1, column 38: only elements and comments are allowed here, no document type declaration and no CDATA section"},
		{"double hyphen in a comment", patient + "<!-- a -- b --></Patient>", "Patient: invalid XML at line 1, column 45: '--' is not allowed in a comment"},
		{"open comment", patient + "<!-- a ->", "Patient: invalid XML at line 1, column 38: comment is not closed"},
		{"open element", patient + "<active value='true'/>", `Patient: invalid XML at line 1, column 60: element "Patient" is not closed`},
		{"other closing tag", patient + "<name></nam></Patient>", `Patient.name[0]: invalid XML at line 1, column 44: element "name" is closed as "nam"`},
		{"open tag", "<Patient", "invalid XML at line 1, column 9: tag is not closed"},
		{"no name", "< Patient/>", "invalid XML at line 1, column 2: expected a name, found ' '"},
		{"two colons", "<a:b:c/>", "invalid XML at line 1, column 5: expected white space, '>' or '/>' in a tag, found ':'"},
		{"attribute without value", "<Patient a/>", "invalid XML at line 1, column 11: expected '=' after the name of an attribute, found '/'"},
		{"attribute without quotes", "<Patient a=b/>", "invalid XML at line 1, column 12: expected the value of an attribute in quotes, found 'b'"},
		{"attributes not parted", "<Patient a='b'c='d'/>", "invalid XML at line 1, column 15: expected white space, '>' or '/>' in a tag, found 'c'"},
		{"attribute twice", patient + "<active value='true' value='true'/>", `Patient: invalid XML at line 1, column 59: attribute "value" occurs twice`},
	})
}

// TestDecodeRefusesFHIR is about well-formed XML that is not the XML of a resource, and about narratives.
func TestDecodeRefusesFHIR(t *testing.T) {
	checkRefusals(t, []refusal{
		{"unknown element", patient + "<contact><nme/></contact></Patient>", `Patient.contact[0]: invalid XML at line 1, column 47: unknown element "nme"`},
		{"unknown element of a contained resource", patient + "<contained><Patient><x/></Patient></contained></Patient>",
			`Patient.contained[0]: invalid XML at line 1, column 58: unknown element "x"`},
		{"choice without type", patient + "<deceased value='true'/></Patient>", `Patient: invalid XML at line 1, column 38: unknown element "deceased"`},
		{"companion as element", patient + "<_active/></Patient>", `Patient: invalid XML at line 1, column 38: unknown element "_active"`},
		{"attribute as element", patient + "<name><id value='a'/></name></Patient>", `Patient.name[0]: invalid XML at line 1, column 44: unknown element "id"`},
		{"value as element", patient + "<active><value value='true'/></active></Patient>", `Patient.active: invalid XML at line 1, column 46: unknown element "value"`},
		{"unknown attribute", patient + "<active value='true' x='y'/></Patient>", `Patient.active: invalid XML at line 1, column 59: unknown attribute "x"`},
		{"attribute with prefix", patient + "<active value='true' xml:id='y'/></Patient>", `Patient.active: invalid XML at line 1, column 59: unknown attribute "xml:id"`},
		{"value of a complex type", patient + "<name value='a'/></Patient>", `Patient.name[0]: invalid XML at line 1, column 44: unknown attribute "value"`},
		{"attribute of a container", patient + "<contained id='a'><Patient/></contained></Patient>", `Patient.contained[0]: invalid XML at line 1, column 49: unknown attribute "id"`},
		{"empty container", patient + "<contained/></Patient>", `Patient.contained[0]: invalid XML at line 1, column 38: element "contained" must hold a resource`},
		{"container of nothing", patient + "<contained></contained></Patient>", `Patient.contained[0]: invalid XML at line 1, column 49: element "contained" must hold a resource`},
		{"two in a container", patient + "<contained><Patient/><Patient/></contained></Patient>",
			`Patient.contained[0]: invalid XML at line 1, column 59: element "contained" must hold only one resource`},
		{"data type in a container", patient + "<contained><HumanName/></contained></Patient>",
			`Patient.contained[0]: invalid XML at line 1, column 49: "HumanName" is not a resource type in the namespace http://hl7.org/fhir`},
		{"order", patient + "<name/><active value='true'/></Patient>", `Patient: invalid XML at line 1, column 45: element "active" must stand before "name"`},
		{"repetition in pieces", patient + "<name/><gender value='male'/><name/></Patient>",
			`Patient: invalid XML at line 1, column 67: element "name" must stand before "gender"`},
		{"not repeating", patient + "<active value='true'/><active value='true'/></Patient>", `Patient: invalid XML at line 1, column 60: element "active" must not be repeated`},
		{"two types of a choice", patient + "<deceasedBoolean value='true'/><deceasedDateTime value='2020'/></Patient>",
			`Patient: invalid XML at line 1, column 69: only one of the types of deceased[x] may be present`},
		{"boolean", patient + "<active value='1'/></Patient>", "Patient.active: invalid XML at line 1, column 53: the value must be true or false"},
		{"integer", patient + "<multipleBirthInteger value='+1'/></Patient>", "Patient.multipleBirth: invalid XML at line 1, column 67: the value must be a number"},
		{"decimal without digit", patient + "<extension url='u'><valueDecimal value='.5'/></extension></Patient>",
			"Patient.extension[0].value: invalid XML at line 1, column 78: the value must be a number"},
		{"narrative in the namespace of FHIR", patient + "<text><div/></text></Patient>",
			`Patient.text: invalid XML at line 1, column 44: element "div" must be in the namespace http://www.w3.org/1999/xhtml`},
		{"element in the namespace of XHTML", patient + "<text xmlns='" + xhtml + "'/></Patient>",
			`Patient: invalid XML at line 1, column 38: element "text" must be in the namespace http://hl7.org/fhir`},
		{"narrative not closed", patient + "<text><div xmlns='" + xhtml + "'><p></div></text></Patient>",
			`Patient.text.div: invalid XML at line 1, column 89: element "p" is closed as "div"`},
		{"narrative cut short", patient + "<text><div xmlns='" + xhtml + "'><p>", `Patient.text.div: invalid XML at line 1, column 89: element "p" is not closed`},
		{"entity in a narrative", patient + "<text><div xmlns='" + xhtml + "'>&nbsp;</div></text></Patient>",
			"Patient.text.div: invalid XML at line 1, column 86: '&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;"},
		{"entity in an attribute of a narrative", patient + "<text><div xmlns='" + xhtml + "' title='&copy;'/></text></Patient>",
			"Patient.text.div: invalid XML at line 1, column 93: '&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;"},
		{"end of CDATA in a narrative", patient + "<text><div xmlns='" + xhtml + "'>]]></div></text></Patient>",
			"Patient.text.div: invalid XML at line 1, column 86: ']]>' is not allowed in text"},
		{"prefix in a narrative", patient + "<text><div xmlns='" + xhtml + "'><v:p/></div></text></Patient>",
			`Patient.text.div: invalid XML at line 1, column 86: prefix of "v:p" is not declared`},
		{"one attribute by two prefixes", patient + "<text><div xmlns='" + xhtml + "' xmlns:a='u' xmlns:b='u' a:x='' b:x=''/></text></Patient>",
			`Patient.text.div: invalid XML at line 1, column 117: attribute "b:x" occurs twice`},
		{"too deep", `<Questionnaire xmlns="http://hl7.org/fhir">` + strings.Repeat("<item>", 70),
			"Questionnaire" + strings.Repeat(".item[0]", 64) + ": invalid XML at line 1, column 422: nested too deeply"},
		{"narrative too deep", patient + "<text><div xmlns='" + xhtml + "'>" + strings.Repeat("<p>", 128),
			"Patient.text.div: invalid XML at line 1, column 467: nested too deeply"},
		{"too many attributes", patient + "<active" + manyAttributes(65) + "/></Patient>",
			"Patient: invalid XML at line 1, column 494: a tag may not have more than 64 attributes"},
	})
}

func checkRefusals(t *testing.T, tests []refusal) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			decoded, err := xml.Decode([]byte(test.xml), definitions(t))
			if err == nil {
				t.Fatalf("read as %s", decoded)
			}
			checkOutcome(t, err, test.want)
		})
	}
}

func manyAttributes(count int) string {
	var b strings.Builder
	for i := range count {
		b.WriteString(" a" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "=''")
	}
	return b.String()
}

func TestDecodeLimitsNamespaces(t *testing.T) {
	var b strings.Builder
	for range 10 {
		b.WriteString("<p" + strings.ReplaceAll(manyAttributes(10), " a", " xmlns:a"))
		b.WriteString(">")
	}
	_, err := xml.Decode([]byte(patient+"<text><div xmlns='"+xhtml+"'>"+strings.ReplaceAll(b.String(), "''", "'u'")), definitions(t))
	checkOutcome(t, err, "Patient.text.div: invalid XML at line 1, column 975: more than 64 namespace declarations in scope")
}

// TestDecodeLongLists would take minutes if lists were aligned anew for each item.
func TestDecodeLongLists(t *testing.T) {
	const count = 200_000
	item := `<given value="a"></given>`
	decoded, err := xml.Decode([]byte(patient+"<name>"+strings.Repeat(item, count)+`<given id="b"/></name></Patient>`), definitions(t))
	if err != nil {
		t.Fatal(err)
	}
	name := parse(t, decoded).Get("name").Index(0)
	if got := name.Get("given").Len(); got != count+1 {
		t.Errorf("%d values", got)
	}
	companions := name.Get("_given")
	if got := companions.Len(); got != count+1 || !companions.Index(count).Get("id").TextIs("b") {
		t.Errorf("%d companions", got)
	}
}
