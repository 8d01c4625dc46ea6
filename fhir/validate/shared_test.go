package validate_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/validate"
	"github.com/firth-health/firth/fhir/xml"
	"github.com/firth-health/firth/internal/testfiles"
)

func definitions(t testing.TB) *spec.Definitions {
	t.Helper()
	d, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parse(t testing.TB, data []byte) fhir.Node {
	t.Helper()
	root, err := fhir.Parse(data)
	if err != nil {
		t.Fatalf("not JSON: %v", err)
	}
	return root
}

var update = flag.Bool("update", false, "rewrite golden files")

// decode reads a file of either format.
func decode(t testing.TB, file string) (fhir.Node, error) {
	t.Helper()
	data := testfiles.Read(t, file)
	if strings.HasSuffix(file, ".xml") {
		var err error
		if data, err = xml.Decode(data, definitions(t)); err != nil {
			return fhir.Node{}, err
		}
	}
	return fhir.Parse(data)
}

func line(issue fhir.Issue) string {
	return fmt.Sprintf("%s %s: %s", issue.Code, issue.Expression, issue.Diagnostics)
}

// TestCases holds our verdicts against those of the reference validator on 205 files. What it calls valid must pass; which of the others
// are refused, and for what first, is in the golden file: those missed need invariants, profiles, terminology, or looks beyond one resource.
func TestCases(t *testing.T) {
	exceptions := map[string]string{
		// The expected verdict was made with the rules of R5, where Encounter.class may be absent. In aggregation-bundle-bad4, which is the same
		// Encounter under the rules of R4, the reference validator refuses it as we do.
		"aggregation-apart-good4": "required Encounter.class: Encounter.class is required (1..1)",
	}
	list := testfiles.Shared(t, "validator/cases.json")[0]
	v := validate.New(definitions(t))
	var lines []string
	for c := range parse(t, testfiles.Read(t, list)).Children() {
		name := c.Get("name").Text()
		found := ""
		root, err := decode(t, filepath.Join(filepath.Dir(list), "files", c.Get("file").Text()))
		if err != nil {
			found = "not read: " + err.Error()
		} else if issues := v.Resource(root, validate.Options{}); issues != nil {
			found = line(issues[0])
		}
		valid := c.Path("expected", "errors").TextIs("0")
		switch {
		case valid && found != exceptions[name]:
			t.Errorf("%s: the reference validator finds no error; found %q, want %q", name, found, exceptions[name])
		case !valid && found == "":
			lines = append(lines, name+"\n\tmissed\n")
		case !valid:
			lines = append(lines, name+"\n\t"+found+"\n")
		}
	}
	slices.Sort(lines)
	golden(t, "cases.golden", strings.Join(lines, ""))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s; go test -update rewrites it (-want +got):\n%s", name, diff)
	}
}

// TestExamples: published examples pass, but for those that break R4.
func TestExamples(t *testing.T) {
	exceptions := map[string][]string{
		// linkId is 1..1, also for items of the type display.
		"bundle-questionnaire.json": {"50 required: Questionnaire.item.linkId is required (1..1)"},
		// The examples point to types that the element's definition does not list.
		"devicemetric-example.json": {
			"1 value: DeviceMetric.parent must point to Device, not to DeviceDefinition",
		},
		"deviceusestatement-example.json": {
			"1 value: DeviceUseStatement.reasonReference must point to " +
				"Condition, Observation, DiagnosticReport, DocumentReference, Media, not to Procedure",
		},
		"medicationrequest0301.json": {
			"1 value: MedicationRequest.dispenseRequest.performer must point to Organization, not to Practitioner",
		},
	}
	v := validate.New(definitions(t))
	for _, file := range testfiles.Shared(t, "r4-examples/*", "phd-examples/*.json") {
		root, err := decode(t, file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if diff := cmp.Diff(exceptions[filepath.Base(file)], counted(v.Resource(root, validate.Options{}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filepath.Base(file), diff)
		}
	}
}

// counted lists issues without their places, each with how often it occurs.
func counted(issues []fhir.Issue) []string {
	counts := map[string]int{}
	for _, issue := range issues {
		counts[fmt.Sprintf("%s: %s", issue.Code, issue.Diagnostics)]++
	}
	var lines []string
	for text, count := range counts {
		lines = append(lines, fmt.Sprintf("%d %s", count, text))
	}
	slices.Sort(lines)
	return lines
}

func TestSynthea(t *testing.T) {
	files := testfiles.Shared(t, "synthea/*.json.gz")
	if testing.Short() {
		files = files[:min(len(files), 3)]
	}
	v := validate.New(definitions(t))
	resources := 0
	for _, file := range files {
		root := parse(t, testfiles.Read(t, file))
		resources += root.Get("entry").Len()
		for _, issue := range v.Resource(root, validate.Options{}) {
			t.Errorf("%s: %s", filepath.Base(file), line(issue))
		}
	}
	t.Logf("%d resources in %d bundles", resources, len(files))
}

func TestBulkExport(t *testing.T) {
	v := validate.New(definitions(t))
	resources := 0
	for _, file := range testfiles.Shared(t, "bulk-10-patients/*.ndjson.gz") {
		if filepath.Base(file) == "log.ndjson.gz" {
			continue // of the export, not FHIR
		}
		for number, row := range bytes.Split(bytes.TrimSpace(testfiles.Read(t, file)), []byte("\n")) {
			if len(row) == 0 {
				continue // of an empty file
			}
			resources++
			for _, issue := range v.Resource(parse(t, row), validate.Options{}) {
				t.Errorf("%s, line %d: %s", filepath.Base(file), number+1, line(issue))
			}
		}
	}
	t.Logf("%d resources", resources)
}

// TestDefinitions: the artifacts of the specification are resources too. All of them pass; every tenth is read here, because each has to be decompressed.
func TestDefinitions(t *testing.T) {
	step := 10
	if testing.Short() {
		step = 100
	}
	d := definitions(t)
	v := validate.New(d)
	found := map[string]int{}
	for _, resourceType := range []string{"SearchParameter", "OperationDefinition", "CompartmentDefinition", "ValueSet", "CodeSystem", "ConceptMap", "StructureDefinition"} {
		for i, url := range d.Artifacts(resourceType) {
			if i%step != 0 {
				continue
			}
			data, err := d.Artifact(resourceType, url)
			if err != nil {
				t.Fatal(err)
			}
			for _, issue := range v.Resource(parse(t, data), validate.Options{}) {
				if found[resourceType]++; found[resourceType] < 5 {
					t.Errorf("%s: %s", url, line(issue))
				}
			}
		}
	}
}
