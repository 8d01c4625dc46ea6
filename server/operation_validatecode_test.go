package server

import (
	"net/url"
	"strings"
	"testing"
)

// judgement is the answer of $validate-code.
func judgement(result, message, display string) string {
	text := `{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":` + result + `}`
	if message != "" {
		text += `,{"name":"message","valueString":"` + message + `"}`
	}
	if display != "" {
		text += `,{"name":"display","valueString":"` + display + `"}`
	}
	return text + `]}`
}

// parametersOf makes a Parameters resource of the JSON of its parameters.
func parametersOf(list ...string) string {
	return `{"resourceType":"Parameters","parameter":[` + strings.Join(list, ",") + `]}`
}

func TestValidateCodeInValueSet(t *testing.T) {
	f := newFixture(t)
	storeColours(t, f)
	const (
		gender = "/ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/administrative-gender&system=http://hl7.org/fhir/administrative-gender"
		few    = "/ValueSet/few/$validate-code"
	)
	steps := []step{
		{name: "in it", path: gender + "&code=male", answer: judgement("true", "", "Male")},
		{name: "not in it", path: gender + "&code=men", answer: judgement("false", "the code http://hl7.org/fhir/administrative-gender|men is not in the value set", "")},
		{name: "of another system", path: few + "?system=urn:none&code=red", answer: judgement("false", "the code urn:none|red is not in the value set", "")},
		{name: "case matters", path: gender + "&code=Male", answer: judgement("false", "the code http://hl7.org/fhir/administrative-gender|Male is not in the value set", "")},
		{name: "the right display", path: gender + "&code=male&display=MALE", answer: judgement("true", "", "Male")},
		{name: "a wrong display", path: gender + "&code=male&display=Female", answer: judgement("false", "the display of http://hl7.org/fhir/administrative-gender|male is not one that the code has; it is Male", "Male")},
		{name: "a display of the code system where the value set has another", path: few + "?system=urn:colours&code=blue&display=bleu+celeste", answer: judgement("true", "", "Sky")},
		{name: "a designation", path: few + "?system=urn:colours&code=red&display=rot&displayLanguage=de", answer: judgement("true", "", "Rot")},
		{name: "a display where none is known", path: "/ValueSet/all/$validate-code?system=urn:colours&code=mauve&display=Mauve", answer: judgement("true", "", "")},
		{name: "an abstract code", path: "/ValueSet/all/$validate-code?system=urn:colours&code=group", answer: judgement("true", "", "Cold ones")},
		{name: "an abstract code in use", path: "/ValueSet/all/$validate-code?system=urn:colours&code=group&abstract=false", answer: judgement("false", "the code urn:colours|group is abstract", "Cold ones")},
		{name: "a version", path: gender + "&code=male&systemVersion=4.0.1", answer: judgement("true", "", "Male")},
		{name: "in XML", path: gender + "&code=male", headers: []string{"Accept", "application/fhir+xml"}, answer: `...<parameter><name value="result"/><valueBoolean value="true"/></parameter>`},
	}
	for i := range steps {
		steps[i].method, steps[i].status = "GET", 200
	}
	f.run(t, steps)
	f.run(t, []step{
		{name: "a Coding", method: "POST", path: few, status: 200, body: parametersOf(`{"name":"coding","valueCoding":{"system":"urn:colours","code":"red","display":"Red"}}`), answer: judgement("true", "", "Red")},
		{name: "a CodeableConcept", method: "POST", path: few, status: 200, answer: judgement("true", "", "Red"),
			body: parametersOf(`{"name":"codeableConcept","valueCodeableConcept":{"coding":[{"system":"urn:mine","code":"r"},{"system":"urn:colours","code":"red"}]}}`)},
		{name: "a CodeableConcept that is not in it", method: "POST", path: few, status: 200, answer: judgement("false", "the code urn:mine|r is not in the value set; the code s is not in the value set", ""),
			body: parametersOf(`{"name":"codeableConcept","valueCodeableConcept":{"coding":[{"system":"urn:mine","code":"r"},{"code":"s"}]}}`)},
		{name: "a CodeableConcept without codes", method: "POST", path: few, status: 200, answer: judgement("false", "there is no coding", ""), body: parametersOf(`{"name":"codeableConcept","valueCodeableConcept":{"text":"red"}}`)},
		{name: "a value set that is sent along", method: "POST", path: "/ValueSet/$validate-code?code=red&system=urn:colours", status: 200, answer: judgement("true", "", "Red"),
			body: parametersOf(`{"name":"valueSet","resource":{"resourceType":"ValueSet","status":"draft","compose":{"include":[{"valueSet":["urn:set:reds"]}]}}}`)},
		{name: "no code", method: "GET", path: few, status: 400, answer: outcome("required", "$validate-code needs one of code, coding and codeableConcept", "http.code")},
		{name: "a code and a Coding", method: "POST", path: few + "?code=red&system=urn:colours", status: 400, body: parametersOf(`{"name":"coding","valueCoding":{"code":"red"}}`),
			answer: outcome("required", "$validate-code needs one of code, coding and codeableConcept", "http.code")},
		{name: "a code without a system", method: "GET", path: few + "?code=red", status: 400, answer: outcome("required", "code needs system: without it, it is not known which code is meant", "http.system")},
		{name: "a display without a code", method: "POST", path: few + "?display=red", status: 400, body: parametersOf(`{"name":"coding","valueCoding":{"code":"red"}}`), answer: outcome("invalid", "display goes with code; a Coding has a display of its own", "http.display")},
		{name: "at another time", method: "GET", path: gender + "&code=male&date=2001", status: 400, answer: outcome("not-supported", "the parameter date is not supported; without it codes are as they are now", "http.date")},
		{name: "a version that is not known", method: "GET", path: gender + "&code=male&systemVersion=3", status: 404, answer: outcome("not-found", "version 3 of the code system http://hl7.org/fhir/administrative-gender is neither of R4 nor stored here")},
		{name: "a value set that cannot be expanded", method: "GET", path: "/ValueSet/sct/$validate-code?system=http://snomed.info/sct&code=1", status: 422, answer: `..."code":"too-costly"`},
		{name: "a value set that is not there", method: "GET", path: "/ValueSet/$validate-code?url=urn:none&system=a&code=b", status: 404, answer: outcome("not-found", "the value set urn:none is neither of R4 nor stored here", "http.url")},
	})
}

func TestValidateCodeInCodeSystem(t *testing.T) {
	f := newFixture(t)
	storeColours(t, f)
	f.put(t, "/CodeSystem/loose", `{"resourceType":"CodeSystem","id":"loose","url":"urn:loose","status":"active","caseSensitive":false,"content":"complete","concept":[{"code":"Ab","display":"A b"}]}`)
	const colours = "/CodeSystem/$validate-code?url=urn:colours"
	steps := []step{
		{name: "in it", path: colours + "&code=red", answer: judgement("true", "", "Red")},
		{name: "in the version", path: colours + "&code=mauve&version=1.10", answer: judgement("true", "", "")},
		{name: "not in the version", path: colours + "%7C1.9&code=mauve", answer: judgement("false", "the code mauve is not in the code system urn:colours", "")},
		{name: "in the resource", path: "/CodeSystem/old/$validate-code?code=blue&displayLanguage=de", answer: judgement("true", "", "Bleu céleste")},
		{name: "of R4", path: "/CodeSystem/$validate-code?url=http://hl7.org/fhir/administrative-gender&code=male&display=Man", answer: judgement("false", "the display of male is not one that the code has; it is Male", "Male")},
		{name: "in another case", path: "/CodeSystem/loose/$validate-code?code=aB", answer: judgement("true", "", "A b")},
	}
	for i := range steps {
		steps[i].method, steps[i].status = "GET", 200
	}
	f.run(t, steps)
	f.run(t, []step{
		{name: "a Coding of it", method: "POST", path: colours, status: 200, body: parametersOf(`{"name":"coding","valueCoding":{"system":"urn:colours","code":"red"}}`), answer: judgement("true", "", "Red")},
		{name: "a Coding of another", method: "POST", path: colours, status: 200, body: parametersOf(`{"name":"coding","valueCoding":{"system":"urn:other","code":"red"}}`),
			answer: judgement("false", "the code urn:other|red is not of the code system urn:colours", "")},
		{name: "a Coding of another version", method: "POST", path: colours, status: 200, body: parametersOf(`{"name":"coding","valueCoding":{"system":"urn:colours","version":"1.9","code":"red"}}`),
			answer: judgement("false", "the code is of version 1.9 of the code system, and this is version 1.10", "")},
		{name: "a code system that is sent along", method: "POST", path: "/CodeSystem/$validate-code?code=z", status: 200, answer: judgement("true", "", ""),
			body: parametersOf(`{"name":"codeSystem","resource":{"resourceType":"CodeSystem","status":"draft","content":"complete","concept":[{"code":"z"}]}}`)},
		{name: "a fragment", method: "GET", path: "/CodeSystem/part/$validate-code?code=x", status: 422, answer: outcome("not-supported", "it does not carry all of the code system urn:part (its content is fragment)")},
		{name: "unknown", method: "GET", path: "/CodeSystem/$validate-code?url=urn:none&code=x", status: 404, answer: outcome("not-found", "the code system urn:none is neither of R4 nor stored here")},
		{name: "not carried", method: "GET", path: "/CodeSystem/$validate-code?url=http://snomed.info/sct&code=x", status: 422, answer: `...do not carry all of the code system http://snomed.info/sct`},
		{name: "nothing", method: "GET", path: "/CodeSystem/$validate-code?code=x", status: 400, answer: outcome("required", "$validate-code needs the parameter url or codeSystem, or the id of a CodeSystem in the URL", "http.url")},
	})
}

func TestLookup(t *testing.T) {
	f := newFixture(t)
	storeColours(t, f)
	lookup := func(query string) string {
		return "/CodeSystem/$lookup?" + strings.ReplaceAll(query, "COLOURS", url.QueryEscape("urn:colours"))
	}
	property := func(code, member, value string) string {
		return `{"name":"property","part":[{"name":"code","valueCode":"` + code + `"},{"name":"value","` + member + `":` + value + `}]}`
	}
	const (
		head = `{"name":"name","valueString":"Colours"},{"name":"version","valueString":"1.10"},`
		red  = head + `{"name":"display","valueString":"Red"}`
		rot  = `{"name":"designation","part":[{"name":"language","valueCode":"de"},{"name":"value","valueString":"Rot"}]}`
		rood = `{"name":"designation","part":[{"name":"language","valueCode":"de-CH"},{"name":"value","valueString":"Rood"}]}`
	)
	f.run(t, []step{
		{name: "all", method: "GET", path: lookup("system=COLOURS&code=red"), status: 200, answer: parametersOf(red, rot, rood, property("definition", "valueString", `"Like blood."`), property("inactive", "valueBoolean", "false"),
			property("child", "valueCode", `"crimson"`), property("child", "valueCode", `"rust"`), property("warm", "valueBoolean", "true"), property("hue", "valueInteger", "0"))},
		{name: "a Coding", method: "POST", path: "/CodeSystem/$lookup", body: parametersOf(`{"name":"coding","valueCoding":{"system":"urn:colours","code":"rust"}}`, `{"name":"property","valueCode":"parent"}`, `{"name":"property","valueCode":"inactive"}`), status: 200,
			answer: parametersOf(head+`{"name":"display","valueString":"Rust-red"}`, property("inactive", "valueBoolean", "true"), property("parent", "valueCode", `"red"`))},
		{name: "one property", method: "GET", path: lookup("system=COLOURS&code=red&property=hue"), status: 200, answer: parametersOf(red, property("hue", "valueInteger", "0"))},
		{name: "a language of designations", method: "GET", path: lookup("system=COLOURS&code=red&property=lang.de-CH"), status: 200, answer: parametersOf(red, rood)},
		{name: "a language of the display", method: "GET", path: lookup("system=COLOURS&code=red&property=version&displayLanguage=de-ch"), status: 200, answer: parametersOf(head + `{"name":"display","valueString":"Rood"}`)},
		{name: "without a display", method: "GET", path: lookup("system=COLOURS&code=mauve&property=display"), status: 200, answer: parametersOf(head + `{"name":"display","valueString":"mauve"}`)},
		{name: "a version", method: "GET", path: lookup("system=COLOURS&version=1.9&code=red&property=name"), status: 200, answer: `..."version","valueString":"1.9"`},
		{name: "of R4", method: "GET", path: lookup("system=http://hl7.org/fhir/administrative-gender&code=male"), status: 200, answer: parametersOf(
			`{"name":"name","valueString":"AdministrativeGender"},{"name":"version","valueString":"4.0.1"},{"name":"display","valueString":"Male"}`, property("definition", "valueString", `"Male."`), property("inactive", "valueBoolean", "false"))},
		{name: "no such code", method: "GET", path: lookup("system=COLOURS&code=pink"), status: 404, answer: outcome("not-found", `the code system urn:colours has no code \"pink\"`, "http.code")},
		{name: "no such version", method: "GET", path: lookup("system=COLOURS&code=mauve&version=7"), status: 404, answer: outcome("not-found", "version 7 of the code system urn:colours is neither of R4 nor stored here")},
		{name: "no system", method: "GET", path: lookup("code=pink"), status: 400, answer: outcome("required", "$lookup needs the code and its system", "http.system")},
		{name: "nothing", method: "GET", path: "/CodeSystem/$lookup", status: 400, answer: outcome("required", "$lookup needs code and system, or coding", "http.code")},
		{name: "at another time", method: "GET", path: lookup("system=COLOURS&code=red&date=2001"), status: 400, answer: outcome("not-supported", "the parameter date is not supported; without it codes are as they are now", "http.date")},
		{name: "in XML", method: "GET", path: lookup("system=COLOURS&code=red&property=hue"), headers: []string{"Accept", "application/fhir+xml"}, status: 200, answer: `...<part><name value="value"/><valueInteger value="0"/></part>`},
	})
}
