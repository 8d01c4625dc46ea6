package search

import (
	"flag"
	"maps"
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

var update = flag.Bool("update", false, "rewrite golden files")

const testBase = "https://firth.example/fhir"

var testRegistry = sync.OnceValues(func() (*Registry, error) {
	defs, err := spec.R4()
	if err != nil {
		return nil, err
	}
	return NewRegistry(defs, Options{BaseURL: testBase, References: true})
})

func newTestRegistry(t testing.TB) *Registry {
	t.Helper()
	r, err := testRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func parseResource(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	res, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func extract(t testing.TB, text string) []string {
	t.Helper()
	keys, err := newTestRegistry(t).Extract(parseResource(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// Every parameter of every type is either answered or in the golden list with its reason.
func TestUnsupported(t *testing.T) {
	r := newTestRegistry(t)
	seen := map[string]bool{}
	for _, typ := range r.defs.ResourceTypes() {
		listed := map[string]bool{}
		for _, p := range r.Params(typ) {
			listed[p.Code] = true
		}
		for _, u := range r.Unsupported(typ) {
			listed[u.Code] = true
			where := typ
			if strings.HasPrefix(u.Code, "_") {
				where = "*"
			}
			seen[where+" "+u.Code+": "+u.Reason] = true
		}
		for _, definition := range r.defs.SearchParameters(typ) {
			if !listed[definition.Code] {
				t.Errorf("%s %s is neither answered nor listed", typ, definition.Code)
			}
		}
	}
	lines := slices.Sorted(maps.Keys(seen))
	golden(t, "unsupported.txt", strings.Join(lines, "\n")+"\n")
}

// Index names and what shares them are part of the stored format.
func TestIndexNames(t *testing.T) {
	r := newTestRegistry(t)
	var b strings.Builder
	for _, typ := range r.defs.ResourceTypes() {
		for _, p := range r.Params(typ) {
			if names := strings.Join(p.Indexes(), " "); names != p.Code && names != "" {
				b.WriteString(typ + " " + p.Code + " -> " + names)
				if p.target != "" {
					b.WriteString(" (" + p.target + ")")
				}
				b.WriteByte('\n')
			}
		}
	}
	golden(t, "indexes.txt", b.String())
}

func TestParams(t *testing.T) {
	r := newTestRegistry(t)
	if r.Params("Patiens") != nil {
		t.Error("an unknown type has parameters")
	}
	type row struct {
		Type                            string
		Targets, Modifiers, Comparators []string
		Sortable                        bool
	}
	all := []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}
	want := map[string]row{
		"_id":                 {Type: "token", Modifiers: []string{"missing", "not"}, Sortable: true},
		"_lastUpdated":        {Type: "date", Modifiers: []string{"missing"}, Comparators: all, Sortable: true},
		"_profile":            {Type: "uri", Modifiers: []string{"missing", "above", "below"}, Sortable: true},
		"code":                {Type: "token", Modifiers: []string{"missing", "text", "not", "above", "below", "in", "not-in"}, Sortable: true},
		"identifier":          {Type: "token", Modifiers: []string{"missing", "text", "not", "of-type"}, Sortable: true},
		"status":              {Type: "token", Modifiers: []string{"missing", "not", "above", "below", "in", "not-in"}, Sortable: true},
		"patient":             {Type: "reference", Targets: []string{"Patient"}, Modifiers: []string{"missing", "identifier"}, Sortable: true},
		"subject":             {Type: "reference", Targets: []string{"Device", "Group", "Location", "Patient"}, Modifiers: []string{"missing", "identifier"}, Sortable: true},
		"value-quantity":      {Type: "quantity", Modifiers: []string{"missing"}, Comparators: all, Sortable: true},
		"value-string":        {Type: "string", Modifiers: []string{"missing", "exact", "contains"}, Sortable: true},
		"code-value-quantity": {Type: "composite", Modifiers: []string{"missing"}},
	}
	got := map[string]row{}
	previous := ""
	for _, p := range r.Params("Observation") {
		if p.Code <= previous {
			t.Errorf("%s is out of order", p.Code)
		}
		previous = p.Code
		if p.URL == "" && p.Code != "_filter" && p.Code != "_list" || p.Documentation == "" || strings.Contains(p.Documentation, "Multiple Resources") {
			t.Errorf("%s: URL %q, documentation %q", p.Code, p.URL, p.Documentation)
		}
		if _, asked := want[p.Code]; asked {
			got[p.Code] = row{p.Type, p.Targets, p.Modifiers, p.Comparators, p.Sortable}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Hot indexes name indexes that exist, of the kinds they claim.
func TestHotIndexes(t *testing.T) {
	r := newTestRegistry(t)
	for _, typ := range r.defs.ResourceTypes() {
		types, err := r.indexesOf(typ)
		if err != nil {
			t.Fatal(err)
		}
		for _, hot := range HotIndexes(typ) {
			for _, prefix := range append([]string{hot.Subject, hot.Time}, hot.Codes...) {
				name, form, _ := strings.Cut(prefix, Separator)
				kinds := map[string]kind{"r": reference, "t": token, "l": date}
				found := false
				for _, ix := range types.indexes {
					found = found || ix.name == name && ix.kind == kinds[form]
				}
				if !found {
					t.Errorf("%s: no index for %s", typ, show(prefix))
				}
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	r, err := NewRegistry(newTestRegistry(t).defs, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for _, typ := range r.defs.ResourceTypes() {
				if len(r.Params(typ)) == 0 {
					t.Errorf("%s has no parameters", typ)
				}
				if _, err := r.Extract(parseResource(t, `{"resourceType":"`+typ+`","id":"1"}`)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}
