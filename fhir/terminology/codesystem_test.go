package terminology

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// animals is a code system with nested concepts and with children by property: a cat is also a pet.
const animals = `{"resourceType":"CodeSystem","url":"urn:animals","version":"1","concept":[
	{"code":"animal","concept":[{"code":"mammal","concept":[{"code":"cat"},{"code":"dog"}]},{"code":"bird"}]},
	{"code":"pet","property":[{"code":"child","valueCode":"cat"},{"code":"child","valueCode":"cat"},{"code":"status","valueCode":"dog"}]},
	{"code":"stone"}]}`

func parse(t *testing.T, text string) fhir.Node {
	t.Helper()
	root, err := fhir.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func newTerminology(t *testing.T) *Terminology {
	t.Helper()
	defs, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	return New(defs)
}

func animalSystem(t *testing.T) *CodeSystem {
	t.Helper()
	return newCodeSystem(parse(t, animals))
}

func TestHierarchy(t *testing.T) {
	s := animalSystem(t)
	if got := len(s.order); got != 7 {
		t.Errorf("%d codes", got)
	}
	for code, want := range map[string][2]string{ // below and above
		"animal": {"animal bird cat dog mammal", "animal"}, "cat": {"cat", "animal cat mammal pet"}, "pet": {"cat pet", "pet"}, "dog": {"dog", "animal dog mammal"}, "stone": {"stone", "stone"},
	} {
		below, above := strings.Join(closure(code, s.children), " "), strings.Join(closure(code, s.parents), " ")
		if below != want[0] || above != want[1] {
			t.Errorf("%s: below %q, above %q, want %q", code, below, above, want)
		}
	}
	if got := s.parents["cat"]; !slices.Equal(got, []string{"mammal", "pet"}) {
		t.Errorf("parents of cat: %v", got)
	}
	circle := map[string][]string{"a": {"b"}, "b": {"a", "b"}}
	if got := closure("a", circle); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("in a circle: %v", got)
	}
}

func TestValueSetFilters(t *testing.T) {
	s := animalSystem(t)
	for _, c := range []struct{ property, op, value, want string }{
		{"concept", "is-a", "mammal", "cat dog mammal"}, {"code", "is-a", "pet", "cat pet"}, {"concept", "descendent-of", "mammal", "cat dog"},
		{"concept", "is-not-a", "animal", "pet stone"}, {"concept", "=", "bird", "bird"}, {"concept", "is-a", "unknown", "refused"}, {"concept", "regex", ".*", "refused"}, {"status", "=", "dog", "refused"},
	} {
		filter := parse(t, `{"property":"`+c.property+`","op":"`+c.op+`","value":"`+c.value+`"}`)
		passes, err := s.filter(filter)
		var all []string
		for code := range s.concepts {
			if err == nil && passes(code) {
				all = append(all, code)
			}
		}
		slices.Sort(all)
		got := strings.Join(all, " ")
		if err != nil {
			got = "refused"
		}
		if got != c.want {
			t.Errorf("%s %s %s: %q, want %q", c.property, c.op, c.value, got, c.want)
		}
	}
}

// TestValueSetComposition includes and excludes what systems, lists of codes and other value sets have.
func TestValueSetComposition(t *testing.T) {
	x := newTerminology(t)
	x.systems["urn:animals|"] = animalSystem(t)
	x.systems["urn:animals|1"] = x.systems["urn:animals|"]
	set := func(codes ...string) *Codes {
		s := newCodes()
		for _, code := range codes {
			s.add(Code{"urn:animals", code})
		}
		return s
	}
	x.sets["urn:pets"], x.sets["urn:few"] = set("cat", "dog"), set("cat", "stone")
	for _, c := range []struct{ name, part, want string }{
		{"all of a system", `"system":"urn:animals"`, "animal bird cat dog mammal pet stone"},
		{"listed", `"system":"urn:animals","concept":[{"code":"cat"},{"code":"fish"}]`, "cat fish"},
		{"filtered", `"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"mammal"},{"property":"concept","op":"is-not-a","value":"cat"}]`, "dog mammal"},
		{"the version", `"system":"urn:animals","version":"1","concept":[{"code":"cat"}]`, "cat"},
		{"the version of all", `"system":"urn:animals","version":"1","filter":[{"property":"concept","op":"=","value":"cat"}]`, "cat"},
		{"another version", `"system":"http://hl7.org/fhir/administrative-gender","version":"2"`, "the definitions carry another version of the code system http://hl7.org/fhir/administrative-gender"},
		{"a value set", `"valueSet":["urn:pets"]`, "cat dog"},
		{"two value sets", `"valueSet":["urn:pets","urn:few"]`, "cat"},
		{"a system and a value set", `"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"mammal"}],"valueSet":["urn:few"]`, "cat"},
		{"nothing", `"version":"1"`, "it has a part without a code system and without a value set"},
		{"an unknown system", `"system":"urn:unknown"`, "the definitions do not carry the code system urn:unknown"},
		{"an unknown value set", `"valueSet":["urn:unknown"]`, "the definitions do not carry the value set urn:unknown"},
		{"a name that may be private", `"valueSet":["Jane Doe"]`, "the definitions do not carry the value set asked for"},
	} {
		found, err := x.part(parse(t, `{`+c.part+`}`), nil)
		var codes []string
		if err == nil {
			for _, code := range found.All() {
				codes = append(codes, code.Code)
			}
		}
		slices.Sort(codes)
		got := strings.Join(codes, " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if diff := cmp.Diff([]int{2, 2}, []int{len(x.sets["urn:pets"].All()), len(x.sets["urn:few"].All())}); diff != "" {
		t.Errorf("computing changed what was known:\n%s", diff)
	}
	if _, err := x.valueSet("urn:loop", []string{"urn:other", "urn:loop"}); err == nil || err.Error() != "the value set urn:loop includes itself" {
		t.Errorf("a value set in itself: %v", err)
	}
}

func TestPrintableURL(t *testing.T) {
	long := "urn:" + strings.Repeat("x", 196)
	for url, want := range map[string]string{"urn:a": "urn:a", "http://a/b~!": "http://a/b~!", "a": "asked for", "urn:a b": "asked for", "urn:é": "asked for", long: long, long + "x": "asked for"} {
		if got := printableURL(url); got != want {
			t.Errorf("%q: %q, want %q", url, got, want)
		}
	}
}
