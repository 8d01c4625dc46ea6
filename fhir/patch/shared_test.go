package patch_test

import (
	stdxml "encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/patch"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/xml"
)

// shared holds the data that the whole project shares; tests that need it skip without it.
const shared = "../../../shared/data"

func definitions(t testing.TB) *spec.Definitions {
	t.Helper()
	defs, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	return defs
}

func parse(t testing.TB, text string) fhir.Node {
	t.Helper()
	node, err := fhir.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return node
}

func resource(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	res, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return res
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

func sharedFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(shared, name))
	if err != nil {
		t.Skip("needs ../shared/data/patch: ", err)
	}
	return data
}

// TestJSONPatchSuite runs the cases of the json-patch-tests project.
func TestJSONPatchSuite(t *testing.T) {
	cases := parse(t, string(sharedFile(t, "patch/json-patch-tests.json")))
	if cases.Len() == 0 {
		t.Fatal("no cases")
	}
	for c := range cases.Children() {
		t.Run(c.Get("comment").Text(), func(t *testing.T) {
			got, err := patch.ApplyJSON(c.Get("doc"), c.Get("patch"))
			switch want := c.Get("expected"); {
			case c.Get("error").Ok():
				checkOutcome(t, err)
			case err != nil:
				t.Error(err)
			case want.Ok():
				if diff := cmp.Diff(tree(want), tree(parse(t, string(got)))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// suite is the FHIRPath Patch test suite of the specification.
type suite struct {
	Cases []struct {
		Name   string   `xml:"name,attr"`
		Input  fragment `xml:"input"`
		Diff   fragment `xml:"diff"`
		Output fragment `xml:"output"`
		Error  fragment `xml:"error"`
	} `xml:"case"`
}

type fragment struct {
	XML string `xml:",innerxml"`
}

// json turns a resource of the suite, whose prefix the root of the suite declares, into JSON; empty when there is none.
func (f fragment) json(t *testing.T) string {
	t.Helper()
	text := strings.TrimSpace(f.XML)
	if text == "" {
		return ""
	}
	at := strings.IndexAny(text, " \t\n/>")
	data, err := xml.Decode([]byte(text[:at]+` xmlns:ns0="http://hl7.org/fhir"`+text[at:]), definitions(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestFHIRPathPatchSuite runs the cases of the specification, in which inputs and patches are XML. A case without output expects an error.
func TestFHIRPathPatchSuite(t *testing.T) {
	var s suite
	if err := stdxml.Unmarshal(sharedFile(t, "patch/fhir-patch-tests.xml"), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range s.Cases {
		t.Run(c.Name, func(t *testing.T) {
			got, err := patch.FHIRPath(resource(t, c.Input.json(t)), parse(t, c.Diff.json(t)), definitions(t))
			want := c.Output.json(t)
			switch {
			case want == "":
				checkOutcome(t, err)
			case err != nil:
				t.Error(err)
			default:
				if diff := cmp.Diff(tree(parse(t, want)), tree(parse(t, string(got)))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}
