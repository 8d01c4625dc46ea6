package fhir_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

func TestParseRefusesWithPosition(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"empty", "", "line 1, column 1: unexpected end of document"},
		{"trailing bytes", `{} x`, "line 1, column 4: unexpected bytes after the document"},
		{"two documents", `{}{}`, "line 1, column 3: unexpected bytes after the document"},
		{"duplicate name", "{\"resourceType\":\"Patient\",\n \"name\":[{\"given\":1,\"given\":2}]}",
			"line 2, column 21 at Patient.name[0].given: duplicate member name \"given\""},
		{"duplicate name by escape", `{"a":1,"\u0061":2}`, `line 1, column 8 at $this.a: duplicate member name "\\u0061"`},
		{"duplicate among many", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"a":2}`,
			`line 1, column 80 at $this.m: duplicate member name "a"`},
		{"invalid UTF-8", "\"a\xffb\"", "line 1, column 3: invalid UTF-8 in a string"},
		{"surrogate as bytes", "\"\xed\xa0\x80\"", "line 1, column 2: invalid UTF-8 in a string"},
		{"lone surrogate", `"\ud800"`, `line 1, column 2: lone surrogate in a \u escape`},
		{"low surrogate first", `"\udc00\ud800"`, `line 1, column 2: lone surrogate in a \u escape`},
		{"bad escape", `"\x41"`, "line 1, column 2: unknown escape sequence in a string"},
		{"short escape", `"\u12"`, `line 1, column 2: expected four hexadecimal digits after \u`},
		{"raw control character", "\"a\tb\"", "line 1, column 3: control character U+0009 in a string must be escaped"},
		{"unclosed string", `{"a":"b`, `line 1, column 8 at $this.a: string is not closed`},
		{"leading zero", `[01]`, "line 1, column 3 at $this[0]: a number may not have a leading zero"},
		{"leading plus", `+1`, "line 1, column 1: expected a value, found '+'"},
		{"bare point", `1.`, "line 1, column 3: expected a digit after the decimal point"},
		{"bare minus", `-`, "line 1, column 2: expected a digit in a number"},
		{"bare exponent", `1e`, "line 1, column 3: expected a digit in the exponent"},
		{"NaN", `NaN`, "line 1, column 1: expected a value, found 'N'"},
		{"literal", `tru`, "line 1, column 1: expected a value, found 't'"},
		{"trailing comma in object", `{"a":1,}`, "line 1, column 8 at $this.a: expected a member name, found '}'"},
		{"trailing comma in array", `[1,]`, "line 1, column 4 at $this[1]: expected a value, found ']'"},
		{"missing colon", `{"a" 1}`, "line 1, column 6 at $this: expected ':' after a member name, found '1'"},
		{"missing comma", `[1 2]`, "line 1, column 4 at $this[0]: expected ',' or ']' in an array, found '2'"},
		{"unclosed array", `[1`, "line 1, column 3 at $this[0]: expected ',' or ']' in an array, found the end of the document"},
		{"comment", `{/**/}`, "line 1, column 2 at $this: expected a member name, found '/'"},
		{"byte order mark", "\ufeff{}", "line 1, column 1: expected a value, found '\\ufeff'"},
		{"too deep", strings.Repeat("[", 129) + strings.Repeat("]", 129), "line 1, column 129 at $this" + strings.Repeat("[0]", 128) + ": nested too deeply"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := fhir.Parse([]byte(test.in))
			var syntax *fhir.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("Parse(%q): got %v, want a SyntaxError", test.in, err)
			}
			if got := err.Error(); got != test.want {
				t.Errorf("Parse(%q)\n got %s\nwant %s", test.in, got, test.want)
			}
		})
	}
}

func TestParseLimitsSize(t *testing.T) {
	_, err := fhir.ParseWithin([]byte(`{"a":1}`), fhir.Limits{Bytes: 6})
	if err == nil || !strings.Contains(err.Error(), "larger than the limit of 6") {
		t.Errorf("got %v", err)
	}
	if _, err := fhir.ParseWithin([]byte(`{"a":1}`), fhir.Limits{Bytes: 7}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}

func TestNodeNavigation(t *testing.T) {
	doc := ` { "resourceType" : "Observation", "value": 1.50, "t\u0065xt": "a\"\u00e9\ud83d\ude00\n", "list": [ {"x":null}, true, [] , {} ], "empty": {} } `
	root, err := fhir.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Key, Text, Raw string
		Kind           fhir.Kind
		Len            int
	}
	var got []row
	for n := range root.Descendants() {
		got = append(got, row{n.Key(), n.Text(), string(n.Raw()), n.Kind(), n.Len()})
	}
	want := []row{
		{"resourceType", "Observation", `"Observation"`, fhir.String, 0},
		{"value", "1.50", "1.50", fhir.Number, 0},
		{"text", "a\"é😀\n", `"a\"\u00e9\ud83d\ude00\n"`, fhir.String, 0},
		{"list", "", `[ {"x":null}, true, [] , {} ]`, fhir.Array, 4},
		{"", "", `{"x":null}`, fhir.Object, 1},
		{"x", "", "null", fhir.Null, 0},
		{"", "true", "true", fhir.Bool, 0},
		{"", "", "[]", fhir.Array, 0},
		{"", "", "{}", fhir.Object, 0},
		{"empty", "", "{}", fhir.Object, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !root.Get("text").TextIs("a\"é😀\n") || !root.Get("value").TextIs("1.50") || root.Get("value").TextIs("1.5") {
		t.Error("TextIs disagrees with Text")
	}
	if got := root.Path("list").Index(0).Get("x").Kind(); got != fhir.Null {
		t.Errorf("list[0].x: %v", got)
	}
	absent := root.Path("no", "such", "thing")
	if absent.Ok() || absent.Len() != 0 || absent.Text() != "" || absent.First().Ok() || absent.Next().Ok() || absent.Raw() != nil || absent.Index(0).Ok() {
		t.Error("an absent node must answer everything with nothing")
	}
}

func TestAppendQuotedIsReadBack(t *testing.T) {
	for _, text := range []string{"", "plain", "quote \" back \\ slash /", "\x00\x01\x1f\t\r\n", "é😀\u2028", strings.Repeat("x", 1000)} {
		n, err := fhir.Parse(fhir.AppendQuoted(nil, text))
		if err != nil || n.Text() != text {
			t.Errorf("%q came back as %q, %v", text, n.Text(), err)
		}
	}
	if got := string(fhir.AppendQuoted(nil, "a\xffb")); got != "\"a\ufffdb\"" {
		t.Errorf("invalid UTF-8 came out as %q", got)
	}
}

// FuzzParse holds the reader against another strict one, and the tree against the bytes.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"resourceType":"Patient","name":[{"given":["A","B"]}],"_birthDate":{"id":"x"}}`, `[1.50,-0.0,1e-7,true,null]`,
		`{"a":1,"\u0061":2}`, `"\ud83d\ude00"`, `{"":{}}`, "[[[]]]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := fhir.Parse(data)
		if err != nil && strings.Contains(err.Error(), "nested too deeply") {
			return
		}
		d := jsontext.NewDecoder(bytes.NewReader(data))
		_, want := d.ReadValue()
		if want == nil {
			if _, end := d.ReadToken(); end != io.EOF {
				want = errors.New("trailing bytes")
			}
		}
		if (err == nil) != (want == nil) {
			t.Fatalf("Parse says %v, jsontext says %v", err, want)
		}
		if err == nil {
			again, err := fhir.Parse(root.Raw())
			if err != nil || again.Len() != root.Len() {
				t.Fatalf("the root's own bytes do not parse alike: %v", err)
			}
			for n := range root.Descendants() {
				if _, err := fhir.Parse(n.Raw()); err != nil {
					t.Fatalf("bytes of a node do not parse: %q: %v", n.Raw(), err)
				}
			}
		}
	})
}

// A document that is one long string does not take memory for values it does not have.
func TestParseLargeString(t *testing.T) {
	data := []byte(`{"resourceType":"Binary","data":"` + strings.Repeat("A", 4<<20) + `"}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := fhir.Parse(data); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
		t.Errorf("%d bytes for three values", got)
	}
}
