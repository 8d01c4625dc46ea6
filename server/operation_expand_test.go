package server

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// expandedSet is an answer of $expand as a test reads it.
type expandedSet struct {
	ResourceType string
	URL          string
	Status       string
	Compose      any
	Expansion    struct {
		Identifier, Timestamp string
		Total                 int
		Offset                *int
		Parameter             []map[string]any
		Contains              []struct {
			System, Code, Display string
			Abstract, Inactive    bool
			Designation           []struct{ Language, Value string }
		}
	}
}

// codes lists the codes of an expansion, with a mark behind those that are (a)bstract or (i)nactive.
func (e *expandedSet) codes() string {
	var list []string
	for _, c := range e.Expansion.Contains {
		text := c.Code
		if c.Abstract {
			text += "(a)"
		}
		if c.Inactive {
			text += "(i)"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func (f *fixture) expand(t *testing.T, method, path, body string) expandedSet {
	t.Helper()
	got := f.do(method, path, body)
	var set expandedSet
	if got.status != 200 {
		t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	if err := json.Unmarshal([]byte(got.body), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Expansion.Timestamp) < 20 || !strings.HasPrefix(set.Expansion.Identifier, "urn:uuid:") {
		t.Errorf("%s: %s", path, got.body)
	}
	return set
}

const storedColours = `{"resourceType":"CodeSystem","id":"colours","url":"urn:colours","version":"%s","name":"Colours","title":"All colours","status":"%s","content":"complete",` +
	`"property":[{"code":"warm","type":"boolean"},{"code":"hue","type":"integer"}],"concept":[` +
	`{"code":"red","display":"Red","definition":"Like blood.","property":[{"code":"warm","valueBoolean":true},{"code":"hue","valueInteger":0}],"designation":[{"language":"de","value":"Rot"},{"language":"de-CH","value":"Rood"}],"concept":[` +
	`{"code":"crimson","display":"Deep crimson","property":[{"code":"warm","valueBoolean":true}]},{"code":"rust","display":"Rust-red","property":[{"code":"inactive","valueBoolean":true}]}]},` +
	`{"code":"group","display":"Cold ones","property":[{"code":"notSelectable","valueBoolean":true}],"concept":[{"code":"blue","display":"Bleu céleste"}]}%s]}`

// storeColours stores a code system in three versions and value sets over it.
func storeColours(t *testing.T, f *fixture) {
	t.Helper()
	f.put(t, "/CodeSystem/new", strings.Replace(fmt.Sprintf(storedColours, "1.10", "active", `,{"code":"mauve"}`), `"id":"colours"`, `"id":"new"`, 1))
	f.put(t, "/CodeSystem/old", strings.Replace(fmt.Sprintf(storedColours, "1.9", "active", ""), `"id":"colours"`, `"id":"old"`, 1))
	f.put(t, "/CodeSystem/draft", strings.Replace(fmt.Sprintf(storedColours, "2.0", "draft", ""), `"id":"colours"`, `"id":"draft"`, 1))
	f.put(t, "/CodeSystem/part", `{"resourceType":"CodeSystem","id":"part","url":"urn:part","status":"active","content":"fragment","concept":[{"code":"x"}]}`)
	for id, compose := range map[string]string{
		"all":    `{"include":[{"system":"urn:colours"}]}`,
		"old":    `{"include":[{"system":"urn:colours","version":"1.9"}]}`,
		"reds":   `{"include":[{"system":"urn:colours","filter":[{"property":"concept","op":"is-a","value":"red"}]}]}`,
		"below":  `{"include":[{"system":"urn:colours","filter":[{"property":"concept","op":"descendent-of","value":"red"}]}]}`,
		"warm":   `{"include":[{"system":"urn:colours","filter":[{"property":"warm","op":"=","value":"true"}]}]}`,
		"cool":   `{"include":[{"valueSet":["urn:set:all"]}],"exclude":[{"valueSet":["urn:set:reds"]}]}`,
		"few":    `{"include":[{"system":"urn:colours","concept":[{"code":"blue","display":"Sky","designation":[{"language":"fr","value":"Ciel"}]},{"code":"red"}]},{"system":"http://hl7.org/fhir/administrative-gender","concept":[{"code":"male"}]}]}`,
		"mixed":  `{"include":[{"system":"http://hl7.org/fhir/administrative-gender"},{"valueSet":["http://hl7.org/fhir/ValueSet/inactive"]}]}`,
		"sct":    `{"include":[{"system":"http://snomed.info/sct"}]}`,
		"loinc":  `{"include":[{"system":"http://loinc.org","concept":[{"code":"8867-4","display":"Heart rate"}]}]}`,
		"part":   `{"include":[{"system":"urn:part"}]}`,
		"regex":  `{"include":[{"system":"urn:colours","filter":[{"property":"concept","op":"regex","value":"r.*"}]}]}`,
		"circle": `{"include":[{"valueSet":["urn:set:circle"]}]}`,
	} {
		f.put(t, "/ValueSet/"+id, fmt.Sprintf(`{"resourceType":"ValueSet","id":"%s","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"url":"urn:set:%s","version":"5","status":"active","compose":%s}`, id, id, compose))
	}
}

func TestExpand(t *testing.T) {
	f := newFixture(t)
	storeColours(t, f)
	for _, c := range []struct{ name, path, total, want string }{
		{"of R4", "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", "4", "male female other unknown"},
		{"of R4, in its version", "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender%7C4.0.1", "4", "male female other unknown"},
		{"of R4, in a version that is asked for beside it", "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&valueSetVersion=4.0.1", "4", "male female other unknown"},
		{"of R4, with inactive codes", "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/inactive", "11", "CRT EVN.CRT GOL.CRT(i) INT.CRT(i) PRMS.CRT(i) RQO.CRT(i) RSK.CRT(i) EXPEC GOL RSK OPT"},
		{"without the inactive", "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/inactive&activeOnly=true", "6", "CRT EVN.CRT EXPEC GOL RSK OPT"},
		{"a code system that is stored", "/ValueSet/all/$expand", "6", "red crimson rust(i) group(a) blue mauve"},
		{"its active codes", "/ValueSet/all/$expand?activeOnly=true", "5", "red crimson group(a) blue mauve"},
		{"a version of it", "/ValueSet/old/$expand", "5", "red crimson rust(i) group(a) blue"},
		{"by its URL", "/ValueSet/$expand?url=urn:set:old", "5", "red crimson rust(i) group(a) blue"},
		{"is-a", "/ValueSet/reds/$expand", "3", "red crimson rust(i)"},
		{"descendent-of", "/ValueSet/below/$expand", "2", "crimson rust(i)"},
		{"a property", "/ValueSet/warm/$expand", "2", "red crimson"},
		{"value sets of value sets, with an exclude", "/ValueSet/cool/$expand", "3", "group(a) blue mauve"},
		{"a list of codes", "/ValueSet/few/$expand", "3", "blue red male"},
		{"stored and of R4", "/ValueSet/mixed/$expand", "15", "male female other unknown CRT EVN.CRT GOL.CRT(i) INT.CRT(i) PRMS.CRT(i) RQO.CRT(i) RSK.CRT(i) EXPEC GOL RSK OPT"},
		{"a list of codes whose system is not known", "/ValueSet/loinc/$expand", "1", "8867-4"},
		{"a page", "/ValueSet/all/$expand?offset=1&count=2", "6", "crimson rust(i)"},
		{"the rest", "/ValueSet/all/$expand?offset=4", "6", "blue mauve"},
		{"behind the end", "/ValueSet/all/$expand?offset=6&count=2", "6", ""},
		{"how many", "/ValueSet/all/$expand?count=0", "6", ""},
		{"a word", "/ValueSet/all/$expand?filter=red", "2", "red rust(i)"},
		{"the beginnings of two words", "/ValueSet/all/$expand?filter=cri+DE", "1", "crimson"},
		{"without accents", "/ValueSet/all/$expand?filter=celeste", "1", "blue"},
		{"a word of a designation", "/ValueSet/all/$expand?filter=rot", "1", "red"},
		{"not inside of a word", "/ValueSet/all/$expand?filter=imson", "0", ""},
		{"a code", "/ValueSet/all/$expand?filter=mau", "1", "mauve"},
		{"a page of what passes", "/ValueSet/all/$expand?filter=red&count=1&offset=1", "2", "rust(i)"},
		{"parameters that change nothing", "/ValueSet/few/$expand?excludeNested=true&excludeNotForUI=false&excludePostCoordinated=true", "3", "blue red male"},
	} {
		set := f.expand(t, "GET", c.path, "")
		if total := fmt.Sprint(set.Expansion.Total); set.codes() != c.want || total != c.total {
			t.Errorf("%s: %s codes %q, want %s %q", c.name, total, set.codes(), c.total, c.want)
		}
		if set.ResourceType != "ValueSet" || set.URL == "" || set.Status == "" || set.Compose != nil {
			t.Errorf("%s: %+v", c.name, set)
		}
	}
	set := f.expand(t, "POST", "/ValueSet/$expand", `{"resourceType":"Parameters","parameter":[{"name":"valueSet","resource":{"resourceType":"ValueSet","status":"draft","compose":{"include":[{"valueSet":["urn:set:reds"]}]}}},{"name":"count","valueInteger":1}]}`)
	diff(t, "red", set.codes())
	set = f.expand(t, "POST", "/ValueSet/$expand", `{"resourceType":"ValueSet","status":"draft","compose":{"include":[{"valueSet":["urn:set:below"]}]}}`)
	diff(t, "crimson rust(i)", set.codes())
	set = f.expand(t, "POST", "/ValueSet/$expand", `{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"urn:set:below"},{"name":"includeDefinition","valueBoolean":true}]}`)
	if diff(t, "crimson rust(i)", set.codes()); set.Compose == nil {
		t.Error("no definition")
	}
}

// TestExpandContent looks at what an expansion says beside the codes.
func TestExpandContent(t *testing.T) {
	f := newFixture(t)
	storeColours(t, f)
	f.run(t, []step{
		{name: "whole", method: "GET", path: "/ValueSet/few/$expand?includeDesignations=true&count=2", status: 200, want: []string{fhirJSON},
			answer: `..."url":"urn:set:few","version":"5","status":"active","expansion":{"identifier":"urn:uuid:`},
		{name: "codes with designations", method: "GET", path: "/ValueSet/few/$expand?includeDesignations=true&count=2", status: 200,
			answer: `..."total":3,"offset":0,"parameter":[{"name":"includeDesignations","valueBoolean":true},{"name":"count","valueInteger":2},{"name":"version","valueUri":"urn:colours|1.10"},{"name":"version","valueUri":"http://hl7.org/fhir/administrative-gender|4.0.1"}],` +
				`"contains":[{"system":"urn:colours","code":"blue","display":"Sky","designation":[{"language":"fr","value":"Ciel"}]},{"system":"urn:colours","code":"red","display":"Red","designation":[{"language":"de","value":"Rot"},{"language":"de-CH","value":"Rood"}]}]}}`},
		{name: "codes without", method: "GET", path: "/ValueSet/few/$expand", status: 200,
			answer: `..."contains":[{"system":"urn:colours","code":"blue","display":"Sky"},{"system":"urn:colours","code":"red","display":"Red"},{"system":"http://hl7.org/fhir/administrative-gender","code":"male","display":"Male"}]}}`},
		{name: "a language", method: "GET", path: "/ValueSet/few/$expand?displayLanguage=DE", status: 200,
			answer: `..."contains":[{"system":"urn:colours","code":"blue","display":"Sky"},{"system":"urn:colours","code":"red","display":"Rot"},{"system":"http://hl7.org/fhir/administrative-gender","code":"male","display":"Male"}]}}`},
		{name: "a variety of a language", method: "GET", path: "/ValueSet/few/$expand?displayLanguage=de-CH", status: 200, answer: `..."display":"Rood"`},
		{name: "in XML", method: "GET", path: "/ValueSet/few/$expand?count=1", headers: []string{"Accept", "application/fhir+xml"}, status: 200, answer: `...<contains><system value="urn:colours"/><code value="blue"/><display value="Sky"/></contains>`},
		{name: "in part", method: "GET", path: "/ValueSet/few/$expand?_elements=expansion", status: 200, answer: `...SUBSETTED`},
		{name: "in a batch", method: "POST", path: "", body: bundleOf("batch", requestEntry("", "", "GET", "ValueSet/reds/$expand")), status: 200, answer: `..."code":"crimson"`},
		{name: "declared", method: "GET", path: "/metadata", status: 200, answer: `...{"name":"expand","definition":"http://hl7.org/fhir/OperationDefinition/ValueSet-expand"}`},
	})
}

func TestExpandRefused(t *testing.T) {
	f := newFixture(t)
	storeColours(t, f)
	const gender = "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender"
	steps := []step{
		{name: "nothing", path: "/ValueSet/$expand", status: 400, answer: outcome("required", "$expand needs the parameter url or valueSet, or the id of a ValueSet in the URL", "http.url")},
		{name: "two value sets", path: "/ValueSet/few/$expand?url=urn:set:all", status: 400, answer: outcome("invalid", "the URL names the ValueSet already", "http.url")},
		{name: "unknown", path: "/ValueSet/$expand?url=urn:none", status: 404, answer: outcome("not-found", "the value set urn:none is neither of R4 nor stored here", "http.url")},
		{name: "unknown, and no URL", path: "/ValueSet/$expand?url=Jane%20Doe", status: 404, answer: outcome("not-found", "the value set asked for is neither of R4 nor stored here", "http.url")},
		{name: "no such version", path: gender + "%7C9", status: 404, answer: outcome("not-found", "version 9 of the value set http://hl7.org/fhir/ValueSet/administrative-gender is neither of R4 nor stored here", "http.url")},
		{name: "two versions", path: gender + "%7C4.0.1&valueSetVersion=4", status: 400, answer: outcome("invalid", "valueSetVersion and the version in url are not the same", "http.valueSetVersion")},
		{name: "an instance that is not there", path: "/ValueSet/none/$expand", status: 404, answer: outcome("not-found", "ValueSet/none: not found")},
		{name: "all of SNOMED CT", path: "/ValueSet/sct/$expand", status: 422,
			answer: outcome("too-costly", "the value set cannot be expanded: the definitions do not carry all of the code system http://snomed.info/sct (its content is not-present)")},
		{name: "a value set of R4 over LOINC", path: "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/report-codes", status: 422,
			answer: outcome("too-costly", "the value set cannot be expanded: the code system http://loinc.org is neither of R4 nor stored here", "http.url")},
		{name: "a fragment", path: "/ValueSet/part/$expand", status: 422, answer: outcome("too-costly", "the value set cannot be expanded: what is stored here does not carry all of the code system urn:part (its content is fragment)")},
		{name: "a filter", path: "/ValueSet/regex/$expand", status: 422, answer: "*"},
		{name: "a circle", path: "/ValueSet/circle/$expand", status: 422, answer: outcome("processing", "the value set cannot be expanded: the value set urn:set:circle includes itself")},
		{name: "what is inactive is not known", path: "/ValueSet/loinc/$expand?activeOnly=true", status: 422,
			answer: outcome("too-costly", "the value set cannot be expanded: which codes are inactive is not known: the code system http://loinc.org is not known, or lacks some")},
		{name: "a count below zero", path: gender + "&count=-1", status: 400, answer: outcome("value", "count must be a whole number from 0 on", "http.count")},
		{name: "a count beyond the bound", path: gender + "&count=10001", status: 413, answer: outcome("too-costly", "count may be 10000 at most", "http.count")},
		{name: "for a user interface", path: gender + "&excludeNotForUI=true", status: 400, answer: outcome("not-supported", "excludeNotForUI=true is not supported; codes that are not for selection are marked as abstract", "http.excludeNotForUI")},
		{name: "a parameter that R4 does not have", path: gender + "&colour=red", status: 400, answer: `...$expand has no parameter`},
		{name: "of another type", path: "/Patient/$expand", status: 404, answer: outcome("not-supported", "the operation $expand is not offered here; it is at ValueSet/$expand, ValueSet/[id]/$expand")},
	}
	for _, name := range []string{"context", "contextDirection", "date", "designation", "exclude-system", "system-version", "check-system-version", "force-system-version"} {
		value := "x"
		if name == "date" {
			value = "2020"
		}
		steps = append(steps, step{name: name, path: gender + "&" + name + "=" + value, status: 400,
			answer: outcome("not-supported", "the parameter "+name+" of $expand is not supported; without it the value set is expanded as it is now", "http."+name)})
	}
	for i := range steps {
		steps[i].method = "GET"
	}
	f.run(t, steps)
	var many strings.Builder
	for i := range mostExpanded + 1 {
		fmt.Fprintf(&many, `,{"code":"%d"}`, i)
	}
	inline := `{"resourceType":"Parameters","parameter":[{"name":"valueSet","resource":{"resourceType":"ValueSet","status":"draft","compose":{"include":[{"system":"urn:x","concept":[` + many.String()[1:] + `]}]}}}]}`
	f.run(t, []step{
		{name: "too many codes", method: "POST", path: "/ValueSet/$expand", body: inline, status: 422,
			answer: outcome("too-costly", "the value set has 10001 codes and an answer 10000 at most; ask for pages with count and offset, or for fewer with filter", "http.count")},
	})
	set := f.expand(t, "POST", "/ValueSet/$expand?count=3&offset=9999", inline)
	diff(t, "9999 10000", set.codes())
}

// TestExpandAllOfR4 holds the expansion of every value set of R4 without filters against what a plain walk of the definitions finds.
func TestExpandAllOfR4(t *testing.T) {
	f := newFixture(t)
	o := &expansionOracle{t: t, f: f}
	expanded, marked := 0, 0
	for _, address := range f.server.definitions.Artifacts("ValueSet") {
		want, ok := o.codes(address)
		path := "/ValueSet/$expand?includeDesignations=true&url=" + url.QueryEscape(address)
		if !ok {
			continue
		}
		set := f.expand(t, "GET", path, "")
		var got []string
		for _, c := range set.Expansion.Contains {
			got = append(got, fmt.Sprintf("%s|%s %q %t %t %d", c.System, c.Code, c.Display, c.Abstract, c.Inactive, len(c.Designation)))
			if c.Abstract || c.Inactive {
				marked++
			}
		}
		diff(t, want, got)
		diff(t, len(want), set.Expansion.Total)
		expanded++
	}
	if expanded < 1000 || marked < 100 {
		t.Errorf("%d value sets, %d codes that are abstract or inactive", expanded, marked)
	}
}

// expansionOracle computes expansions over encoding/json. It knows no filters.
type expansionOracle struct {
	t *testing.T
	f *fixture
}

type oracleConcept struct {
	Code, Display string
	Designation   []any
	Property      []struct {
		Code         string
		ValueBoolean bool
		ValueCode    string
	}
	Concept []oracleConcept
}

func (o *expansionOracle) read(resourceType, address string, into any) bool {
	data, err := o.f.server.definitions.Artifact(resourceType, address)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	return err == nil
}

// codes lists what a value set has; not ok where that takes a filter, an exclude, or a code system that is not carried whole.
func (o *expansionOracle) codes(address string) (list []string, ok bool) {
	var set struct {
		Compose struct {
			Inactive         *bool
			Include, Exclude []struct {
				System, Version string
				Concept         []oracleConcept
				Filter          []any
				ValueSet        []string
			}
		}
	}
	if !o.read("ValueSet", address, &set) || len(set.Compose.Exclude) > 0 || set.Compose.Inactive != nil {
		return nil, false
	}
	seen := map[string]bool{}
	add := func(all []string) {
		for _, code := range all {
			if id, _, _ := strings.Cut(code, ` "`); !seen[id] {
				seen[id] = true
				list = append(list, code)
			}
		}
	}
	for _, include := range set.Compose.Include {
		switch {
		case len(include.Filter) > 0 || len(include.ValueSet) > 1 || len(include.ValueSet) == 1 && include.System != "":
			return nil, false
		case len(include.ValueSet) == 1:
			all, ok := o.codes(include.ValueSet[0])
			if !ok {
				return nil, false
			}
			add(all)
		default:
			all, ok := o.ofSystem(include.System, include.Version, include.Concept)
			if !ok {
				return nil, false
			}
			add(all)
		}
	}
	return list, len(list) > 0
}

func (o *expansionOracle) ofSystem(address, version string, listed []oracleConcept) ([]string, bool) {
	var system struct {
		Version, Content string
		Concept          []oracleConcept
	}
	isKnown := o.read("CodeSystem", address, &system) && system.Content == "complete" && (version == "" || version == system.Version)
	if !isKnown && len(listed) == 0 {
		return nil, false
	}
	var flat []oracleConcept
	if isKnown {
		flat = flattened(system.Concept)
	}
	byCode := map[string]oracleConcept{}
	for _, c := range flat {
		if _, ok := byCode[c.Code]; !ok {
			byCode[c.Code] = c
		}
	}
	if len(listed) == 0 {
		listed = flat
		for i := range listed {
			listed[i].Display, listed[i].Designation = "", nil
		}
	}
	var list []string
	for _, c := range listed {
		defined := byCode[c.Code]
		display := c.Display
		if display == "" {
			display = defined.Display
		}
		abstract, inactive := false, false
		for _, p := range defined.Property {
			abstract = abstract || (p.Code == "notSelectable" || p.Code == "abstract") && p.ValueBoolean
			inactive = inactive || p.Code == "status" && p.ValueCode == "retired" || p.Code == "inactive" && p.ValueBoolean
		}
		list = append(list, fmt.Sprintf("%s|%s %q %t %t %d", address, c.Code, display, abstract, inactive, len(c.Designation)+len(defined.Designation)))
	}
	return list, true
}

func flattened(concepts []oracleConcept) (all []oracleConcept) {
	for _, c := range concepts {
		all = append(append(all, c), flattened(c.Concept)...)
	}
	return all
}
