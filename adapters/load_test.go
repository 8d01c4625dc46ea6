package adapters_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/adapters"
)

// minimal is a manifest that loads; %s stands for more of it.
const minimal = `apiVersion: adapter/v1
id: acme
version: 1.0.0
title: Acme
format: json
identity:
  patient: {system: urn:acme, value: =msg.user}
time: {value: =item.t}
key: [=patient, =item.id]
tables: {types: {hr: heart-rate}}
units: {bpm: /min}
concepts:
  heart-rate: {code: {loinc: 8867-4 Heart rate}, category: vital-signs, units: /min}
items: [{select: "r[*]", what: =item.type}]
mappings:
- name: hr
  select: r[*]
  concept: {table: types, key: =item.type}
  quantity: {value: =item.v, unit: =item.u}
`

func mustLoad(t testing.TB, manifest string) *adapters.Adapter {
	t.Helper()
	a, err := adapters.Load("acme.yaml", []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLoadErrors(t *testing.T) {
	replace := func(old, with string) string {
		if !strings.Contains(minimal, old) {
			t.Fatalf("%q is not in the manifest", old)
		}
		return strings.Replace(minimal, old, with, 1)
	}
	tests := []struct {
		name, manifest string
		line, col      int
		want           string
	}{
		{"empty", "", 1, 1, "empty"},
		{"not YAML", "a: [", 1, 1, "did not find"},
		{"tab", "a:\n\tb: 1", 2, 1, "character that cannot start"},
		{"two documents", minimal + "---\na: 1\n", 20, 1, "one YAML document"},
		{"a list", "- a", 1, 1, "got array, want object"},
		{"missing member", "apiVersion: adapter/v1\n", 1, 1, "missing properties"},
		{"unknown member", replace("title: Acme", "title: Acme\ntitel: Acme"), 5, 1, `unknown member "titel"`},
		{"unknown member of a mapping", replace("  quantity:", "  quantitty: {}\n  quantity:"), 19, 3, `unknown member "quantitty"`},
		{"duplicate member", replace("title: Acme", "title: Acme\ntitle: Acme"), 5, 1, `"title" is there twice`},
		{"alias", replace("title: Acme", "title: &a Acme\nvendor: *a"), 4, 8, "anchors"},
		{"merge key", replace("title: Acme", "title: Acme\n<<: {}"), 5, 1, "plain scalar"},
		{"date", replace("title: Acme", "title: 2024-01-01"), 4, 8, "quote this text"},
		{"number for text", replace("title: Acme", "title: 12"), 4, 8, "got number, want string"},
		{"yes is no boolean", replace("title: Acme", "title: Acme\nvendor: .inf"), 5, 9, "as JSON does"},
		{"bad version", replace("1.0.0", "1.0.x"), 3, 10, "does not match pattern"},
		{"bad id", replace("id: acme", "id: Acme!"), 2, 5, "does not match pattern"},
		{"format", replace("format: json", "format: xml"), 5, 9, "value must be one of"},
		{"expression syntax", replace("=item.t}", "=item.t +}"), 8, 24, "Syntax error"},
		{"undeclared variable", replace("=item.t}", "=itme.t}"), 8, 16, "undeclared reference"},
		{"expression in quotes", replace("=msg.user", `'=lookup("nope", msg.user)'`), 7, 46, `no table "nope"`},
		{"expression in a block", replace("value: =item.t}", "value: x}\nvars:\n  a: >\n    =item.a + nope"), 11, 15, "undeclared reference"},
		{"condition that is none", replace("  concept: {table", "  when: text(item.x)\n  concept: {table"), 18, 9, "must be true or false"},
		{"selector", replace("select: r[*]\n", "select: r[x]\n"), 17, 11, "neither an index"},
		{"unknown concept", replace("{types: {hr: heart-rate}}", "{types: {hr: hart-rate}}"), 10, 22, `no concept "hart-rate"`},
		{"unknown table", replace("table: types", "table: typos"), 18, 20, `no table "typos"`},
		{"unit of the concept", replace("units: /min}", "unit: kg, units: /min}"), 13, 79, `"kg" is not among the units`},
		{"key without patient", replace("[=patient, =item.id]", "[=item.id]"), 9, 6, "the key must have =patient"},
		{"two mappings of a name", minimal + "- {name: hr, select: r, concept: heart-rate, quantity: {value: 1}}\n", 20, 10, `two mappings "hr"`},
		{"no such mapping", minimal + "  derivedFrom: bp\n", 16, 3, `no mapping "bp"`},
		{"no value", replace("  quantity: {value: =item.v, unit: =item.u}\n", ""), 16, 3, "needs a value"},
		{"no code", replace("  concept: {table: types, key: =item.type}\n", ""), 16, 3, "needs a concept or a code"},
		{"two values", minimal + "  value: {valueString: x}\n", 16, 3, "only one of"},
		{"element that the engine writes", minimal + "  elements: {status: final}\n", 20, 14, "said elsewhere"},
		{"element said twice", minimal + "  elements: {note: [{text: a}]}\nelements: {note: [{text: b}]}\n", 20, 14, "said elsewhere"},
		{"empty object", minimal + "  elements: {note: [{}]}\n", 20, 21, "no empty objects"},
		{"empty string", minimal + "  elements: {note: ''}\n", 20, 20, "no empty strings"},
		{"zone", replace("{value: =item.t}", "{value: =item.t, zone: Mars/Base}"), 8, 30, "not a time zone"},
		{"payload schema", replace("format: json", "format: json\npayload: {type: 7}"), 6, 10, "payload:"},
		{"payload schema that reaches out", replace("format: json", "format: json\npayload: {$ref: 'file:///etc/passwd'}"), 6, 10, "payload:"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := adapters.Load("acme.yaml", []byte(test.manifest))
			var at *adapters.LoadError
			if !errors.As(err, &at) {
				t.Fatalf("got %v, want a *LoadError", err)
			}
			if at.Line != test.line || at.Col != test.col || !strings.Contains(at.Msg, test.want) {
				t.Errorf("got %v\nwant %d:%d with %q", err, test.line, test.col, test.want)
			}
		})
	}
}

func TestLoadMinimal(t *testing.T) {
	if a := mustLoad(t, minimal); a.ID() != "acme" || a.Manifest().Version != "1.0.0" {
		t.Errorf("got %s %s", a.ID(), a.Manifest().Version)
	}
}

func TestLoadErrorText(t *testing.T) {
	_, err := adapters.Load("acme.yaml", []byte("a: 1"))
	if err == nil || !strings.HasPrefix(err.Error(), "acme.yaml:1:1: ") {
		t.Errorf("got %v", err)
	}
}

// FuzzManifest checks that no YAML makes loading panic or take long.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte(strings.Repeat("- ", 500)))
	f.Fuzz(func(t *testing.T, data []byte) {
		began := time.Now()
		a, err := adapters.Load("fuzz.yaml", data)
		if (a == nil) == (err == nil) {
			t.Fatal("neither an adapter nor an error")
		}
		var at *adapters.LoadError
		if err != nil && !errors.As(err, &at) {
			t.Fatalf("%T %v", err, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Fatal(fmt.Sprint("took ", took))
		}
	})
}
