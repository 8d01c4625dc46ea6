package mongo

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// codec is a store without a server, good for documents.
func codec(t testing.TB) *Store {
	t.Helper()
	packer, unpacker, err := newPackers()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unpacker.Close)
	return &Store{decimals: true, packer: packer, unpacker: unpacker}
}

// there encodes JSON and decodes it again. It reports whether BSON alone gave it back.
func there(t testing.TB, s *Store, text string) (document bson.Raw, representable bool) {
	t.Helper()
	v := &version{key: fhir.Key{Type: "Basic", ID: "a"}, number: 1, sequence: 1, created: 1, method: store.Create, json: []byte(text)}
	document, err := s.current(v)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if err := document.Validate(); err != nil {
		t.Fatalf("not BSON: %v", err)
	}
	back, err := s.readVersion("Basic", document)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if string(back.json) != text {
		t.Fatalf("went in:  %q\ncame out: %q", text, back.json)
	}
	_, copied, err := archive(v.key, document)
	if err != nil {
		t.Fatal(err)
	}
	if old, err := s.readVersion("", copied); err != nil || string(old.json) != text || old.key != v.key || old.number != 1 {
		t.Fatalf("from the history: %+v, %v", old, err)
	}
	return document, document.Lookup(fieldRaw).IsZero() && document.Lookup(fieldPacked).IsZero()
}

func TestNumbers(t *testing.T) {
	s := codec(t)
	for _, tt := range []struct {
		text string
		want bsoncore.Type // 0: kept as text
	}{
		{"0", bsoncore.TypeInt32}, {"-1", bsoncore.TypeInt32}, {"2147483647", bsoncore.TypeInt32}, {"2147483648", bsoncore.TypeInt64},
		{"-2147483649", bsoncore.TypeInt64}, {"9223372036854775807", bsoncore.TypeInt64}, {"-9223372036854775808", bsoncore.TypeInt64},
		{"9223372036854775808", bsoncore.TypeDecimal128}, {"-9999999999999999999999999999999999", bsoncore.TypeDecimal128},
		{"10000000000000000000000000000000000", 0}, {"-0", 0}, {"0.0", bsoncore.TypeDecimal128}, {"-0.0", 0}, {"-0.00", 0},
		{"1.5", bsoncore.TypeDecimal128}, {"1.50", bsoncore.TypeDecimal128}, {"-1.500", bsoncore.TypeDecimal128}, {"0.1", bsoncore.TypeDecimal128},
		{"0.0000001", bsoncore.TypeDecimal128}, {"100.00", bsoncore.TypeDecimal128}, {"123456789012345678.123456789012345678", 0},
		{"1234567890123456.789012345678901234", bsoncore.TypeDecimal128}, {"9.999999999999999999999999999999999", bsoncore.TypeDecimal128},
		{"9.9999999999999999999999999999999999", 0}, {"0.00000000000000000000000000000000000000000000000001", bsoncore.TypeDecimal128},
		{"1e-7", 0}, {"1E5", 0}, {"1.0e+2", 0}, {"1e400", 0}, {strings.Repeat("7", 40), 0}, {"3." + strings.Repeat("1", 40), 0},
		{"0." + strings.Repeat("0", 6170) + "1", bsoncore.TypeDecimal128}, {"0." + strings.Repeat("0", 6180) + "1", 0},
	} {
		name := tt.text[:min(len(tt.text), 45)]
		t.Run(name, func(t *testing.T) {
			document, representable := there(t, s, `{"resourceType":"Basic","n":`+tt.text+`}`)
			if representable != (tt.want != 0) {
				t.Errorf("representable: %v", representable)
			}
			if got := bsoncore.Type(document.Lookup(fieldResource, "n").Type); tt.want != 0 && got != tt.want {
				t.Errorf("is a %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDecimalsAreNumbers(t *testing.T) {
	for _, text := range []string{"1.50", "-0.001", "1234567890123456.789012345678901234", "9223372036854775808"} {
		got := bson.NewDecimal128(decimal([]byte(text)))
		want, err := bson.ParseDecimal128(text)
		if err != nil || got != want {
			t.Errorf("%s: %s, the driver says %s (%v)", text, got, want, err)
		}
	}
}

func TestNastyResources(t *testing.T) {
	s := codec(t)
	deep := strings.Repeat(`{"a":[`, 60) + "1" + strings.Repeat("]}", 60)
	for _, tt := range []struct {
		name, text    string
		representable bool
	}{
		{"plain", `{"resourceType":"Basic","a":{"b":[1,"x",true,false,null,{}],"c":[]}}`, true},
		{"array with nulls", `{"resourceType":"Patient","given":["a",null],"_given":[null,{"id":"x"}]}`, true},
		{"order of names", `{"z":1,"resourceType":"Basic","a":2}`, true},
		{"names like array indexes", `{"resourceType":"Basic","10":1,"9":2}`, true},
		{"dollar", `{"resourceType":"Basic","$x":1}`, false},
		{"dollar inside", `{"resourceType":"Basic","a$x":1}`, false},
		{"operator deep inside", `{"resourceType":"Basic","a":[{"$where":"x"}]}`, false},
		{"dot", `{"resourceType":"Basic","a.b":1}`, false},
		{"empty name", `{"resourceType":"Basic","":1}`, false},
		{"NUL in a name", `{"resourceType":"Basic","a\u0000b":1}`, false},
		{"names that become equal", `{"resourceType":"Basic","$":1,"＄":2}`, false},
		{"control characters", `{"resourceType":"Basic","a":"\u0000\u0001\b\f\n\r\t\u001f"}`, false},
		{"control characters as Firth writes them", `{"resourceType":"Basic","a":"\u0000\u0001\u0008\u000c\n\r\t\u001f"}`, true},
		{"astral", `{"resourceType":"Basic","a":"😀𝔘 e\u0301 \u2028"}`, false},
		{"astral as is", "{\"resourceType\":\"Basic\",\"a\":\"😀𝔘 \u2028\U0010ffff\"}", true},
		{"astral escaped", `{"resourceType":"Basic","a":"\ud83d\ude00"}`, false},
		{"escaped slash", `{"resourceType":"Basic","a":"http:\/\/x"}`, false},
		{"escaped name", `{"resourceTyp\u0065":"Basic"}`, false},
		{"spaces", `{ "resourceType" : "Basic" }`, false},
		{"line breaks", "{\n\t\"resourceType\": \"Basic\"\r\n}", false},
		{"deep", `{"resourceType":"Basic","a":` + deep + `}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, representable := there(t, s, tt.text); representable != tt.representable {
				t.Errorf("representable: %v", representable)
			}
		})
	}
}

func TestUnqueryableNamesStayQueryable(t *testing.T) {
	document, _ := there(t, codec(t), `{"resourceType":"Basic","$x":1,"a.b":{"":"y"},"n":1e2}`)
	for path, want := range map[string]string{"＄x": "1", "a．b/＿": "y", "n": "100"} {
		if got := fmt.Sprint(document.Lookup(append([]string{fieldResource}, strings.Split(path, "/")...)...)); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestLargeResources(t *testing.T) {
	s := codec(t)
	for _, size := range []int{1 << 20, 8 << 20, 20 << 20} {
		document, _ := there(t, s, `{"resourceType":"Binary", "data":"`+strings.Repeat("QUJD", size/4)+`"}`)
		if len(document) > 16<<20 {
			t.Errorf("%d bytes of JSON make a document of %d", size, len(document))
		}
	}
}

// TestRealResources shows what becomes of resources as they come and of their compact form.
func TestRealResources(t *testing.T) {
	s := codec(t)
	given, compact, total := 0, 0, 0
	for text := range realResources(t) {
		total++
		if _, ok := there(t, s, text); ok {
			given++
		}
		var b bytes.Buffer
		if err := json.Compact(&b, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if document, ok := there(t, s, b.String()); ok {
			compact++
		} else if !strings.Contains(b.String(), `"id":"decimal"`) { // the example has exponents
			t.Errorf("compact and not representable: %.200s\n%s", b.String(), document)
		}
	}
	t.Logf("of %d resources %d need no text beside them as they come, and %d when compact", total, given, compact)
}

// realResources ranges over the examples of R4 and the resources of the Synthea patients.
func realResources(t *testing.T) func(yield func(string) bool) {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data")
	examples, _ := filepath.Glob(filepath.Join(dir, "r4-examples", "*.json"))
	bundles, _ := filepath.Glob(filepath.Join(dir, "synthea", "*.json.gz"))
	if len(examples) == 0 || len(bundles) == 0 {
		t.Skipf("no resources in %s", dir)
	}
	if testing.Short() {
		bundles = bundles[:1]
	}
	return func(yield func(string) bool) {
		for _, name := range examples {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(strings.TrimPrefix(string(text), "\ufeff")) {
				return
			}
		}
		for _, name := range bundles[:min(len(bundles), 6)] {
			for _, text := range entries(t, name) {
				if !yield(text) {
					return
				}
			}
		}
	}
}

// entries reads the resources of a compressed Bundle.
func entries(t *testing.T, name string) (all []string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	root, err := fhir.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for entry := range root.Get("entry").Children() {
		all = append(all, string(entry.Get("resource").Raw()))
	}
	return all
}

// FuzzDocument shows that every resource that can be read comes back byte for byte, and that what people query is BSON.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{`{"resourceType":"Basic"}`, `{"a":[1.50,-0.0,1e-7,123456789012345678901234567890123456789],"$":{"":null}}`,
		`{"a":"\u0000\ud83d\ude00","b":[[],{}]}`, ` { } `, `{"a.b":-9223372036854775808}`, `{"n":0.00000000000000000000000000000000001}`} {
		f.Add(text)
	}
	s := codec(f)
	f.Fuzz(func(t *testing.T, text string) {
		root, err := fhir.Parse([]byte(text))
		if err != nil || root.Kind() != fhir.Object {
			return
		}
		there(t, s, text)
	})
}

// FuzzNumber compares the rendering of numbers with their texts, and their values with the driver's.
func FuzzNumber(f *testing.F) {
	for _, text := range []string{"1.50", "0", "-0.0", "1e-7", "9999999999999999999999999999999999", "0.001"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || numberType([]byte(text)) != bsoncore.TypeDecimal128 {
			return
		}
		high, low := decimal([]byte(text))
		if back, ok := appendDecimal(nil, high, low); !ok || string(back) != text {
			t.Fatalf("%s came back as %s", text, back)
		}
		if want, err := bson.ParseDecimal128(text); err != nil || want != bson.NewDecimal128(high, low) {
			t.Fatalf("%s is %s, the driver says %s (%v)", text, bson.NewDecimal128(high, low), want, err)
		}
	})
}
