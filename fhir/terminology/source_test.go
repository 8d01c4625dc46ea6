package terminology

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

// library is a Source of resources by url, or url|version. It counts what it is asked for.
type library struct {
	resources map[string]fhir.Node
	asked     int
	broken    error
}

func (l *library) Find(resourceType, url, version string) (fhir.Node, error) {
	l.asked++
	root := l.resources[strings.TrimSuffix(url+"|"+version, "|")]
	if !root.Get("resourceType").TextIs(resourceType) {
		root = fhir.Node{}
	}
	return root, l.broken
}

func newLibrary(t *testing.T, texts ...string) *library {
	t.Helper()
	l := &library{resources: map[string]fhir.Node{}}
	for _, text := range texts {
		root := parse(t, text)
		url := root.Get("url").Text()
		l.resources[url] = root
		l.resources[url+"|"+root.Get("version").Text()] = root
	}
	return l
}

const (
	zoo = `{"resourceType":"CodeSystem","url":"urn:zoo","version":"7","content":"complete","property":[{"code":"gone","uri":"http://hl7.org/fhir/concept-properties#inactive","type":"boolean"},
		{"code":"legs","type":"integer"},{"code":"coat","type":"Coding"}],"concept":[
		{"code":"a","display":"Animal","property":[{"code":"notSelectable","valueBoolean":true}],"concept":[
			{"code":"c","display":"Cat","property":[{"code":"legs","valueInteger":4}],"designation":[{"language":"de","value":"Katze"}]},
			{"code":"d","display":"Dodo","property":[{"code":"legs","valueInteger":2},{"code":"gone","valueBoolean":true}]},
			{"code":"e","display":"Emu","property":[{"code":"legs","valueInteger":2},{"code":"status","valueCode":"retired"},{"code":"gone","valueBoolean":false}]}]},
		{"code":"s","property":[{"code":"status","valueCode":"deprecated"},{"code":"parent","valueCode":"c"}]}]}`
	keepers = `{"resourceType":"ValueSet","url":"urn:keepers","version":"1","compose":{"include":[{"system":"urn:people","concept":[{"code":"ann","display":"Ann"}]},
		{"system":"urn:zoo","concept":[{"code":"c","display":"The cat","designation":[{"language":"fr","value":"Chat"}]},{"code":"unheard"}]}]}}`
)

func all(codes *Codes) string {
	var list []string
	for _, code := range codes.All() {
		list = append(list, code.Code)
	}
	return strings.Join(list, " ")
}

// TestSource composes value sets of what a source has.
func TestSource(t *testing.T) {
	l := newLibrary(t, zoo, keepers,
		`{"resourceType":"CodeSystem","url":"urn:part","content":"fragment","concept":[{"code":"x"}]}`,
		`{"resourceType":"CodeSystem","url":"http://loinc.org","version":"mine","content":"complete","concept":[{"code":"8867-4","display":"Heart rate"}]}`,
		`{"resourceType":"ValueSet","url":"urn:loop","compose":{"include":[{"valueSet":["urn:pool"]}]}}`,
		`{"resourceType":"ValueSet","url":"urn:pool","compose":{"include":[{"valueSet":["urn:loop"]}]}}`,
		`{"resourceType":"ValueSet","url":"http://hl7.org/fhir/ValueSet/administrative-gender","version":"mine","compose":{"include":[{"system":"urn:zoo"}]}}`)
	for _, c := range []struct{ name, compose, want string }{
		{"a stored system", `{"include":[{"system":"urn:zoo"}]}`, "a c d e s"},
		{"its version", `{"include":[{"system":"urn:zoo","version":"7"}]}`, "a c d e s"},
		{"no version of it", `{"include":[{"system":"urn:zoo","version":"8"}]}`, "NotWhole: version 8 of the code system urn:zoo is neither of R4 nor stored here"},
		{"is-a", `{"include":[{"system":"urn:zoo","filter":[{"property":"concept","op":"is-a","value":"c"}]}]}`, "c s"},
		{"a property", `{"include":[{"system":"urn:zoo","filter":[{"property":"legs","op":"=","value":"2"}]}]}`, "d e"},
		{"children", `{"include":[{"system":"urn:zoo","filter":[{"property":"parent","op":"=","value":"a"}]}]}`, "c d e"},
		{"parents", `{"include":[{"system":"urn:zoo","filter":[{"property":"child","op":"=","value":"c"}]}]}`, "a"},
		{"a property that is a Coding", `{"include":[{"system":"urn:zoo","filter":[{"property":"coat","op":"=","value":"red"}]}]}`, "Unsupported: it filters the code system urn:zoo by the property coat with =, which is not supported"},
		{"an operator of a property", `{"include":[{"system":"urn:zoo","filter":[{"property":"legs","op":"regex","value":"2"}]}]}`, "Unsupported: it filters the code system urn:zoo by the property legs with regex, which is not supported"},
		{"a property of no kind", `{"include":[{"system":"urn:zoo","filter":[{"property":"wings","op":"=","value":"2"}]}]}`, "Malformed: it filters the code system urn:zoo by the property wings, which it does not have"},
		{"without the inactive", `{"inactive":false,"include":[{"system":"urn:zoo"}]}`, "a c s"},
		{"with the inactive", `{"inactive":true,"include":[{"system":"urn:zoo"}]}`, "a c d e s"},
		{"without the inactive of what is not known", `{"inactive":false,"include":[{"valueSet":["urn:keepers"]}]}`, "NotWhole: which codes are inactive is not known: the code system urn:people is not known, or lacks some"},
		{"a stored value set", `{"include":[{"valueSet":["urn:keepers|1"]}]}`, "ann c unheard"},
		{"less another one", `{"include":[{"valueSet":["urn:keepers"]}],"exclude":[{"system":"urn:zoo"}]}`, "ann unheard"},
		{"both of a system and a set", `{"include":[{"system":"urn:zoo","valueSet":["urn:keepers"]}]}`, "c"},
		{"a value set that is nowhere", `{"include":[{"valueSet":["urn:none"]}]}`, "NotWhole: the value set urn:none is neither of R4 nor stored here"},
		{"a fragment", `{"include":[{"system":"urn:part"}]}`, "NotWhole: what is stored here does not carry all of the code system urn:part (its content is fragment)"},
		{"a code system that is nowhere", `{"include":[{"system":"urn:none"}]}`, "NotWhole: the code system urn:none is neither of R4 nor stored here"},
		{"one that R4 has in part", `{"include":[{"system":"http://snomed.info/sct"}]}`, "NotWhole: the definitions do not carry all of the code system http://snomed.info/sct (its content is not-present)"},
		{"one that R4 has not", `{"include":[{"system":"http://loinc.org"}]}`, "8867-4"},
		{"a value set of R4 over it", `{"include":[{"valueSet":["http://hl7.org/fhir/ValueSet/report-codes"]}]}`, "8867-4"},
		{"R4 before what is stored", `{"include":[{"valueSet":["http://hl7.org/fhir/ValueSet/administrative-gender"]}]}`, "male female other unknown"},
		{"unless the version says so", `{"include":[{"valueSet":["http://hl7.org/fhir/ValueSet/administrative-gender|mine"]}]}`, "a c d e s"},
		{"a circle", `{"include":[{"valueSet":["urn:loop"]}]}`, "Malformed: the value set urn:loop includes itself"},
		{"nothing", `{}`, "Malformed: the value set urn:test does not say what it is made of"},
	} {
		codes, err := newTerminology(t).With(l).Compose(parse(t, `{"resourceType":"ValueSet","url":"urn:test","compose":`+c.compose+`}`))
		got := ""
		var problem *Error
		switch {
		case errors.As(err, &problem):
			got = []string{"Unknown", "NotWhole", "Unsupported", "Malformed"}[problem.Reason] + ": " + err.Error()
		case err != nil:
			t.Fatal(err)
		default:
			got = all(codes)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestConcepts describes codes by their value set and their code system.
func TestConcepts(t *testing.T) {
	x := newTerminology(t).With(newLibrary(t, zoo, keepers))
	codes, err := x.Compose(parse(t, `{"compose":{"include":[{"valueSet":["urn:keepers"]},{"system":"urn:zoo"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, code := range codes.All() {
		c, err := x.Concept(codes, code)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%s %q known=%t inactive=%t abstract=%t", c.Code.Code, c.Display, c.IsKnown, c.Inactive, c.Abstract)
		for d := range c.Designations() {
			text += " " + d.Get("value").Text()
		}
		got = append(got, text)
	}
	want := []string{
		`ann "Ann" known=false inactive=false abstract=false`, `c "The cat" known=true inactive=false abstract=false Chat Katze`, `unheard "" known=false inactive=false abstract=false`,
		`a "Animal" known=true inactive=false abstract=true`, `d "Dodo" known=true inactive=true abstract=false`, `e "Emu" known=true inactive=true abstract=false`, `s "" known=true inactive=false abstract=false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	versions, err := x.Versions(codes)
	if diff := cmp.Diff([]string{"urn:zoo|7"}, versions); diff != "" || err != nil {
		t.Errorf("versions: %v\n%s", err, diff)
	}
	if _, err := x.Active(codes); err == nil {
		t.Error("the active codes of a code system that is not known")
	}
}

// TestSourceIsAskedOnce counts what one request costs a source, whose errors are handed on.
func TestSourceIsAskedOnce(t *testing.T) {
	l := newLibrary(t, zoo, keepers)
	x := newTerminology(t).With(l)
	codes, err := x.Compose(parse(t, `{"compose":{"include":[{"valueSet":["urn:keepers"]},{"valueSet":["urn:keepers"]},{"system":"urn:zoo"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, code := range codes.All() {
			if _, err := x.Concept(codes, code); err != nil {
				t.Fatal(err)
			}
		}
	}
	if l.asked != 3 { // the value set, its two code systems
		t.Errorf("the source was asked %d times", l.asked)
	}
	l.broken = errors.New("the disk is gone")
	if _, err := newTerminology(t).With(l).ValueSet("urn:keepers"); !errors.Is(err, l.broken) {
		t.Errorf("an error of the source: %v", err)
	}
	x.left = 6
	if _, err := x.Compose(parse(t, `{"compose":{"include":[{"system":"urn:zoo"},{"system":"urn:zoo","filter":[{"property":"legs","op":"=","value":"2"}]}]}}`)); err == nil || !strings.Contains(err.Error(), "than a request may cost") {
		t.Errorf("too much work: %v", err)
	}
}

// TestMember finds codes in the case that the code system writes them in, where that does not matter.
func TestMember(t *testing.T) {
	x := newTerminology(t).With(newLibrary(t, `{"resourceType":"CodeSystem","url":"urn:loose","version":"1","caseSensitive":false,"content":"complete","concept":[{"code":"Ab","display":"A b"},{"code":"cd"}]}`, zoo))
	codes, err := x.Compose(parse(t, `{"compose":{"include":[{"system":"urn:loose"},{"system":"urn:zoo","filter":[{"property":"legs","op":"=","value":"4"}]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[Code]string{{"urn:loose", "Ab"}: "Ab", {"urn:loose", "aB"}: "Ab", {"urn:zoo", "c"}: "c", {"urn:zoo", "C"}: "", {"urn:zoo", "d"}: "", {"urn:other", "Ab"}: ""} {
		member, ok, err := x.Member(codes, code)
		if err != nil || ok != (want != "") || ok && member.Code != want {
			t.Errorf("%v: %v %t %v, want %q", code, member, ok, err, want)
		}
	}
	system, err := x.CodeSystem("urn:loose", "1")
	if err != nil {
		t.Fatal(err)
	}
	if c := system.Concept("AB"); !c.IsKnown || c.Code.Code != "Ab" || c.Display != "A b" {
		t.Errorf("%+v", c)
	}
	if c := system.Concept("x"); c.IsKnown {
		t.Errorf("%+v", c)
	}
}
