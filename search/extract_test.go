package search

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/firth-health/firth/fhir"
)

func TestExtractGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/extract/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			keys := extract(t, string(data))
			checkKeys(t, keys)
			golden(t, "extract/"+name+".keys", shown(keys))
			if name == "vital-sign" && len(keys) >= 22 {
				t.Errorf("a vital sign has %d keys", len(keys))
			}
		})
	}
}

func TestExtractPublishedExample(t *testing.T) {
	data, err := os.ReadFile("../../shared/data/r4-examples/deviceusestatement-example.json")
	if err != nil {
		t.Skip("../shared/data/r4-examples is not there")
	}
	golden(t, "extract/r4-deviceusestatement-example.keys", shown(extract(t, string(data))))
}

func shown(keys []string) string {
	var b strings.Builder
	for _, key := range keys {
		b.WriteString(show(key) + "\n")
	}
	return b.String()
}

// checkKeys checks what the grammar promises of every key.
func checkKeys(t testing.TB, keys []string) {
	t.Helper()
	for i, key := range keys {
		name, value, found := strings.Cut(key, Separator)
		switch {
		case !found || name == "" || value == "":
			t.Errorf("%q is not an index and a value", key)
		case !utf8.ValidString(key) || strings.Contains(key, "\x00"):
			t.Errorf("%q is not clean text", key)
		case len(key) > 12*maxText:
			t.Errorf("a key of %d bytes", len(key))
		case i > 0 && keys[i-1] >= key:
			t.Errorf("%q is out of order", key)
		}
	}
}

func TestExtractLimits(t *testing.T) {
	r := newTestRegistry(t)
	if _, err := r.Extract(parseResource(t, `{"resourceType":"Unicorn"}`)); err == nil {
		t.Error("an unknown type has keys")
	}
	coding := strings.TrimSuffix(strings.Repeat(`{"code":"a"},`, 100), ",")
	concept := `{"coding":[` + coding + `]}`
	_, err := r.Extract(parseResource(t, `{"resourceType":"Observation","code":`+concept+`,"valueCodeableConcept":`+concept+`}`))
	if err == nil || !strings.Contains(err.Error(), "too many codings") {
		t.Errorf("10,000 combinations: %v", err)
	}
	components := strings.TrimSuffix(strings.Repeat(`{"code":`+concept+`,"valueCodeableConcept":{"coding":[{"code":"b"}]}},`, 1001), ",")
	_, err = r.Extract(parseResource(t, `{"resourceType":"Observation","component":[`+components+`]}`))
	if err == nil || !strings.Contains(err.Error(), "too many codings") {
		t.Errorf("100,100 combinations: %v", err)
	}
	if keys := extract(t, `{"resourceType":"Observation","code":`+concept+`}`); len(keys) != 1 {
		t.Errorf("equal keys are kept: %d", len(keys))
	}
}

func BenchmarkExtractVitalSign(b *testing.B) { benchmarkExtract(b, "vital-sign") }

func BenchmarkExtractBloodPressure(b *testing.B) { benchmarkExtract(b, "blood-pressure") }

func BenchmarkExtractPatient(b *testing.B) { benchmarkExtract(b, "patient") }

func benchmarkExtract(b *testing.B, name string) {
	data, err := os.ReadFile("testdata/extract/" + name + ".json")
	if err != nil {
		b.Fatal(err)
	}
	r := newTestRegistry(b)
	res := parseResource(b, string(data))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Extract(res); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzExtract feeds any resource: no panic, keys of the grammar, the same keys twice, and every key found by its own index.
func FuzzExtract(f *testing.F) {
	files, err := filepath.Glob("testdata/extract/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	r := newTestRegistry(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		res, err := fhir.ParseResource(data)
		if err != nil {
			return
		}
		keys, err := r.Extract(res)
		if err != nil {
			return
		}
		checkKeys(t, keys)
		again, err := r.Extract(res)
		if err != nil || !slices.Equal(keys, again) {
			t.Errorf("another time %q (%v), before %q", again, err, keys)
		}
		for _, p := range r.Params(res.Type()) {
			has := Match(p.presence(), "", keys, nil)
			if value, ok := (SortKey{Prefixes: p.sortPrefixes()}).Value("", keys); ok && !has && !p.id {
				t.Errorf("%s sorts by %q but is missing", p.Code, value)
			}
		}
	})
}
