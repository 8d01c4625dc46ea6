package search

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// customRegistry is a registry of its own with SearchParameters, ready everywhere.
func customRegistry(t testing.TB, parameters ...string) *Registry {
	t.Helper()
	defs, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRegistry(defs, Options{BaseURL: testBase, References: true})
	if err != nil {
		t.Fatal(err)
	}
	var all []*Custom
	for _, text := range parameters {
		c, err := r.ReadCustom(parseResource(t, text))
		if err != nil || c == nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, c)
	}
	var states []CustomState
	for _, c := range all {
		if err := r.CheckCustom(c, all); err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		states = append(states, CustomState{Custom: c, Ready: r.CustomTypes(c)})
	}
	r.SetCustom(states)
	return r
}

func searchParameter(code, typ, base, expression, more string) string {
	return fmt.Sprintf(`{"resourceType":"SearchParameter","id":%q,"url":"http://example.org/%[1]s","status":"active","code":%[1]q,"base":[%q],"type":%q,"expression":%q%s}`, code, base, typ, expression, more)
}

// basics are Basic resources with extensions of every type of value.
var basics = [][2]string{
	{"a", `"extension":[{"url":"n","valueInteger":5},{"url":"d","valueDateTime":"2024-03-01"},{"url":"s","valueString":"Straße"},{"url":"t","valueCoding":{"system":"S","code":"x","display":"Ex Ray"}},` +
		`{"url":"r","valueReference":{"reference":"Patient/1"}},{"url":"q","valueQuantity":{"value":5.40,"system":"http://unitsofmeasure.org","code":"mg"}},{"url":"u","valueUri":"http://a.example/b/c"},` +
		`{"url":"g","extension":[{"url":"code","valueCode":"hr"},{"url":"value","valueQuantity":{"value":60,"code":"/min"}}]},{"url":"g","extension":[{"url":"code","valueCode":"rr"},{"url":"value","valueQuantity":{"value":12,"code":"/min"}}]}]`},
	{"b", `"extension":[{"url":"n","valueInteger":-7},{"url":"n","valueDecimal":2.50},{"url":"d","valuePeriod":{"start":"2024-01-01","end":"2024-06-30"}},{"url":"s","valueString":"strasse 2"},{"url":"t","valueCoding":{"system":"T","code":"x"}},` +
		`{"url":"r","valueReference":{"reference":"Group/1"}},{"url":"q","valueQuantity":{"value":6,"unit":"mg"}},{"url":"u","valueUri":"http://a.example/b"},{"url":"g","extension":[{"url":"code","valueCode":"hr"},{"url":"value","valueQuantity":{"value":12,"code":"/min"}}]}]`},
	{"c", ``},
}

func basicParameters() []string {
	value := func(url string) string { return "Basic.extension.where(url='" + url + "').value" }
	component := func(definition, url string) string {
		return `{"definition":"http://example.org/` + definition + `","expression":"extension.where(url='` + url + `').value"}`
	}
	return []string{
		searchParameter("n", "number", "Basic", value("n")+".ofType(integer) | "+value("n")+".ofType(decimal)", ""), searchParameter("d", "date", "Basic", value("d"), ""),
		searchParameter("s", "string", "Basic", value("s"), ""), searchParameter("t", "token", "Basic", value("t")+".as(Coding)", ""), searchParameter("r", "reference", "Basic", value("r"), `,"target":["Patient","Group"]`),
		searchParameter("p", "reference", "Basic", value("r")+".where(resolve() is Patient)", ""), searchParameter("q", "quantity", "Basic", value("q"), ""), searchParameter("u", "uri", "Basic", value("u"), ""),
		searchParameter("sounds", "string", "Basic", value("s"), `,"xpathUsage":"phonetic"`), searchParameter("computed", "token", "Basic", value("n")+".exists()", ""), searchParameter("any-url", "uri", "DomainResource", "DomainResource.extension.url", ""),
		searchParameter("gc", "token", "Basic", "Basic.extension.extension.where(url='code').value", ""), searchParameter("gv", "quantity", "Basic", "Basic.extension.extension.where(url='value').value", ""),
		searchParameter("g", "composite", "Basic", "Basic.extension.where(url='g')", `,"component":[`+component("gc", "code")+`,`+component("gv", "value")+`]`),
	}
}

// TestCustomSearch asks parameters of every type with their modifiers and prefixes, through Match.
func TestCustomSearch(t *testing.T) {
	r := customRegistry(t, basicParameters()...)
	m := &Memory{}
	m.Add("Patient", "1", mustExtract(t, r, `{"resourceType":"Patient","id":"1","name":[{"family":"Berg"}]}`))
	m.Add("Group", "1", mustExtract(t, r, `{"resourceType":"Group","id":"1","extension":[{"url":"on-group","valueString":"x"}]}`))
	for _, b := range basics {
		m.Add("Basic", b[0], mustExtract(t, r, `{"resourceType":"Basic","id":"`+strings.TrimSuffix(b[0]+`",`+b[1], ",")+`}`))
	}
	for query, want := range map[string]string{
		"n=5": "a", "n=2.5": "b", "n=lt0": "b", "n=ge0": "a b", "n=-7,5": "a b", "n:missing=true": "c", "_sort=n": "b a c", "_sort=-n": "a b c",
		"d=2024-03": "a", "d=ge2024-02": "a b", "d=2024": "a b", "d=sa2024-02": "a", "d:missing=false": "a b", "_sort=-d": "a b c",
		"s=STRASSE": "a b", "s:exact=Straße": "a", "s:contains=ss": "a b", "s=x": "", "_sort=s": "a b c", "sounds=strase": "a b",
		"t=x": "a b", "t=S|x": "a", "t=|x": "", "t:not=S|x": "b c", "t:text=ray": "a", "_sort=t": "a b c",
		"r=Patient/1": "a", "r=1": "a b", "r:Group=1": "b", "r:Patient.family=berg": "a", "r.family=berg": "a", "p=1": "a", "p.name=berg": "a",
		"q=5.4": "a", "q=5.40||mg": "a", "q=ge5|http://unitsofmeasure.org|mg": "a", "q=6||mg": "b", "q=gt5": "a b", "_sort=-q": "b a c",
		"u=http://a.example/b": "b", "u:below=http://a.example/b": "a b", "u:above=http://a.example/b/c": "a b",
		"g=hr$60": "a", "g=hr$12": "b", "g=rr$12": "a", "g=hr$gt20||/min": "a", "gc=hr": "a b", "gv=gt20": "a",
		"computed=true": "a b", "computed=false": "c", "any-url=q": "a b", "any-url:missing=true": "c",
		"_filter=n gt 3 or s co \"2\"": "a b", "_filter=t eq S|x and q ge 5": "a", "n=5&t=T|x": "",
	} {
		t.Run(query, func(t *testing.T) {
			request, err := r.Parse("Basic", pairsOf(t, query), ParseOptions{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(m.Order(request.Query), " "); got != want {
				t.Errorf("found %q, want %q\n%s", got, want, Explain(request.Query.Plan))
			}
		})
	}
	for typ, query := range map[string]string{"Patient": "_has:Basic:r:n=5", "Group": "_has:Basic:r:n=-7&any-url=on-group"} {
		request, err := r.Parse(typ, pairsOf(t, query), ParseOptions{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Order(request.Query); !slices.Equal(got, []string{"1"}) {
			t.Errorf("%s?%s: %v", typ, query, got)
		}
	}
	request, err := r.Parse("Basic", pairsOf(t, "_include=Basic:r&_include=Basic:p&_revinclude=Basic:r:Basic"), ParseOptions{})
	if err == nil {
		t.Errorf("a reference to Patient or Group leads to Basic: %+v", request.Query)
	}
	request, err = r.Parse("Basic", pairsOf(t, "_include=Basic:r&_include=Basic:p"), ParseOptions{})
	if diff := cmp.Diff([]Include{{Type: "Basic", Index: "+r"}, {Type: "Basic", Index: "+p", Target: "Patient"}}, request.Query.Include); err != nil || diff != "" {
		t.Errorf("includes: %v (-want +got):\n%s", err, diff)
	}
	if !slices.Contains(r.RevIncludes("Patient"), "Basic:r") || !slices.Contains(r.Includes("Basic"), "Basic:p") {
		t.Error("includes are not declared")
	}
}

func pairsOf(t testing.TB, query string) []Pair {
	t.Helper()
	pairs, err := ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

func mustExtract(t testing.TB, r *Registry, text string) []string {
	t.Helper()
	keys, failures, err := r.Reextract(parseResource(t, text))
	if err != nil || len(failures) > 0 {
		t.Fatal(err, failures)
	}
	return keys
}

// TestCustomIsLikeTheSpecification defines every parameter of some types once more under another code: keys and abilities are those of the original, for the parts of
// this package's corpus and for the examples of R4.
func TestCustomIsLikeTheSpecification(t *testing.T) {
	types := []string{"Patient", "Observation", "Encounter", "Device", "ValueSet", "Condition", "MedicationRequest", "Questionnaire", "DocumentReference"}
	plain := newTestRegistry(t)
	var definitions []string
	twins := map[string][]*Param{}
	for _, typ := range types {
		for _, p := range plain.Params(typ) {
			definition := plain.defs.SearchParameter(p.URL)
			if definition == nil || definition.Expression == "" || p.id || strings.HasPrefix(p.Code, "_") {
				continue
			}
			twins[typ] = append(twins[typ], p)
			definitions = append(definitions, twinOf(typ, p, definition))
		}
	}
	r := customRegistry(t, definitions...)
	for typ, params := range twins {
		for _, p := range params {
			twin := paramOf(t, r, typ, twinCode(typ, p.Code))
			want, got := [][]string{p.Modifiers, p.Comparators, p.Targets, {fmt.Sprint(p.Sortable)}}, [][]string{twin.Modifiers, twin.Comparators, twin.Targets, {fmt.Sprint(twin.Sortable)}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %s (-original +twin):\n%s", p.Code, typ, diff)
			}
		}
	}
	files, err := filepath.Glob("testdata/extract/*.json")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("../../shared/data/r4-examples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range append(files, examples...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		res, err := fhir.ParseResource(data)
		if err != nil || twins[res.Type()] == nil {
			continue
		}
		keys, failures, err := r.Reextract(res)
		if err != nil || len(failures) > 0 {
			t.Fatal(file, err, failures)
		}
		for _, p := range twins[res.Type()] {
			checked++
			if diff := cmp.Diff(valuesUnder(keys, p.Indexes()...), valuesUnder(keys, customPrefix+twinCode(res.Type(), p.Code))); diff != "" {
				t.Errorf("%s: %s (-original +twin):\n%s", file, p.Code, diff)
			}
		}
	}
	t.Logf("%d parameters of %d types, %d compared", len(definitions), len(types), checked)
}

func twinCode(typ, code string) string { return strings.ToLower(typ) + "-" + code }

func twinOf(typ string, p *Param, d *spec.SearchParameter) string {
	more := ""
	if d.XPathUsage == "phonetic" {
		more += `,"xpathUsage":"phonetic"`
	}
	if len(d.Target) > 0 {
		more += `,"target":["` + strings.Join(d.Target, `","`) + `"]`
	}
	for i, c := range d.Components {
		more += map[bool]string{true: `,"component":[`, false: `,`}[i == 0] + fmt.Sprintf(`{"definition":%q,"expression":%q}`, c.Definition, c.Expression)
	}
	if len(d.Components) > 0 {
		more += "]"
	}
	return searchParameter(twinCode(typ, p.Code), d.Type, typ, d.Expression, more)
}

func paramOf(t *testing.T, r *Registry, typ, code string) *Param {
	t.Helper()
	for _, p := range r.Params(typ) {
		if p.Code == code {
			return p
		}
	}
	t.Fatalf("%s has no %s", typ, code)
	return nil
}

// valuesUnder are the keys of some indexes without their names, sorted, each once; the sign that a value is there without a key does not count beside others.
func valuesUnder(keys []string, indexes ...string) []string {
	values := []string{}
	for _, key := range keys {
		name, value, _ := strings.Cut(key, Separator)
		if slices.Contains(indexes, name) {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) > 1 {
		values = slices.DeleteFunc(values, func(value string) bool { return value == string(formPresent) })
	}
	return values
}

// TestCustomKeysStandApart shows that a custom parameter changes no key of the specification's.
func TestCustomKeysStandApart(t *testing.T) {
	r := customRegistry(t, searchParameter("x", "token", "Patient", "Patient.gender", ""), searchParameter("y", "string", "Resource", "Resource.language", ""))
	text := `{"resourceType":"Patient","id":"p","language":"de","gender":"male","birthDate":"1970-01-01"}`
	got := mustExtract(t, r, text)
	want := append(extract(t, text), "+x\x01tmale\x01", "+y\x01Sde\x01de")
	slices.Sort(want)
	if diff := cmp.Diff(strings.Split(shown(want), "\n"), strings.Split(shown(got), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	checkKeys(t, got)
}

func TestCustomLimits(t *testing.T) {
	r := customRegistry(t,
		searchParameter("one", "string", "Patient", "Patient.name.family", `,"multipleOr":false,"multipleAnd":false,"modifier":["exact"]`),
		searchParameter("when", "date", "Patient", "Patient.birthDate", `,"comparator":["eq","ge"]`),
		searchParameter("doctor", "reference", "Patient", "Patient.generalPractitioner", `,"target":["Practitioner"],"chain":["name"],"modifier":["missing"]`))
	for query, want := range map[string]string{
		"one=a": "", "one:exact=a": "", "one:missing=true": "the modifier :missing is not supported for one; it takes :exact", "one=a,b": "multipleOr=false", "one=a&one=b": "multipleAnd=false",
		"one:contains=a": "it takes :exact", "when=2020": "", "when=ge2020,eq2021": "", "when=le": "not a date or time", "when=le2020": "the prefix le is not among those that the definition of when allows: eq, ge",
		"doctor.name=x": "", "doctor.family=x": "doctor may be followed by name only", "doctor:Practitioner=1": "the modifier :Practitioner is not supported", "doctor:missing=true": "",
	} {
		_, err := r.Parse("Patient", pairsOf(t, query), ParseOptions{Strict: true})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", query, err, want)
		}
	}
}

// TestCustomFailures lists what could not be evaluated, and gives the other keys.
func TestCustomFailures(t *testing.T) {
	r := customRegistry(t, searchParameter("single", "string", "Patient", "Patient.name.single().family", ""), searchParameter("computes", "string", "Patient", "Patient.name.family.first().lower()", ""),
		searchParameter("costs", "token", "Patient", "Patient.descendants().where(descendants().descendants().exists()).exists()", ""), searchParameter("fine", "string", "Patient", "Patient.name.family", ""))
	names := strings.Repeat(`,{"family":"B","given":["a","b","c","d","e","f"],"extension":[{"url":"x","extension":[{"url":"y","valueCoding":{"code":"x"}}]}]}`, 300)
	keys, failures, err := r.Reextract(parseResource(t, `{"resourceType":"Patient","id":"p","name":[{"family":"A"}`+names+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range failures {
		got = append(got, f.Custom.Code)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"computes", "costs", "single"}, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Sa\x01A", "Sb\x01B"}, valuesUnder(keys, "+fine")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestSplitAlternatives(t *testing.T) {
	for expression, want := range map[string][]string{
		"a": {"a"}, "a | b": {"a", "b"}, "a.where(b | c) | d": {"a.where(b | c)", "d"}, "a.where(b='|') | d": {"a.where(b='|')", "d"}, `a.where(b='\'|') | d`: {`a.where(b='\'|')`, "d"},
		"`a|b` | c": {"`a|b`", "c"}, `"a|b"`: {`"a|b"`}, "a // x | y": {"a // x | y"}, "a /* x | y */ | b": {"a /* x | y */ | b"}, "a / b | c": {"a / b", "c"}, "a[0|1]|b": {"a[0|1]", "b"}, "a.where(url='http://x') | b": {"a.where(url='http://x')", "b"}, `a.where(b='`: {`a.where(b='`}, `'\`: {`'\`},
	} {
		if diff := cmp.Diff(want, splitAlternatives(expression)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", expression, diff)
		}
	}
}

// TestCustomUnready asks for a parameter that is ready for one of its types.
func TestCustomUnready(t *testing.T) {
	r := customRegistry(t, searchParameter("x", "reference", "DomainResource", "DomainResource.extension.value", ""))
	set := r.custom.Load()
	asked := 0
	r.SetCustom([]CustomState{{Custom: set.all[0].Custom, Ready: []string{"Basic"}, Why: func(typ string) string { asked++; return "is being indexed: 1 of 2 " + typ + "s" }}})
	if _, err := r.Parse("Basic", pairsOf(t, "x=Patient/1&_sort=x"), ParseOptions{Strict: true}); err != nil {
		t.Error(err)
	}
	const why = "the search parameter x of Group is being indexed: 1 of 2 Groups"
	request, err := r.Parse("Group", pairsOf(t, "x=Patient/1&type=person"), ParseOptions{})
	if err != nil || len(request.Issues) != 1 || request.Issues[0].Diagnostics != why+" (ignored)" || EncodeQuery(request.Self) != "type=person" {
		t.Errorf("lenient: %+v, %v", request, err)
	}
	for _, query := range []string{"_sort=x", "_include=Group:x", "_revinclude=Group:x", "member:Group.x=1", "_has:Group:x:code=1", "_filter=x eq Patient/1", "x:Patient.name=y", "_filter=_has:Group:x:code eq 1"} {
		if _, err := r.Parse("Group", pairsOf(t, query), ParseOptions{}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if slices.Contains(r.Includes("Group"), "Group:x") || !slices.Contains(r.Includes("Basic"), "Basic:x") || asked == 0 {
		t.Error("declared where it is not ready")
	}
	if keys := mustExtract(t, r, `{"resourceType":"Group","id":"g","extension":[{"url":"x","valueReference":{"reference":"Patient/1"}}]}`); !slices.Contains(keys, "+x\x01rPatient/1") {
		t.Error("no keys where it is not ready")
	}
}

// TestCustomConcurrently changes parameters while others parse and extract: each sees one set or another.
func TestCustomConcurrently(t *testing.T) {
	r := customRegistry(t, searchParameter("x", "token", "Patient", "Patient.gender", ""))
	state := r.custom.Load().all[0]
	stop := make(chan struct{})
	var readers sync.WaitGroup
	res := parseResource(t, `{"resourceType":"Patient","id":"p","gender":"male"}`)
	pairs := pairsOf(t, "x=male")
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := r.Generation()
				keys, err := r.Extract(res)
				if has := slices.Contains(keys, "+x\x01tmale\x01"); err != nil || r.Generation() == before && has != (before%2 == 1) {
					t.Errorf("generation %d: %q, %v", before, keys, err)
					return
				}
				if _, err := r.Parse("Patient", pairs, ParseOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 30 {
		r.SetCustom(nil)
		r.SetCustom([]CustomState{state})
	}
	close(stop)
	readers.Wait()
}

func FuzzCustom(f *testing.F) {
	for _, text := range basicParameters() {
		f.Add(text)
	}
	f.Add(searchParameter("x", "string", "Patient", `Patient.name.where(family='\'|') | Patient.name`, ""))
	f.Fuzz(func(t *testing.T, text string) {
		r := newTestRegistry(t)
		res, err := fhir.ParseResource([]byte(text))
		if err != nil {
			return
		}
		c, err := r.ReadCustom(res)
		if err != nil || c == nil {
			return
		}
		if err := r.CheckCustom(c, []*Custom{c}); err != nil {
			return
		}
		for _, typ := range r.CustomTypes(c) {
			if _, ix, err := r.compileCustom(r.defs.Type(typ), c, newCustomSet([]*Custom{c})); err != nil || ix.name != "+"+c.Code {
				t.Errorf("checked, but not compiled: %v", err)
			}
		}
	})
}
