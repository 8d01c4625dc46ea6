package patch_test

import (
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir/patch"
)

const (
	person = `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class='a'>x</p></div>"},` +
		`"identifier":[{"use":"usual","value":"1"},{"use":"official","value":"2"}],"name":[{"id":"n","family":"F","given":["A","B"]}],"gender":"male","birthDate":"1970",` +
		`"managingOrganization":{"reference":"Organization/1"}}`
)

// diff puts operations into the root element of a patch that declares a prefix for each namespace.
func diff(operations string) string {
	return `<diff xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml">` + operations + `</diff>`
}

// TestXML has the JSON of each result as the resource with one text in the place of another, or the error as "code: diagnostics".
func TestXML(t *testing.T) {
	tests := []struct{ name, patch, from, to string }{
		{"no operations", `<diff/>`, "", ""},
		{"replace attribute", diff(`<replace sel="f:Patient/f:birthDate/@value">1980</replace>`), "1970", "1980"},
		{"no namespaces at all", `<diff><replace sel="/Patient/birthDate/@value">1980</replace></diff>`, "1970", "1980"},
		{"default namespace", `<?xml version="1.0"?><!-- a --><patch xmlns="http://hl7.org/fhir"> <replace sel="Patient/birthDate"><birthDate value="1980"/></replace> </patch>`, "1970", "1980"},
		{"operations in the namespace of RFC 7351", `<p:patch xmlns:p="urn:ietf:rfc:7351" xmlns:g="http://hl7.org/fhir"><p:replace sel="g:Patient/g:gender"><g:gender value="other"/></p:replace></p:patch>`, `"male"`, `"other"`},
		{"replace with characters to escape", `<diff><replace sel="/Patient/name/family/@value">&lt;a&gt; &amp; "b" 'c'</replace></diff>`, `"F"`, `"<a> & \"b\" 'c'"`},
		{"position", diff(`<replace sel="Patient/f:identifier[2]/f:value/@value">3</replace>`), `"2"`, `"3"`},
		{"position within each parent", diff(`<replace sel="*/name[1]/given[ 2 ]/@value">C</replace>`), `"B"`, `"C"`},
		{"predicate on a path", diff(`<replace sel="Patient/f:identifier[ f:use/@value = &quot;official&quot; ]/f:value/@value">3</replace>`), `"2"`, `"3"`},
		{"predicate on an attribute, then a position", diff(`<replace sel="Patient/name[@id='n'][1]/family/@value">G</replace>`), `"F"`, `"G"`},
		{"replace in the narrative", diff(`<replace sel="f:Patient/f:text/h:div/h:p[@class='a']"><h:b xmlns:h="http://www.w3.org/1999/xhtml">y</h:b></replace>`),
			`<p class='a'>x</p>`, `<h:b xmlns:h=\"http://www.w3.org/1999/xhtml\">y</h:b>`},
		{"replace the narrative", diff(`<replace sel="f:Patient/f:text/h:div"><div xmlns="http://www.w3.org/1999/xhtml">y</div></replace>`), `<p class='a'>x</p>`, `y`},
		{"add in order", `<diff><add sel="Patient/gender" pos="before"><telecom><value value="1"/></telecom><telecom><value value="2"/></telecom></add></diff>`, `"gender"`, `"telecom":[{"value":"1"},{"value":"2"}],"gender"`},
		{"add with a prefix", diff(`<add sel="Patient/gender" pos="before"><f:telecom><f:value value="1"/></f:telecom></add>`), `"gender"`, `"telecom":[{"value":"1"}],"gender"`},
		{"add behind", `<diff><add sel="Patient/birthDate" pos="after"><deceasedBoolean value="true"/></add></diff>`, `"1970"`, `"1970","deceasedBoolean":true`},
		{"add as the last child", `<diff><add sel="Patient/managingOrganization"><display value="O"/></add></diff>`, `"Organization/1"`, `"Organization/1","display":"O"`},
		{"add as the first child", `<diff><add sel="Patient/name" pos="prepend"><use value="usual"/></add></diff>`, `"family"`, `"use":"usual","family"`},
		{"add to an empty element", `<diff><add sel="Patient/birthDate"><extension url="u"><valueCode value="c"/></extension></add></diff>`, `"1970"`, `"1970","_birthDate":{"extension":[{"url":"u","valueCode":"c"}]}`},
		{"prepend to an empty element", `<diff><add sel="Patient/birthDate" pos="prepend"><extension url="u"/></add></diff>`, `"1970"`, `"1970","_birthDate":{"extension":[{"url":"u"}]}`},
		{"add attribute", `<diff><add sel="Patient/gender" type="@id">g&amp;</add></diff>`, `"male"`, `"male","_gender":{"id":"g&"}`},
		{"remove", `<diff><remove sel="Patient/identifier[1]"/></diff>`, `{"use":"usual","value":"1"},`, ``},
		{"remove attribute", `<diff><remove sel="Patient/name/@id"></remove></diff>`, `"id":"n",`, ``},
		{"several, one after the other", `<diff><remove sel="Patient/identifier[1]"/><replace sel="Patient/identifier[1]/use/@value">old</replace></diff>`, `{"use":"usual","value":"1"},{"use":"official"`, `{"use":"old"`},
		{"out of order in between", `<diff><add sel="Patient"><gender value="other"/></add><remove sel="Patient/gender[1]"/><add sel="Patient/gender" pos="after"><birthDate value="1970"/></add><remove sel="Patient/birthDate[1]"/>` +
			`<remove sel="Patient/managingOrganization"/></diff>`, `"gender":"male","birthDate":"1970","managingOrganization":{"reference":"Organization/1"}`, `"gender":"other","birthDate":"1970"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := patch.XML(resource(t, person), []byte(test.patch), definitions(t))
			checkResult(t, strings.Replace(person, test.from, test.to, 1), got, err)
		})
	}
}

func TestXMLErrors(t *testing.T) {
	const selector = `sel is a path of element names from the resource, as in /Patient/name[1]/family/@value; predicates are [2], [@id='x'] and [use/@value='x']; axes, functions and // are not supported`
	tests := []struct{ name, patch, want string }{
		{"not XML", `{}`, `structure: invalid XML: text outside of the root element`},
		{"nothing", ``, `structure: invalid XML: EOF`},
		{"not closed", `<diff>`, `structure: invalid XML: XML syntax error on line 1: unexpected EOF`},
		{"two roots", `<diff/><diff/>`, `structure: invalid XML: a document has one element at its root, and at most 256 levels of them`},
		{"too deep", strings.Repeat("<a>", 300), `structure: invalid XML: a document has one element at its root, and at most 256 levels of them`},
		{"document type", `<!DOCTYPE diff [<!ENTITY a "b">]><diff/>`, `structure: document type declarations are not allowed`},
		{"processing instruction", `<diff><?a b?></diff>`, `structure: processing instructions are not allowed`},
		{"another root", `<Patient xmlns="http://hl7.org/fhir"/>`, `structure: an XML Patch is an element diff with add, replace and remove in it`},
		{"text in the root", `<diff>a</diff>`, `structure: an XML Patch is an element diff with add, replace and remove in it`},
		{"another operation", `<diff><remove sel="Patient/gender"/><move sel="Patient/name"/></diff>`, `invalid: operation 1 (move Patient/name): an operation is add, replace or remove`},
		{"operation of another namespace", `<diff><a:remove xmlns:a="b" sel="Patient/name"/></diff>`, `invalid: operation 0 (remove Patient/name): an operation is add, replace or remove`},
		{"no sel", `<diff><remove/></diff>`, `invalid: operation 0 (remove): ` + selector},
		{"descendants", `<diff><remove sel="//name"/></diff>`, `invalid: operation 0 (remove //name): ` + selector},
		{"function", `<diff><remove sel="Patient/name/text()"/></diff>`, `invalid: operation 0 (remove Patient/name/text()): ` + selector},
		{"axis", `<diff><remove sel="Patient/child::name"/></diff>`, `invalid: operation 0 (remove Patient/child::name): ` + selector},
		{"attribute on the way", `<diff><remove sel="Patient/@id/name"/></diff>`, `invalid: operation 0 (remove Patient/@id/name): ` + selector},
		{"attribute of nothing", `<diff><remove sel="@id"/></diff>`, `invalid: operation 0 (remove @id): ` + selector},
		{"text in a predicate is not repeated", `<diff><remove sel="Patient/name[family='Kahlo']"/></diff>`, `invalid: operation 0 (remove Patient/name[family='...']): ` + selector},
		{"predicate not closed", `<diff><remove sel="Patient/name[1"/></diff>`, `invalid: operation 0 (remove Patient/name[1): ` + selector},
		{"text not closed", `<diff><remove sel="Patient/name[@id='a]"/></diff>`, `invalid: operation 0 (remove Patient/name[@id='...): ` + selector},
		{"position 0", `<diff><remove sel="Patient/name[0]"/></diff>`, `invalid: operation 0 (remove Patient/name[0]): ` + selector},
		{"space behind", `<diff><remove sel="Patient/name "/></diff>`, `invalid: operation 0 (remove Patient/name): ` + selector},
		{"slash behind", `<diff><remove sel="Patient/name/"/></diff>`, `invalid: operation 0 (remove Patient/name/): ` + selector},
		{"prefix not declared", `<diff><remove sel="f:Patient"/></diff>`, `invalid: operation 0 (remove f:Patient): the prefix "f" in sel is not declared`},
		{"unknown attribute", `<diff><remove sel="Patient/name" ws="both"/></diff>`, `not-supported: operation 0 (remove Patient/name): add has pos="prepend", "before" or "after", or type="@name"; there is no other attribute beside sel`},
		{"unknown position", `<diff><add sel="Patient/name" pos="last"><a/></add></diff>`, `not-supported: operation 0 (add Patient/name): add has pos="prepend", "before" or "after", or type="@name"; there is no other attribute beside sel`},
		{"namespace node", `<diff><add sel="Patient/name" type="namespace::a">b</add></diff>`, `not-supported: operation 0 (add Patient/name): add has pos="prepend", "before" or "after", or type="@name"; there is no other attribute beside sel`},
		{"attribute name with more", `<diff><add sel="Patient/name" type="@a='b' c">d</add></diff>`, `not-supported: operation 0 (add Patient/name): add has pos="prepend", "before" or "after", or type="@name"; there is no other attribute beside sel`},
		{"position and type", `<diff><add sel="Patient/name" type="@id" pos="after">a</add></diff>`, `invalid: operation 0 (add Patient/name): pos and type cannot be used together`},
		{"add to an attribute", `<diff><add sel="Patient/name/@id">a</add></diff>`, `invalid: operation 0 (add Patient/name/@id): sel of add leads to an element; type="@name" adds an attribute to it`},
		{"add nothing", `<diff><add sel="Patient/name"> </add></diff>`, `invalid: operation 0 (add Patient/name): there is nothing to add`},
		{"remove with content", `<diff><remove sel="Patient/name"><name/></remove></diff>`, `invalid: operation 0 (remove Patient/name): remove is empty`},
		{"replace by two", `<diff><replace sel="Patient/gender"><gender/><gender/></replace></diff>`, `invalid: operation 0 (replace Patient/gender): an element is replaced by exactly one element`},
		{"replace by text", `<diff><replace sel="Patient/gender">male</replace></diff>`, `invalid: operation 0 (replace Patient/gender): an element is replaced by exactly one element`},
		{"element for an attribute", `<diff><replace sel="Patient/gender/@value"><a/></replace></diff>`, `invalid: operation 0 (replace Patient/gender/@value): the value of an attribute is text`},

		{"nothing matches", `<diff><remove sel="Patient/gender"/><remove sel="Patient/gender"/></diff>`, `processing: operation 1 (remove Patient/gender): nothing matches sel from its step 2 on`},
		{"another type", `<diff><remove sel="Person/gender"/></diff>`, `processing: operation 0 (remove Person/gender): nothing matches sel from its step 1 on`},
		{"another namespace", `<diff xmlns:a="b"><remove sel="a:Patient/gender"/></diff>`, `processing: operation 0 (remove a:Patient/gender): nothing matches sel from its step 1 on`},
		{"several match", `<diff><remove sel="Patient/identifier"/></diff>`, `processing: operation 0 (remove Patient/identifier): sel matches 2 elements and must match one`},
		{"predicate does not hold", `<diff><remove sel="Patient/identifier[use/@value='old']"/></diff>`, `processing: operation 0 (remove Patient/identifier[use/@value='...']): nothing matches sel from its step 2 on`},
		{"attribute is missing", `<diff><replace sel="Patient/gender/@id">a</replace></diff>`, `processing: operation 0 (replace Patient/gender/@id): the element does not have the attribute`},
		{"attribute is there", `<diff><add sel="Patient/gender" type="@value">a</add></diff>`, `processing: operation 0 (add Patient/gender): the element has the attribute already; replace changes it`},
		{"remove the resource", `<diff><remove sel="Patient"/></diff>`, `processing: operation 0 (remove Patient): the resource itself cannot be removed`},
		{"beside the resource", `<diff><add sel="Patient" pos="after"><Patient/></add></diff>`, `processing: operation 0 (add Patient): nothing can stand beside the resource itself`},
		{"text in an element", `<diff><add sel="Patient/name">a</add></diff>`, `processing: operation 0 (add Patient/name): the result is not FHIR XML, at Patient.name[0]: text is not allowed here; values are in attributes`},
		{"wrong order", `<diff><add sel="Patient"><active value="true"/></add></diff>`, `processing: operation 0 (add Patient): the result is not FHIR XML, at Patient: element "active" must stand before "managingOrganization"`},
		{"culprit is named", `<diff><add sel="Patient"><active value="true"/></add><remove sel="Patient/active"/><add sel="Patient/gender"><x/></add><remove sel="Patient/birthDate"/></diff>`, `processing: operation 2 (add Patient/gender): the result is not FHIR XML, at Patient.gender: unknown element "x"`},
		{"change the id", `<diff><remove sel="Patient/birthDate"/><replace sel="Patient/id/@value">q</replace></diff>`, `business-rule: operation 1 (replace Patient/id/@value): id is immutable`},
		{"remove the id", `<diff><remove sel="Patient/id"/></diff>`, `business-rule: operation 0 (remove Patient/id): id is immutable`},
		{"another resource without a namespace", `<diff><replace sel="Patient"><Person/></replace></diff>`, `processing: operation 0 (replace Patient): the result is not FHIR XML: "Person" is not a resource type in the namespace http://hl7.org/fhir`},
		{"another resource", `<diff xmlns="http://hl7.org/fhir"><replace sel="Patient"><Person><id value="p"/></Person></replace></diff>`, `business-rule: operation 0 (replace Patient): resourceType is immutable`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := patch.XML(resource(t, person), []byte(test.patch), definitions(t))
			checkResult(t, test.want, got, err)
		})
	}
}

func TestXMLWithoutForm(t *testing.T) {
	_, err := patch.XML(resource(t, `{"resourceType":"Patient","unknown":1}`), []byte(`<diff><remove sel="Patient/name"/></diff>`), definitions(t))
	checkResult(t, `processing: the resource has no XML form to patch: XML cannot carry the unknown element "unknown"`, nil, err)
}

// TestXMLBounds checks that a patch cannot ask for much.
func TestXMLBounds(t *testing.T) {
	large := `{"resourceType":"Patient","name":[{"text":"` + strings.Repeat("x", 1<<20) + `"}],"gender":"male"}`
	_, err := patch.XML(resource(t, large), []byte(`<diff>`+strings.Repeat(`<replace sel="Patient/gender/@value">other</replace>`, 100)+`</diff>`), definitions(t))
	checkResult(t, `too-costly: operation 31 (replace Patient/gender/@value): the patch needs too much work; send it in parts`, nil, err)
}
