package search

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/path"
)

// readCustom reads a SearchParameter that has an effect.
func readCustom(t testing.TB, r *Registry, text string) *Custom {
	t.Helper()
	c, err := r.ReadCustom(parseResource(t, text))
	if err != nil || c == nil {
		t.Fatalf("%s: %v, %v", text, c, err)
	}
	return c
}

// TestCheckCustom defines a parameter beside another one. A code belongs to the types of its parameter: two may share it as long as no type has both, which those notice
// who call alike what their devices, patients and practitioners have in common.
func TestCheckCustom(t *testing.T) {
	at := func(url, text string) string { return strings.Replace(text, "http://example.org/x", url, 1) }
	other := func(base, expression string) string {
		return strings.Replace(at("urn:other", searchParameter("x", "string", base, expression, "")), `"id":"x"`, `"id":"other"`, 1)
	}
	patients := searchParameter("x", "string", "Patient", "Patient.name.family", "")
	for _, c := range []struct{ name, text, beside, want string }{
		{"alone", patients, "", ""},
		{"beside itself", patients, patients, ""},
		{"itself before it changed", patients, searchParameter("x", "token", "Patient", "Patient.gender", ""), ""},
		{"the code at another type", patients, other("Practitioner", "Practitioner.name.family"), ""},
		{"the code at the same type", patients, other("Patient", "Patient.name.given"), "SearchParameter.code: Patient has a search parameter x already: SearchParameter/other"},
		{"the code at every type", patients, other("Resource", "Resource.language"), "SearchParameter.code: Patient has a search parameter x already: SearchParameter/other"},
		{"the code at every type, and at one of them", searchParameter("x", "string", "DomainResource", "DomainResource.language", ""), other("Observation", "Observation.language"),
			"SearchParameter.code: Observation has a search parameter x already: SearchParameter/other"},
		{"the code at what has no narrative", searchParameter("x", "string", "DomainResource", "DomainResource.language", ""), other("Binary", "Binary.language"), ""},
		{"another code at the same type", patients, searchParameter("y", "string", "Patient", "Patient.name.given", ""), ""},
		{"the url", at("http://example.org/y", patients), searchParameter("y", "string", "Practitioner", "Practitioner.name.family", ""), "SearchParameter.url: SearchParameter/y is active and has the same url"},
		{"a code of the specification", searchParameter("gender", "token", "Patient", "Patient.gender", ""), "",
			"SearchParameter.code: Patient has a search parameter gender already: http://hl7.org/fhir/SearchParameter/individual-gender"},
		{"a code of the specification at another type", searchParameter("gender", "token", "Observation", "Observation.status", ""), "", ""},
		{"leads nowhere", searchParameter("x", "string", "Patient", "Patient.nothing", ""), "",
			`SearchParameter.expression: the parameter cannot be compiled for Patient: it has an error in "Patient.nothing": line 1, column 9: Patient has no element nothing`},
		{"a composite that leads nowhere", searchParameter("x", "composite", "Patient", "Patient", `,"component":[{"definition":"urn:unknown","expression":"name"}]`), "",
			"SearchParameter.component: the parameter cannot be compiled for Patient: it has a component of an unknown definition urn:unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTestRegistry(t)
			custom := readCustom(t, r, c.text)
			all := []*Custom{custom}
			if c.beside != "" {
				all = append(all, readCustom(t, r, c.beside))
			}
			got := ""
			if err := r.CheckCustom(custom, all); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestReadCustom reads definitions up to the edges of what is allowed, and one step beyond.
func TestReadCustom(t *testing.T) {
	of := func(code, typ, expression, more string) string {
		return searchParameter(code, typ, "Patient", expression, more)
	}
	const family = "Patient.name.family"
	wrongName := func(code string) string {
		return `SearchParameter.code: "` + code + `" cannot be the name of a search parameter: a letter, and then at most 63 letters, digits, - and _ are`
	}
	component := `,"component":[{"definition":"http://hl7.org/fhir/SearchParameter/individual-gender","expression":"gender"}]`
	padded := func(n int) string {
		return family + " | Patient." + strings.Repeat("x", n-len(family)-len(" | Patient."))
	}
	for _, c := range []struct{ name, text, want string }{
		{"no code", of("", "string", family, ""), wrongName("")},
		{"one letter", of("a", "string", family, ""), ""},
		{"the last letter", of("z", "string", family, ""), ""},
		{"capitals, digits and signs", of("Z-a_9", "string", family, ""), ""},
		{"before the letters", of("`a", "string", family, ""), wrongName("`a")},
		{"behind the letters", of("{a", "string", family, ""), wrongName("{a")},
		{"a digit first", of("1a", "string", family, ""), wrongName("1a")},
		{"an underscore first", of("_a", "string", family, ""), wrongName("_a")},
		{"a hyphen first", of("-a", "string", family, ""), wrongName("-a")},
		{"a point", of("a.b", "string", family, ""), wrongName("a.b")},
		{"64 letters", of(strings.Repeat("c", 64), "string", family, ""), ""},
		{"65 letters", of(strings.Repeat("c", 65), "string", family, ""), wrongName(strings.Repeat("c", 64) + "...")},
		{"a name of _filter", of("id", "string", family, ""), "SearchParameter.code: id has another meaning in searches"},
		{"an unknown type", of("a", "special", family, ""), `SearchParameter.type: a parameter of type "special" cannot be defined; number, date, string, token, reference, composite, quantity and uri can`},
		{"a type as long as a code may be", of("a", strings.Repeat("c", 64), family, ""),
			`SearchParameter.type: a parameter of type "` + strings.Repeat("c", 64) + `" cannot be defined; number, date, string, token, reference, composite, quantity and uri can`},
		{"the usual usage", of("a", "string", family, `,"xpathUsage":"normal"`), ""},
		{"a phonetic string", of("a", "string", family, `,"xpathUsage":"phonetic"`), ""},
		{"a phonetic token", of("a", "token", family, `,"xpathUsage":"phonetic"`), "SearchParameter.xpathUsage: only a parameter of type string can be phonetic"},
		{"another usage", of("a", "string", family, `,"xpathUsage":"distance"`), "SearchParameter.xpathUsage: xpathUsage distance is not supported; normal and phonetic are"},
		{"no type", strings.Replace(of("a", "string", family, ""), `"base":["Patient"],`, "", 1), "SearchParameter.base: the parameter needs a resource type to be about"},
		{"no expression", of("a", "string", "", ""), "SearchParameter.expression: an active parameter needs a FHIRPath expression"},
		{"blanks for an expression", of("a", "string", "  ", ""), "SearchParameter.expression: an active parameter needs a FHIRPath expression"},
		{"only XPath", of("a", "string", "", `,"xpath":"f:Patient"`), "SearchParameter.expression: XPath is not evaluated; the parameter needs a FHIRPath expression"},
		{"both", of("a", "string", family, `,"xpath":"f:Patient"`), ""},
		{"an expression as long as is allowed", of("a", "string", padded(4096), ""), ""},
		{"an expression that is longer", of("a", "string", padded(4097), ""), "SearchParameter.expression: the expression has 4097 bytes; 4096 are allowed"},
		{"an expression that cannot be read", of("a", "string", "Patient.name.", ""), "SearchParameter.expression: the expression cannot be read: line 1, column 14: expected the name of an element or function, found the end of the expression"},
		{"a composite", of("a", "composite", "Patient", component), ""},
		{"a composite of nothing", of("a", "composite", "Patient", ""), "SearchParameter.component: a composite has components, and no other parameter has any"},
		{"a string of components", of("a", "string", family, component), "SearchParameter.component: a composite has components, and no other parameter has any"},
		{"about what is unknown", searchParameter("a", "string", "Patients", family, ""), `SearchParameter.base: "Patients" is not a resource type`},
		{"about a data type", searchParameter("a", "string", "HumanName", "HumanName.family", ""), `SearchParameter.base: "HumanName" is not a resource type`},
		{"about every type", searchParameter("a", "string", "Resource", "Resource.language", ""), ""},
		{"to what is unknown", of("a", "reference", "Patient.link.other", `,"target":["Patient","Patients"]`), `SearchParameter.base: "Patients" is not a resource type`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			custom, err := newTestRegistry(t).ReadCustom(parseResource(t, c.text))
			if err != nil {
				got = err.Error()
			}
			if got != c.want || (custom == nil) != (c.want != "") {
				t.Errorf("got %v, %q, want %q", custom, got, c.want)
			}
		})
	}
}

// TestWithoutEffect reads SearchParameters that define nothing: they are not active, or document what the specification has. As those they may be what cannot be defined.
func TestWithoutEffect(t *testing.T) {
	const gender = "http://hl7.org/fhir/SearchParameter/individual-gender"
	of := func(code, typ, more string) string {
		return searchParameter(code, typ, "Patient", "Patient.gender", more)
	}
	from := func(url string) string { return `,"derivedFrom":"` + url + `"` }
	for _, c := range []struct {
		name, text string
		effect     bool
	}{
		{"active", of("x", "token", ""), true},
		{"a draft", strings.Replace(of("x", "token", ""), "active", "draft", 1), false},
		{"retired, and not to be read", strings.Replace(of("1", "special", ""), "active", "retired", 1), false},
		{"the url of the specification", strings.Replace(of("x", "token", ""), "http://example.org/x", gender, 1), false},
		{"derived from it, with its code and type", of("gender", "token", from(gender)), false},
		{"derived from it, with another code", of("x", "token", from(gender)), true},
		{"derived from it, with another type", of("gender", "string", from(gender)), true},
		{"derived from what is unknown", of("gender", "token", from("urn:unknown")), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			custom, err := newTestRegistry(t).ReadCustom(parseResource(t, c.text))
			if err != nil || (custom != nil) != c.effect {
				t.Errorf("got %v, %v, want one: %t", custom, err, c.effect)
			}
		})
	}
}

// TestCustomExpressions compiles expressions for a type. An alternative for another type is left out, unless it is the only one.
func TestCustomExpressions(t *testing.T) {
	const gender = `,"component":[{"definition":"http://hl7.org/fhir/SearchParameter/individual-gender","expression":"gender"},{"definition":"http://hl7.org/fhir/SearchParameter/individual-birthdate","expression":"birthDate"}]`
	for _, c := range []struct{ name, typ, base, expression, more, want string }{
		{"from the type", "string", "Patient", "Patient.name.family", "", ""},
		{"from the resource", "string", "Patient", "%resource.name.family", "", ""},
		{"from the resource, or another type", "string", "Patient", "%resource.name.family | Practitioner.name.family", "", ""},
		{"from nowhere", "string", "Patient", "name.family", "", ""},
		{"from another type", "string", "Practitioner", "Patient.name.family", "", "it begins at Patient"},
		{"from other types", "string", "Practitioner", "Patient.name.family | Person.name.family", "", "it has no expression for Practitioner"},
		{"computed from other types", "string", "Practitioner", "Patient.name.first().family | Practitioner.name.first().family", "", ""},
		{"from a misspelled type", "string", "Patient", "Patients.name.family", "", `it has an error in "Patients.name.family": line 1, column 1: Patient has no element Patients`},
		{"from what is no type, with an element of the type", "string", "Patient", "Patient.name.family | Unknown.name.given", "", `it has an error in "Unknown.name.given": line 1, column 1: Patient has no element Unknown`},
		{"from what is no type", "string", "Patient", "Patient.name.family | Unknown.family", "", `it has an error in "Unknown.family": line 1, column 1: Patient has no element Unknown`},
		{"through a choice", "string", "Observation", "Observation.value.unit", "", ""},
		{"to another kind of element", "date", "Patient", "Patient.name", "", `it has an error in "Patient.name": Patient.name is of no type that a date parameter can hold`},
		{"a composite", "composite", "Patient", "Patient", gender, ""},
		{"a composite at nothing", "composite", "Patient", "Patient.nothing", gender, `it has an error in "Patient.nothing": Patient has no element nothing`},
		{"a composite at what is computed", "composite", "Patient", "Patient.first()", gender, `it has an error in "Patient.first()": has items that are not at a plain path`},
		{"one restriction", "reference", "Patient", "Patient.link.other.where(resolve() is Patient)", "", ""},
		{"a restriction and none", "reference", "Patient", "Patient.link.other.where(resolve() is Patient) | Patient.generalPractitioner", "", "it restricts its targets in different ways"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTestRegistry(t)
			custom := readCustom(t, r, searchParameter("x", c.typ, c.base, c.expression, c.more))
			got := ""
			if err := r.CheckCustom(custom, []*Custom{custom}); err != nil {
				_, got, _ = strings.Cut(err.Error(), " cannot be compiled for "+c.base+": ")
				if got == "" {
					t.Fatal(err)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestCustomTargets has references to any type where the element may hold them and the definition names more than half of all types.
func TestCustomTargets(t *testing.T) {
	types := newTestRegistry(t).defs.ResourceTypes()
	half := types[:len(types)/2]
	most := types[:len(types)/2+1]
	for _, c := range []struct {
		name, expression string
		targets, want    []string
	}{
		{"any, two are named", "Observation.focus", []string{"Patient", "Device"}, []string{"Device", "Patient"}},
		{"any, none is named", "Observation.focus", nil, nil},
		{"any, half of all are named", "Observation.focus", half, half},
		{"any, more are named", "Observation.focus", most, nil},
		{"some, more are named", "Observation.specimen", most, most},
		{"restricted", "Observation.subject.where(resolve() is Patient)", half, []string{"Patient"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			more := ""
			if len(c.targets) > 0 {
				more = `,"target":["` + strings.Join(c.targets, `","`) + `"]`
			}
			r := customRegistry(t, searchParameter("x", "reference", "Observation", c.expression, more))
			if diff := cmp.Diff(c.want, paramOf(t, r, "Observation", "x").Targets); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCustomAbilities has what a definition allows declared, and nothing that the server does not do.
func TestCustomAbilities(t *testing.T) {
	type abilities struct{ Modifiers, Comparators []string }
	all := []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}
	for _, c := range []struct {
		name, typ, expression, more string
		want                        abilities
	}{
		{"a date", "date", "Patient.birthDate", "", abilities{[]string{"missing"}, all}},
		{"two prefixes", "date", "Patient.birthDate", `,"comparator":["ge","eq"]`, abilities{[]string{"missing"}, []string{"eq", "ge"}}},
		{"one modifier, that is not the server's", "date", "Patient.birthDate", `,"modifier":["exact"]`, abilities{[]string{}, all}},
		{"a string", "string", "Patient.name.family", "", abilities{[]string{"missing", "exact", "contains"}, nil}},
		{"a string's modifiers", "string", "Patient.name.family", `,"modifier":["contains","missing","text"]`, abilities{[]string{"missing", "contains"}, nil}},
		{"prefixes of a string", "string", "Patient.name.family", `,"comparator":["eq"]`, abilities{[]string{"missing", "exact", "contains"}, nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := paramOf(t, customRegistry(t, searchParameter("x", c.typ, "Patient", c.expression, c.more)), "Patient", "x")
			if diff := cmp.Diff(c.want, abilities{p.Modifiers, p.Comparators}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCheckCustomValues has results of expressions up to the edges of what is indexed, and one step beyond.
func TestCheckCustomValues(t *testing.T) {
	r := newTestRegistry(t)
	patient := path.Root(parseResource(t, `{"resourceType":"Patient"}`), r.defs)
	const computes, more = "the expression computes a value; only elements and true or false are indexed", "the expression gives more than 1000 values"
	for _, c := range []struct {
		name   string
		values path.Collection
		want   string
	}{
		{"nothing", nil, ""},
		{"an element", path.Collection{patient}, ""},
		{"true", path.Collection{path.BooleanValue(true)}, ""},
		{"a text", path.Collection{path.StringValue("x")}, computes},
		{"an element and a number", path.Collection{patient, path.IntegerValue(1)}, computes},
		{"as many as are indexed", slices.Repeat(path.Collection{patient}, 1000), ""},
		{"one more", slices.Repeat(path.Collection{patient}, 1001), more},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := checkCustomValues(c.values); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
