package path

import (
	"bufio"
	"encoding/xml"
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
)

var update = flag.Bool("update", false, "rewrite golden files")

// shared holds the data that the whole project shares; tests that need it skip without it.
const shared = "../../../shared/data"

// suite is the official test suite (tests-fhir-r4.xml).
type suite struct {
	Groups []struct {
		Name  string         `xml:"name,attr"`
		Tests []officialTest `xml:"test"`
	} `xml:"group"`
}

type officialTest struct {
	Name       string `xml:"name,attr"`
	Input      string `xml:"inputfile,attr"`
	Mode       string `xml:"mode,attr"`
	Expression struct {
		Text    string `xml:",chardata"`
		Invalid string `xml:"invalid,attr"`
	} `xml:"expression"`
	Output []struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"output"`
	Ordered string `xml:"ordered,attr"`
}

// TestOfficialSuite runs the official tests. Those known to fail stand in testdata/expected-failures.txt, each with its reason; a test that
// begins to fail, or to pass, fails this one. With -update the list gets the failing tests, whose reasons must be written by hand.
func TestOfficialSuite(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(shared, "fhirpath/tests-fhir-r4.xml"))
	if err != nil {
		t.Skip("needs ../shared/data/fhirpath: ", err)
	}
	var s suite
	if err := xml.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	defs := definitions(t)
	expected := expectedFailures(t)
	var failed []string
	total := 0
	for _, group := range s.Groups {
		seen := map[string]int{}
		for _, test := range group.Tests {
			name := group.Name + "/" + test.Name
			if seen[name]++; seen[name] > 1 {
				name = fmt.Sprintf("%s#%d", name, seen[name])
			}
			total++
			problem := runOfficial(t, defs, test)
			if problem != "" {
				failed = append(failed, name)
			}
			switch reason, listed := expected[name]; {
			case problem != "" && !listed && !*update:
				t.Errorf("%s: %s\n\t%s", name, strings.TrimSpace(test.Expression.Text), problem)
			case problem == "" && listed:
				t.Errorf("%s passes now; take it out of testdata/expected-failures.txt (%s)", name, reason)
			}
		}
	}
	t.Logf("%d of %d official tests pass", total-len(failed), total)
	if *update {
		writeFailures(t, failed, expected)
	}
}

func definitions(t testing.TB) *spec.Definitions {
	t.Helper()
	defs, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	return defs
}

// input finds the JSON of an input file: a twin made for these tests, or an example of the specification.
func input(t testing.TB, name string) *fhir.Resource {
	t.Helper()
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".xml"), ".json") + ".json"
	data, err := os.ReadFile(filepath.Join("testdata/inputs", name))
	if err != nil {
		data, err = os.ReadFile(filepath.Join(shared, "r4-examples", name))
	}
	if err != nil {
		return nil
	}
	r, err := fhir.ParseResource(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func runOfficial(t *testing.T, defs *spec.Definitions, test officialTest) (problem string) {
	var focus Value
	if test.Input != "" {
		r := input(t, test.Input)
		if r == nil {
			return "no input " + test.Input
		}
		focus = Root(r, defs)
	}
	var opts []Option
	if test.Expression.Invalid == "semantic" {
		opts = append(opts, Strict(focus.TypeName()))
	}
	e, err := Compile(test.Expression.Text, defs, opts...)
	var items Collection
	if err == nil {
		items, err = e.EvalInto(nil, focus, &Env{Units: units(t)})
	}
	if test.Expression.Invalid != "" {
		if err == nil {
			return fmt.Sprintf("wanted an error, got %v", texts(items))
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	if _, err := Compile(test.Expression.Text, defs, Strict(focus.TypeName())); err != nil {
		return "strict: " + err.Error()
	}
	var got, want []string
	for _, o := range test.Output {
		text, isTime := strings.CutPrefix(o.Text, "@T") // FHIR writes a time without T
		if !isTime {
			text = strings.TrimPrefix(o.Text, "@")
		}
		want = append(want, strings.TrimSpace(o.Type+" "+text))
	}
	for i, v := range items {
		name := v.TypeName()
		if name != "" && v.Kind() != Element && v.Kind() != QuantityKind {
			name = strings.ToLower(name[:1]) + name[1:]
		}
		if i < len(test.Output) && test.Output[i].Type == "" {
			name = ""
		}
		got = append(got, strings.TrimSpace(name+" "+v.Text()))
	}
	if test.Ordered == "false" {
		slices.Sort(got)
		slices.Sort(want)
	}
	return cmp.Diff(want, got)
}

func texts(items Collection) []string {
	out := []string{}
	for _, v := range items {
		out = append(out, v.String())
	}
	return out
}

const failuresFile = "testdata/expected-failures.txt"

func expectedFailures(t *testing.T) map[string]string {
	expected := map[string]string{}
	f, err := os.Open(failuresFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			name, reason, _ := strings.Cut(line, ": ")
			expected[name] = reason
		}
	}
	return expected
}

func writeFailures(t *testing.T, failed []string, reasons map[string]string) {
	var b strings.Builder
	b.WriteString("# Official FHIRPath tests that fail, as group/test: reason.\n")
	for _, name := range failed {
		fmt.Fprintf(&b, "%s: %s\n", name, reasons[name])
	}
	if err := os.WriteFile(failuresFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
