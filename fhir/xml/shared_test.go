package xml_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
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

// number is the text of a JSON number, so that 1.5 and 1.50 differ.
type number string

// tree turns a node into values that cmp compares: members in any order, everything else exactly.
func tree(n fhir.Node) any {
	switch n.Kind() {
	case fhir.Object:
		members := map[string]any{}
		for c := range n.Children() {
			members[c.Key()] = tree(c)
		}
		return members
	case fhir.Array:
		items := []any{}
		for c := range n.Children() {
			items = append(items, tree(c))
		}
		return items
	case fhir.String:
		return n.Text()
	case fhir.Number:
		return number(n.Raw())
	case fhir.Bool:
		return n.Text() == "true"
	}
	return nil
}

func parse(t testing.TB, data []byte) fhir.Node {
	t.Helper()
	root, err := fhir.Parse(data)
	if err != nil {
		t.Fatalf("not JSON: %v", err)
	}
	return root
}

// checkRoundTrip writes a resource as XML, reads it back and compares the trees.
func checkRoundTrip(t *testing.T, root fhir.Node) {
	t.Helper()
	encoded, err := xml.Encode(nil, root, definitions(t))
	if err != nil {
		t.Errorf("Encode: %v", err)
		return
	}
	decoded, err := xml.Decode(encoded, definitions(t))
	if err != nil {
		t.Errorf("Decode: %v", err)
		return
	}
	want, got := tree(root), tree(parse(t, decoded))
	if reflect.DeepEqual(want, got) { // cmp takes seconds for a large Bundle
		return
	}
	t.Errorf("JSON to XML to JSON (-want +got):\n%s", cmp.Diff(want, got))
}

func TestExamplesRoundTrip(t *testing.T) {
	for _, file := range testfiles.Shared(t, "r4-examples/*.json", "phd-examples/*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) { checkRoundTrip(t, parse(t, testfiles.Read(t, file))) })
	}
}

func TestSyntheaRoundTrips(t *testing.T) {
	files := testfiles.Shared(t, "synthea/*.json.gz")
	if testing.Short() {
		files = files[:min(len(files), 3)]
	}
	resources := 0
	for _, file := range files {
		root := parse(t, testfiles.Read(t, file))
		resources += root.Get("entry").Len()
		t.Run(filepath.Base(file), func(t *testing.T) { checkRoundTrip(t, root) })
	}
	t.Logf("%d resources in %d bundles", resources, len(files))
}

// TestValidatorFiles holds Decode against a collection of good and bad XML.
func TestValidatorFiles(t *testing.T) {
	refused := map[string]string{
		"Observation-ex-pain.xml": `Observation.status: invalid XML at line 3, column 21: unknown attribute "something"`,
		"bundle-dual-subject.xml": `Bundle.entry[0].resource: invalid XML at line 22, column 5: element "subject" must not be repeated`,
		"uuid-ext.xml":            `StructureDefinition: invalid XML at line 6, column 3: element "version" must stand before "title"`,
		"xml-bad-entities.xml": "Encounter.text.div: invalid XML at line 6, column 911: " +
			`'&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;`,
		"xml-fail.xml": `Bundle: invalid XML at line 3, column 3: unknown attribute "xsi:schemaLocation"`,
	}
	for _, file := range testfiles.Shared(t, "validator/files/*.xml", "validator/files/*/*.xml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			decoded, err := xml.Decode(testfiles.Read(t, file), definitions(t))
			if want := refused[filepath.Base(file)]; want != "" || err != nil {
				checkOutcome(t, err, want)
				return
			}
			checkRoundTrip(t, parse(t, decoded))
		})
	}
}

// TestTwins compares the examples that come in both formats. Where the twins themselves differ, the difference is listed here.
func TestTwins(t *testing.T) {
	expected := map[string][]string{
		// The JSON was written by a program that changed the notation of decimals.
		"observation-decimal": {
			`component[2].valueQuantity.value: JSON 1.0, XML 1.0e0`,
			`component[3].valueQuantity.value: JSON 1E-22, XML 0.0000000000000000000001`,
			`component[5].valueQuantity.value: JSON 1.000000000000000000E-245, XML 1.000000000000000000e-245`,
			`component[6].valueQuantity.value: JSON -1.000000000000000000E+245, XML -1.000000000000000000e245`,
		},
		// The extension was added to the XML only. The JSON has the apostrophes of the narrative as they are, the XML as references.
		"observation-example": {
			`extension: JSON <nil>, XML [map[url:http://example.com/fhir/StructureDefinition/patient-age ` +
				`valueAge:map[code:a system:http://unitsofmeasure.org value:41]]]`,
			`text.div: other apostrophes`,
		},
	}
	twins := 0
	for _, file := range testfiles.Shared(t, "r4-examples/*.xml") {
		decoded, err := xml.Decode(testfiles.Read(t, file), definitions(t))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		root := parse(t, decoded)
		checkRoundTrip(t, root)
		twin := strings.TrimSuffix(file, ".xml") + ".json"
		if _, err := os.Stat(twin); err != nil {
			continue
		}
		twins++
		name := strings.TrimSuffix(filepath.Base(file), ".xml")
		got := differences(nil, "", tree(parse(t, testfiles.Read(t, twin))), tree(root))
		if diff := cmp.Diff(expected[name], got); diff != "" {
			t.Errorf("%s: differences of the twins (-want +got):\n%s", name, diff)
		}
	}
	if twins < 5 {
		t.Errorf("%d pairs of files", twins)
	}
}

// differences lists where two trees differ, in the order of the names.
func differences(list []string, path string, a, b any) []string {
	if reflect.DeepEqual(a, b) {
		return list
	}
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			names := map[string]any{}
			maps.Copy(names, a)
			maps.Copy(names, b)
			for _, name := range slices.Sorted(maps.Keys(names)) {
				list = differences(list, strings.TrimPrefix(path+"."+name, "."), a[name], b[name])
			}
			return list
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			for i := range a {
				list = differences(list, fmt.Sprintf("%s[%d]", path, i), a[i], b[i])
			}
			return list
		}
	case string:
		if b, ok := b.(string); ok && a == strings.ReplaceAll(b, "&#39;", "'") {
			return append(list, path+": other apostrophes")
		}
	}
	return append(list, fmt.Sprintf("%s: JSON %v, XML %v", path, a, b))
}
