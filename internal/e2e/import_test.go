package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/teststore"
)

// compressed copies a file of testdata with gzip under a name that does not tell.
func compressed(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// imported checks what must be there after importing the good files of testdata, whichever way.
func imported(t *testing.T, base string) {
	t.Helper()
	for query, want := range map[string]string{
		"Patient": "4", "Observation": "1", "Device": "2", "Encounter": "2", "Practitioner": "2",
		"Patient?family=Again": "1", "Patient?family=First": "0",
		"Observation?value-quantity=74.10|http://unitsofmeasure.org|kg": "1", "Encounter?participant=Practitioner/p2": "1",
	} {
		if got := count(t, base, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	encounter := ask(t, 200, "GET", base+"/Encounter/e1", "")
	if got := encounter.Get("participant").Index(0).Path("individual", "reference").Text(); got != "Practitioner/p1" {
		t.Errorf("conditional reference became %q", got)
	}
	_, _, body, err := request("GET", base+"/Patient/n3", "")
	if err != nil || !bytes.Contains(body, []byte(`"unknownElement":{"a":1.50}`)) {
		t.Errorf("%s %v", body, err)
	}
}

const goodTotals = `  total  created  updated  unchanged  deleted  type
      2        2        0          0        0  Device
      2        2        0          0        0  Encounter
      1        1        0          0        0  Observation
      5        4        1          0        0  Patient
      2        2        0          0        0  Practitioner
     12       11        1          0        0  all
12 resources from 5 files in`

func goodFiles(t *testing.T) []string {
	return []string{compressed(t, "encounters.ndjson"), "testdata/practitioners.ndjson", compressed(t, "transaction.json"), "testdata/collection.json", "testdata/patients.ndjson"}
}

func TestImportIntoStore(t *testing.T) {
	dir := place(t)
	stdout, stderr, code := run(t, "", importing(dir, append([]string{"--validation", "off"}, goodFiles(t)...)...)...)
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, goodTotals) {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
	p := serve(t, dir)
	imported(t, p.Base)
}

func TestImportIntoServer(t *testing.T) {
	p := serve(t, place(t), "--validation", "off")
	stdout, stderr, code := run(t, "", append([]string{"import", "--server", p.Base}, goodFiles(t)...)...)
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, goodTotals) {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
	imported(t, p.Base)
	// The second time, what has an id is updated, and the conditional create finds its patient.
	stdout, _, code = run(t, "", append([]string{"import", "--server", p.Base}, goodFiles(t)...)...)
	if want := "      5        0        4          1        0  Patient\n"; code != 0 || !strings.Contains(stdout, want) {
		t.Errorf("again: exit %d\n%s", code, stdout)
	}
}

// TestImportIsValidated shows that what breaks the definitions is named and left out.
func TestImportIsValidated(t *testing.T) {
	_, stderr, code := run(t, "", importing(place(t), goodFiles(t)...)...)
	want := "testdata/patients.ndjson:4: Patient.unknownElement: unknown element"
	if code != 1 || !strings.HasPrefix(stderr, "1 failed:\n") || !strings.Contains(stderr, want) {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestImportReportsFailures(t *testing.T) {
	dir := place(t)
	stdout, stderr, code := run(t, "", importing(dir, "testdata/broken.ndjson", "testdata/export-log.ndjson", "testdata/missing.json")...)
	if code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	if want := "      2        2        0          0        0  all\n"; !strings.Contains(stdout, want) {
		t.Errorf("totals\n%s", stdout)
	}
	if want := "skipped testdata/export-log.ndjson: not FHIR (2 lines, none with a resourceType)\n"; !strings.Contains(stdout, want) {
		t.Errorf("no %q in\n%s", want, stdout)
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	for i, line := range lines {
		if strings.Contains(line, "broken.ndjson:4: ") && strings.Contains(line, "Wombat") {
			lines[i] = "  testdata/broken.ndjson:4: (the server's words)"
		}
	}
	want := []string{
		"5 failed:",
		"  testdata/broken.ndjson:2: invalid JSON at column 32: unexpected end of document",
		"  testdata/broken.ndjson:3: no resourceType: not a FHIR resource",
		"  testdata/broken.ndjson:4: (the server's words)",
		"  testdata/broken.ndjson:5: the id is not 1 to 64 of A-Z a-z 0-9 - .",
		"  testdata/missing.json: open: no such file or directory",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestImportNothing(t *testing.T) {
	stdout, _, code := run(t, "", importing(place(t), "testdata/export-log.ndjson")...)
	if code != 1 || !strings.Contains(stdout, "skipped testdata/export-log.ndjson: not FHIR") {
		t.Errorf("only a log: exit %d\n%s", code, stdout)
	}
	_, stderr, code := run(t, "", "import", "--server", "http://127.0.0.1:1/fhir", "testdata/practitioners.ndjson")
	if code != 1 || !strings.Contains(stderr, "testdata/practitioners.ndjson:1: ") || !strings.Contains(stderr, "connection refused") {
		t.Errorf("no server: exit %d\n%s", code, stderr)
	}
}

func TestImportStandardInput(t *testing.T) {
	stdout, stderr, code := run(t, `{"resourceType":"Patient","id":"stdin"}`, importing(place(t), "-")...)
	if code != 0 || !strings.Contains(stdout, "1 resources from 1 files") {
		t.Errorf("exit %d, %s\n%s", code, stderr, stdout)
	}
}

// Acceptance: published data load completely, with the counts by type that the files have.
func TestImportPublishedData(t *testing.T) {
	for _, pattern := range []string{"synthea/*.json.gz", "bulk-10-patients/*.ndjson.gz"} {
		t.Run(pattern, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join("../../../shared/data", pattern))
			if err != nil {
				t.Fatal(err)
			}
			if len(files) == 0 {
				t.Skip("../shared/data/" + pattern + " is not there")
			}
			files = files[:teststore.Size(len(files), 1)]
			dir := place(t)
			stdout, stderr, code := run(t, "", importing(dir, files...)...)
			if code != 0 {
				t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
			}
			p := serve(t, dir)
			for typ, want := range typesIn(t, files) {
				if got := count(t, p.Base, typ); got != strconv.Itoa(want) {
					t.Errorf("%s %s, want %d", got, typ, want)
				}
			}
		})
	}
}

// typesIn counts resources with encoding/json, without the importer.
func typesIn(t *testing.T, files []string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for decoder := json.NewDecoder(z); ; {
			var r struct {
				ResourceType string
				Entry        []struct{ Resource struct{ ResourceType string } }
			}
			if err := decoder.Decode(&r); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if r.ResourceType == "Bundle" {
				for _, e := range r.Entry {
					counts[e.Resource.ResourceType]++
				}
			} else if r.ResourceType != "" {
				counts[r.ResourceType]++
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return counts
}
