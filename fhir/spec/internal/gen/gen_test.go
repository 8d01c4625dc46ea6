package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

// TestEmbeddedFileIsCurrent runs the generator and compares its output with the embedded file.
func TestEmbeddedFileIsCurrent(t *testing.T) {
	tgz := os.Getenv("FIRTH_DEFINITIONS_TGZ")
	if tgz == "" {
		t.Skip("FIRTH_DEFINITIONS_TGZ does not name the packed " + packageName)
	}
	want, err := build(tgz)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../r4.bin")
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(want) != sha256.Sum256(got) {
		t.Errorf("r4.bin (%d bytes) is not what the generator writes (%d bytes): run go generate ./fhir/spec", len(got), len(want))
	}
}

func mustParse(t *testing.T, text string) *object {
	t.Helper()
	o, err := parseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestObjectKeepsOrderAndBytes(t *testing.T) {
	o := mustParse(t, `{ "b": 1.50, "a": "\u00e9", "c": [ {"z": 1} ] }`)
	if want, got := `{"b":1.50,"a":"\u00e9","c":[{"z":1}]}`, string(o.bytes()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	o.set("a", nil)
	o.set("b", json.RawMessage("2"))
	o.set("d", json.RawMessage("true"))
	o.set("none", nil)
	if want, got := `{"b":2,"c":[{"z":1}],"d":true}`, string(o.bytes()); got != want {
		t.Errorf("after changes: got %s, want %s", got, want)
	}
	for _, bad := range []string{``, `[]`, `{"a":}`, `{"a":1`} {
		if _, err := parseObject([]byte(bad)); err == nil {
			t.Errorf("%q is taken for an object", bad)
		}
	}
}

const patched = `{"resourceType":"StructureDefinition","id":"Meta","kind":"complex-type","derivation":"specialization",
	"text":{},"snapshot":{"element":[{"id":"Meta"},{"id":"Meta.project"},{"id":"Meta.project.id"},{"id":"Meta.projects"}]},
	"differential":{"element":[]}}`

func TestScrubStructure(t *testing.T) {
	r := mustParse(t, patched)
	s := &scrubber{used: map[string]bool{}}
	if err := s.resource(r, "StructureDefinition/Meta"); err != nil {
		t.Fatal(err)
	}
	want := `{"element":[{"id":"Meta"},{"id":"Meta.projects"}]}`
	if got := string(r.get("snapshot")); got != want {
		t.Errorf("snapshot %s, want %s", got, want)
	}
	if r.get("differential") != nil {
		t.Error("the differential is left")
	}
	if diff := cmp.Diff(map[string]bool{"Meta.project": true}, s.used); diff != "" {
		t.Errorf("rules used (-want +got):\n%s", diff)
	}
}

func TestScrubReportsUnusedRules(t *testing.T) {
	_, err := scrub(&source{resources: []*object{mustParse(t, patched)}})
	if err == nil || !strings.Contains(err.Error(), "nothing to scrub for Binary.url") {
		t.Errorf("error %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "Meta.project\n") {
		t.Errorf("a rule that was used is reported: %v", err)
	}
}

func TestDropItems(t *testing.T) {
	r := mustParse(t, `{"target":["A","B","C"]}`)
	if err := dropItems(r, "target", `"B"`); err != nil {
		t.Fatal(err)
	}
	if got := string(r.get("target")); got != `["A","C"]` {
		t.Errorf("got %s", got)
	}
	if err := dropItems(r, "target", `"B"`); err == nil {
		t.Error("dropping what is not there is no error")
	}
}

func TestDropConcept(t *testing.T) {
	r := mustParse(t, `{"concept":[{"code":"x"},{"code":"p","concept":[{"code":"x"},{"code":"y"}]}]}`)
	if err := dropConcept(r, "p", "x"); err != nil {
		t.Fatal(err)
	}
	if got := string(r.get("concept")); got != `[{"code":"x"},{"code":"p","concept":[{"code":"y"}]}]` {
		t.Errorf("got %s", got)
	}
	if err := dropConcept(r, "p", "x"); err == nil {
		t.Error("dropping what is not there is no error")
	}
}

func TestVerify(t *testing.T) {
	const element = `{"id":"T.a","path":"T.a","min":0,"max":"1","type":[{"code":"string"}]}`
	tests := []struct{ name, elements, wantErr string }{
		{"alike", `{"id":"T"},` + element, ""},
		{"added", `{"id":"T"},` + element + `,{"id":"T.b"}`, "T.b: has no data element"},
		{"inline type", `{"id":"T"},` + element + `,{"id":"T.b"},{"id":"T.b.id"}`, ""},
		{"removed", `{"id":"T"}`, "T.a is missing"},
		{"changed", `{"id":"T"},` + strings.Replace(element, `"max":"1"`, `"max":"*"`, 1), `T.a: max is "*", in the data element "1"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := &source{elements: map[string][]*object{"T.a": {mustParse(t, element)}}}
			r := mustParse(t, `{"resourceType":"StructureDefinition","snapshot":{"element":[`+test.elements+`]}}`)
			got := ""
			if err := verify([]*object{r}, src); err != nil {
				got = err.Error()
			}
			if got != test.wantErr {
				t.Errorf("got %q, want %q", got, test.wantErr)
			}
		})
	}
}

func TestFindSystems(t *testing.T) {
	sets := map[string]string{
		"one":      `{"system":"s"},{"system":"s","filter":[]}`,
		"two":      `{"system":"s"},{"system":"t"}`,
		"through":  `{"valueSet":["http://vs/one|4.0.1"]}`,
		"narrowed": `{"system":"t","valueSet":["http://vs/unknown"]}`,
		"unknown":  `{"system":"s"},{"valueSet":["http://vs/none"]}`,
		"circle":   `{"system":"s"},{"valueSet":["http://vs/circle"]}`,
		"empty":    ``,
	}
	var resources []*object
	for name, include := range sets {
		resources = append(resources, mustParse(t, `{"resourceType":"ValueSet","url":"http://vs/`+name+`","compose":{"include":[`+include+`]}}`))
	}
	got, err := findSystems(resources)
	if err != nil {
		t.Fatal(err)
	}
	want := []wire.System{
		{ValueSet: "http://vs/narrowed", System: "t"},
		{ValueSet: "http://vs/one", System: "s"},
		{ValueSet: "http://vs/through", System: "s"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDigestType(t *testing.T) {
	r := mustParse(t, `{"resourceType":"StructureDefinition","id":"Thing","url":"http://hl7.org/fhir/StructureDefinition/Thing",
		"name":"Thing","kind":"resource","baseDefinition":"http://hl7.org/fhir/StructureDefinition/DomainResource",
		"derivation":"specialization","snapshot":{"element":[
		{"id":"Thing","path":"Thing","min":0,"max":"*"},
		{"id":"Thing.part","path":"Thing.part","short":"P","min":1,"max":"*","type":[{"code":"BackboneElement"}]},
		{"id":"Thing.part.value[x]","path":"Thing.part.value[x]","min":0,"max":"1","isSummary":true,
		 "type":[{"code":"string"},{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Patient"]}]},
		{"id":"Thing.again","path":"Thing.again","min":0,"max":"1","contentReference":"#Thing.part"}]}}`)
	want := wire.Type{
		Name: "Thing", URL: "http://hl7.org/fhir/StructureDefinition/Thing", Base: "DomainResource", Kind: 1,
		Elements: []wire.Element{
			{
				Name: "part", Path: "Thing.part", Short: "P", Min: 1, Max: wire.Unbounded,
				Types: []wire.TypeRef{{Code: "BackboneElement", JSONName: "part"}},
				Children: []wire.Element{{
					Name: "value", Path: "Thing.part.value[x]", Max: 1, Flags: wire.FlagChoice | wire.FlagSummary,
					Types: []wire.TypeRef{
						{Code: "string", JSONName: "valueString"},
						{Code: "Reference", JSONName: "valueReference", Targets: []string{"Patient"}},
					},
				}},
			},
			{
				Name: "again", Path: "Thing.again", Max: 1, Content: "Thing.part",
				Types: []wire.TypeRef{{Code: "BackboneElement", JSONName: "again"}},
			},
		},
	}
	got, ok, err := digestType(r)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r.set("derivation", json.RawMessage(`"constraint"`))
	if _, ok, err := digestType(r); ok || err != nil {
		t.Errorf("a profile is taken for a type: %v", err)
	}
}

func TestNoRuleIsListedTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, list := range [][]string{addedResources, addedElements, changedElements} {
		for _, rule := range list {
			if seen[rule] {
				t.Errorf("%s is listed twice", rule)
			}
			seen[rule] = true
		}
	}
	if !bytes.Contains([]byte(elementInvariant), []byte(`"ele-1"`)) || !json.Valid([]byte(elementInvariant)) {
		t.Error("the element invariant is no JSON")
	}
}
