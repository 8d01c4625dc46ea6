package search

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keysUnder are the keys of a resource in some indexes, as explain shows them.
func keysUnder(t *testing.T, r *Registry, text string, indexes ...string) []string {
	t.Helper()
	keys, err := r.Extract(parseResource(t, text))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, key := range keys {
		for _, index := range indexes {
			if strings.HasPrefix(key, index+Separator) {
				found = append(found, show(key))
			}
		}
	}
	return found
}

// TestReferenceKeys extracts references of every form, among them some that say nothing.
func TestReferenceKeys(t *testing.T) {
	r := newTestRegistry(t)
	for _, c := range []struct {
		name, index, text string
		want              []string
	}{
		{"local", "subject", `{"resourceType":"Observation","subject":{"reference":"Patient/1"}}`, []string{"subject␁rPatient/1"}},
		{"with a version", "subject", `{"resourceType":"Observation","subject":{"reference":"Patient/1/_history/2"}}`, []string{"subject␁rPatient/1", "subject␁rPatient/1/_history/2"}},
		{"on this server", "subject", `{"resourceType":"Observation","subject":{"reference":"` + testBase + `/Patient/1"}}`, []string{"subject␁rPatient/1"}},
		{"of a type that is none", "subject", `{"resourceType":"Observation","subject":{"reference":"Unicorn/1/_history/2"}}`, []string{"subject␁rUnicorn/1/_history/2"}},
		{"inside of the resource", "subject", `{"resourceType":"Observation","subject":{"reference":"#p"}}`, []string{"subject␁!"}},
		{"an identifier", "subject", `{"resourceType":"Observation","subject":{"identifier":{"system":"s","value":"v"}}}`, []string{"subject␁iv␁s"}},
		{"an identifier without system", "subject", `{"resourceType":"Observation","subject":{"identifier":{"value":"v"}}}`, []string{"subject␁iv␁"}},
		{"an identifier without value", "subject", `{"resourceType":"Observation","subject":{"identifier":{"system":"s"}}}`, []string{"subject␁i␁s"}},
		{"an identifier that says nothing", "subject", `{"resourceType":"Observation","subject":{"identifier":{"use":"official"}}}`, []string{"subject␁!"}},
		{"canonical on this server", "instantiates-canonical", `{"resourceType":"CarePlan","instantiatesCanonical":["` + testBase + `/PlanDefinition/1|2"]}`,
			[]string{"instantiates-canonical␁rPlanDefinition/1", "instantiates-canonical␁rPlanDefinition/1|2"}},
		{"canonical without version behind the bar", "instantiates-canonical", `{"resourceType":"CarePlan","instantiatesCanonical":["http://x/PlanDefinition/1|"]}`, []string{"instantiates-canonical␁rhttp://x/PlanDefinition/1"}},
		{"canonical of a version only", "instantiates-canonical", `{"resourceType":"CarePlan","instantiatesCanonical":["|2"]}`, []string{"instantiates-canonical␁!"}},
		{"canonical inside", "instantiates-canonical", `{"resourceType":"CarePlan","instantiatesCanonical":["#x"]}`, []string{"instantiates-canonical␁!"}},
		{"an embedded resource", "composition", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Composition","id":"c"}}]}`, []string{"composition␁rComposition/c"}},
		{"an embedded resource without id", "composition", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Composition","title":"t"}}]}`, []string{"composition␁!"}},
		{"an embedded resource that is none", "composition", `{"resourceType":"Bundle","entry":[{"resource":{"id":"c","title":"t"}}]}`, []string{"composition␁!"}},
		{"an identifier's type without system", "identifier", `{"resourceType":"Patient","identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"v"}]}`, []string{"identifier␁tv␁"}},
		{"an identifier's type without code", "identifier", `{"resourceType":"Patient","identifier":[{"type":{"coding":[{"system":"s"}]},"value":"v"}]}`, []string{"identifier␁tv␁"}},
		{"an identifier's type", "identifier", `{"resourceType":"Patient","identifier":[{"type":{"coding":[{"system":"s","code":"MR"}],"text":"Record"},"value":"v"}]}`,
			[]string{"identifier␁ov␁MR␁s", "identifier␁tv␁", "identifier␁x record"}},
	} {
		if diff := cmp.Diff(c.want, keysUnder(t, r, c.text, c.index)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestCanonicalValue asks for a canonical with and without what stands behind the bar.
func TestCanonicalValue(t *testing.T) {
	for value, want := range map[string]string{
		"http://x/PlanDefinition/1": "key instantiates-canonical␁rhttp://x/PlanDefinition/1\n", "http://x/PlanDefinition/1|": "key instantiates-canonical␁rhttp://x/PlanDefinition/1\n",
		"http://x/PlanDefinition/1|2": "key instantiates-canonical␁rhttp://x/PlanDefinition/1|2\n",
	} {
		request, err := newTestRegistry(t).Parse("CarePlan", []Pair{{"instantiates-canonical", value}}, ParseOptions{Strict: true})
		if err != nil {
			t.Fatal(value, err)
		}
		if diff := cmp.Diff(want, Explain(request.Query.Plan)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
	}
}

// TestIdentifierInComposite has an identifier as the first component, whose type and words are no part of the key.
func TestIdentifierInComposite(t *testing.T) {
	r, err := NewRegistry(newTestRegistry(t).defs, Options{BaseURL: testBase})
	if err != nil {
		t.Fatal(err)
	}
	custom, err := r.ReadCustom(parseResource(t, `{"resourceType":"SearchParameter","id":"c","url":"urn:c","status":"active","name":"N","code":"c-comp","base":["Patient"],"type":"composite","expression":"Patient",
		"description":"d","component":[{"definition":"http://hl7.org/fhir/SearchParameter/Patient-identifier","expression":"identifier"},
		{"definition":"http://hl7.org/fhir/SearchParameter/individual-gender","expression":"gender"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.SetCustom([]CustomState{{Custom: custom}})
	got := keysUnder(t, r, `{"resourceType":"Patient","gender":"male","identifier":[{"type":{"coding":[{"system":"s","code":"MR"}],"text":"Record"},"system":"u","value":"v"}]}`, "+c-comp")
	if diff := cmp.Diff([]string{"+c-comp␁ktv␁tmale␁0Su␁1S␁"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestLongestTexts are as long as a key can hold, and longer.
func TestLongestTexts(t *testing.T) {
	r := newTestRegistry(t)
	for _, n := range []int{maxText - 1, maxText, maxText + 1} {
		name := strings.Repeat("x", n)
		kept := name[:min(n, maxText)]
		want := []string{"family␁S" + kept + "␁" + kept}
		if diff := cmp.Diff(want, keysUnder(t, r, `{"resourceType":"Patient","name":[{"family":"`+name+`"}]}`, "family")); diff != "" {
			t.Errorf("%d bytes (-want +got):\n%s", n, diff)
		}
		if got := foldedText(name); got != kept {
			t.Errorf("%d bytes are asked for as %d", n, len(got))
		}
	}
}

func TestAbove(t *testing.T) {
	for url, want := range map[string]string{
		"http://a/b/c": "http://a/b/c http://a/b/ http://a/b http://a/ http://a", "http://a": "http://a", "http:///a": "http:///a", "urn://": "urn://",
	} {
		if got := strings.Join(above(url), " "); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

// TestWordRunes says what words are made of beyond ASCII.
func TestWordRunes(t *testing.T) {
	for r, want := range map[rune][2]bool{ // part of a word, and a word of its own
		'a': {true, false}, 'z': {true, false}, '0': {true, false}, '9': {true, false}, '`': {false, false}, '{': {false, false}, '/': {false, false}, ':': {false, false},
		'ж': {true, false}, '٣': {true, false}, '௰': {true, false}, '€': {false, false}, '\uFFFD': {false, false}, '가': {true, false}, '山': {true, true}, 'の': {true, true}, '　': {false, false},
	} {
		if got := [2]bool{isWordRune(r), standsAlone(r)}; got != want {
			t.Errorf("%q: %v, want %v", r, got, want)
		}
	}
}

// TestWordsFillAKey has as many words as a key has room for, and one more.
func TestWordsFillAKey(t *testing.T) {
	var text []string
	for c := 'a'; c <= 'i'; c++ {
		text = append(text, strings.Repeat(string(c), 63))
	}
	longer := append(text[:7:7], strings.Repeat("z", 64))
	for last, words := range map[int][]string{8: text, 7: longer} {
		got := keysUnder(t, newTestRegistry(t), `{"resourceType":"Observation","code":{"text":"`+strings.Join(words, " ")+`"}}`, "code")
		if diff := cmp.Diff([]string{"code␁x " + strings.Join(words[:last], " ")}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
