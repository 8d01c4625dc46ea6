package search

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refusal is why a query is not answered; empty for one that is.
func refusal(t testing.TB, r *Registry, typ, query string) string {
	t.Helper()
	if _, err := r.Parse(typ, pairsOf(t, query), ParseOptions{Strict: true}); err != nil {
		return err.Error()
	}
	return ""
}

// TestSetCustom replaces custom parameters when types are compiled already: those that had one or get one are compiled anew, and no others.
func TestSetCustom(t *testing.T) {
	r := customRegistry(t)
	x := readCustom(t, r, searchParameter("x", "token", "Patient", "Patient.gender", ""))
	ready := CustomState{Custom: x, Ready: []string{"Patient"}}
	waits := CustomState{Custom: x, Why: func(typ string) string { return "waits for " + typ }}
	const unknown = "http.x: Patient has no search parameter x"
	group, err := r.indexesOf("Group")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		name string
		set  []CustomState
		want string
	}{
		{"none", nil, unknown},
		{"one", []CustomState{ready}, ""},
		{"the same once more", []CustomState{ready}, ""},
		{"one that is not ready any more", []CustomState{waits}, "http.x: the search parameter x of Patient waits for Patient"},
		{"one that does not say why", []CustomState{{Custom: x}}, "http.x: the search parameter x of Patient is not indexed yet"},
		{"ready for another type only", []CustomState{{Custom: x, Ready: []string{"Group"}}}, "http.x: the search parameter x of Patient is not indexed yet"},
		{"ready again", []CustomState{ready}, ""},
		{"removed", nil, unknown},
	} {
		r.SetCustom(c.set)
		if got, want := r.Generation(), uint64(i+2); got != want {
			t.Errorf("%s: generation %d, want %d", c.name, got, want)
		}
		if got := refusal(t, r, "Patient", "x=male"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got, want := refusal(t, r, "Group", "x=male"), "http.x: Group has no search parameter x"; got != want {
			t.Errorf("%s: another type says %q, want %q", c.name, got, want)
		}
		if same, err := r.indexesOf("Group"); err != nil || same != group {
			t.Errorf("%s: another type is compiled anew: %v", c.name, err)
		}
	}
}

// TestCustomsOfOneCode has several parameters with one code. Of those of one type the first by id counts, and while it is not ready, none.
func TestCustomsOfOneCode(t *testing.T) {
	at := func(id, typ, base, expression string) *Custom {
		text := strings.Replace(searchParameter("x", typ, base, expression, ""), `"id":"x"`, `"id":"`+id+`"`, 1)
		return readCustom(t, newTestRegistry(t), strings.Replace(text, "http://example.org/x", "urn:"+id, 1))
	}
	gender, family := at("a", "token", "Patient", "Patient.gender"), at("b", "string", "Patient", "Patient.name.family")
	active := at("c", "token", "Group", "Group.active")
	patients := []string{"Patient"}
	const fromGender, fromFamily = "+x\x01tmale\x01", "+x\x01Sberg\x01Berg"
	for _, c := range []struct {
		name    string
		set     []CustomState
		url     string   // of the parameter that queries see
		keys    []string // of a patient
		refused string
	}{
		{"one", []CustomState{{Custom: family, Ready: patients}}, "urn:b", []string{fromFamily}, ""},
		{"two", []CustomState{{Custom: gender, Ready: patients}, {Custom: family, Ready: patients}}, "urn:a", []string{fromGender}, ""},
		{"in the other order", []CustomState{{Custom: family, Ready: patients}, {Custom: gender, Ready: patients}}, "urn:a", []string{fromGender}, ""},
		{"the first is not ready", []CustomState{{Custom: gender}, {Custom: family, Ready: patients}}, "", []string{fromGender}, "http.x: the search parameter x of Patient is not indexed yet"},
		{"the second is not ready", []CustomState{{Custom: gender, Ready: patients}, {Custom: family}}, "urn:a", []string{fromGender}, ""},
		{"one is of another type", []CustomState{{Custom: active, Ready: []string{"Group"}}, {Custom: family, Ready: patients}}, "urn:b", []string{fromFamily}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := customRegistry(t)
			r.SetCustom(c.set)
			var urls []string
			for _, p := range r.Params("Patient") {
				if p.Code == "x" {
					urls = append(urls, p.URL)
				}
			}
			if got := strings.Join(urls, " "); got != c.url {
				t.Errorf("queries see %q, want %q", got, c.url)
			}
			keys := mustExtract(t, r, `{"resourceType":"Patient","id":"p","gender":"male","name":[{"family":"Berg"}]}`)
			keys = slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, "+x") })
			if diff := cmp.Diff(c.keys, keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if got := refusal(t, r, "Patient", "x=a"); got != c.refused {
				t.Errorf("%q, want %q", got, c.refused)
			}
		})
	}
}

// TestDigest tells definitions that give other keys from those that do not.
func TestDigest(t *testing.T) {
	r := newTestRegistry(t)
	component := func(definition, expression string) string {
		return `,"component":[{"definition":"` + definition + `","expression":"` + expression + `"},{"definition":"http://example.org/v","expression":"birthDate"}]`
	}
	read := func(code, typ, expression, more string) *Custom {
		return readCustom(t, r, searchParameter(code, typ, "Patient", expression, more))
	}
	k, kAsString, v := read("k", "token", "Patient.gender", ""), read("k", "string", "Patient.gender", ""), read("v", "date", "Patient.birthDate", "")
	plain := read("x", "string", "Patient.name.family", "")
	whole := read("x", "composite", "Patient", component("http://example.org/k", "gender"))
	for _, c := range []struct {
		name               string
		of, other          *Custom
		beside, thenBeside []*Custom
		same               bool
	}{
		{"itself", plain, plain, nil, nil, true},
		{"with limits for queries", plain, read("x", "string", "Patient.name.family", `,"modifier":["exact"],"multipleOr":false`), nil, nil, true},
		{"beside others", plain, plain, nil, []*Custom{k, v}, true},
		{"another code", plain, read("y", "string", "Patient.name.family", ""), nil, nil, false},
		{"another type", plain, read("x", "token", "Patient.name.family", ""), nil, nil, false},
		{"another expression", plain, read("x", "string", "Patient.name.given", ""), nil, nil, false},
		{"phonetic", plain, read("x", "string", "Patient.name.family", `,"xpathUsage":"phonetic"`), nil, nil, false},
		{"a composite", whole, whole, []*Custom{k, v}, []*Custom{k, v}, true},
		{"beside what is no component", whole, whole, []*Custom{k, v}, []*Custom{k, plain, v}, true},
		{"a component changes its type", whole, whole, []*Custom{k, v}, []*Custom{kAsString, v}, false},
		{"a component is gone", whole, whole, []*Custom{k, v}, []*Custom{v}, false},
		{"a component of a version changes its type", read("x", "composite", "Patient", component("http://example.org/k|1", "gender")), read("x", "composite", "Patient", component("http://example.org/k|1", "gender")),
			[]*Custom{k, v}, []*Custom{kAsString, v}, false},
		{"another expression of a component", whole, read("x", "composite", "Patient", component("http://example.org/k", "active")), []*Custom{k, v}, []*Custom{k, v}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.of.Digest(c.beside) == c.other.Digest(c.thenBeside); got != c.same {
				t.Errorf("the same: %t, want %t", got, c.same)
			}
		})
	}
	if plain.IsComposite() || !whole.IsComposite() {
		t.Error("IsComposite")
	}
}
