package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/firth-health/firth/internal/teststore"
)

// TestSynthea loads transaction Bundles of generated patients. The counts by type, and where every reference leads, are compared with the files.
func TestSynthea(t *testing.T) {
	files, err := filepath.Glob("../../shared/data/synthea/*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("../../shared/data/synthea is absent")
	}
	if testing.Short() || teststore.FerretDB() {
		files = files[:teststore.Size(4, 2)]
	}
	f := newFixture(t, validating)
	counts := map[string]int{}
	for _, file := range files {
		body := unzipped(t, file)
		for _, e := range parseBundle(t, body).Entry {
			counts[e.Resource.ResourceType]++
		}
		got := f.do("POST", "", body, "Prefer", "return=minimal")
		if got.status != 200 {
			t.Fatalf("%s: %d %.500s", file, got.status, got.body)
		}
		for i, e := range parseBundle(t, got.body).Entry {
			if e.Response.Status != "201 Created" {
				t.Errorf("%s: entry %d: %s", file, i, e.Response.Status)
			}
		}
	}
	for typ, want := range counts {
		got := f.do("GET", "/"+typ+"?_summary=count&_total=accurate", "")
		if !strings.Contains(got.body, fmt.Sprintf(`"total":%d,`, want)) {
			t.Errorf("%s: %s, want %d", typ, got.body, want)
		}
	}
	page := f.do("GET", "/Observation?_count=100", "")
	if strings.Contains(page.body, "urn:uuid:") {
		t.Error("a reference was not rewritten")
	}
	checkReferences(t, f, page.body)
}

// checkReferences reads what the resources of a page refer to.
func checkReferences(t *testing.T, f *fixture, page string) {
	t.Helper()
	var found struct {
		Entry []struct {
			Resource struct{ Subject, Encounter struct{ Reference string } }
		}
	}
	if err := json.Unmarshal([]byte(page), &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Entry) != 100 {
		t.Errorf("%d entries, want 100", len(found.Entry))
	}
	for _, e := range found.Entry {
		for _, reference := range []string{e.Resource.Subject.Reference, e.Resource.Encounter.Reference} {
			if got := f.do("GET", "/"+reference, ""); got.status != 200 {
				t.Errorf("%q leads to %d", reference, got.status)
			}
		}
	}
}

func unzipped(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}
