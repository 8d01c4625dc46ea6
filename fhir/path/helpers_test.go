package path

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

// patient is the focus of most table tests.
const patient = `{"resourceType":"Patient","id":"p1",
"contained":[{"resourceType":"Organization","id":"o1","name":"Acme"},{"resourceType":"Practitioner","id":"d1"}],
"extension":[{"url":"http://x/weight","valueQuantity":{"value":74.126,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}},
 {"url":"http://x/nick","valueString":"Pete"}],
"active":true,
"name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]},
 {"use":"maiden","given":[null,"Zo\u00eb"],"_given":[{"extension":[{"url":"http://x/absent","valueCode":"unknown"}]},null]}],
"telecom":[{"system":"phone","value":"1","rank":2},{"system":"email","value":"a@b.c","rank":1}],
"gender":"male","birthDate":"1974-12-25","_birthDate":{"id":"bd","extension":[{"url":"http://x/time","valueDateTime":"1974-12-25T14:35:45-05:00"}]},
"_deceasedBoolean":{"extension":[{"url":"http://x/absent","valueCode":"unknown"}]},
"multipleBirthInteger":2,
"managingOrganization":{"reference":"#o1"},
"generalPractitioner":[{"reference":"Practitioner/9"},{"reference":"http://h/fhir/Organization/3/_history/2"},{"reference":"urn:uuid:0"},
 {"type":"PractitionerRole","identifier":{"value":"7"}},{"reference":"#d1"},{"reference":"#none"}],
"unknownElement":"x"}`

func resource(t testing.TB, json string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// described gives each item as its type and text: "Integer 1", "HumanName {...}" without the JSON.
func described(items Collection) []string {
	out := []string{}
	for _, v := range items {
		text := v.TypeName()
		if value := v.Text(); value != "" || v.Kind() == String {
			text += " " + value
		}
		out = append(out, text)
	}
	return out
}

// row is an expression and what it yields, or the error.
type row struct {
	expression string
	want       []string
}

func items(want ...string) []string { return append([]string{}, want...) }

// nothing is the empty collection.
func nothing() []string { return []string{} }

func isTrue() []string  { return []string{"Boolean true"} }
func isFalse() []string { return []string{"Boolean false"} }

// runRows evaluates each expression on the resource. A want of one text that begins with "error: " is the error wanted, from compiling or
// evaluating.
func runRows(t *testing.T, json string, env *Env, rows []row, opts ...Option) {
	t.Helper()
	defs := definitions(t)
	r := resource(t, json)
	for _, test := range rows {
		t.Run(test.expression, func(t *testing.T) {
			var got []string
			e, err := Compile(test.expression, defs, opts...)
			if err == nil {
				var found Collection
				if found, err = e.Eval(r, env); err == nil {
					got = described(found)
				}
			}
			if err != nil {
				got = []string{"error: " + err.Error()}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.expression, diff)
			}
		})
	}
}
