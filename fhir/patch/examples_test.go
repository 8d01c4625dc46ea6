package patch_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/patch"
	"github.com/firth-health/firth/fhir/xml"
)

// TestExamplesKeepTheirBytes changes each example of the specification and changes it back.
func TestExamplesKeepTheirBytes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared, "r4-examples/*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("needs ../shared/data/r4-examples")
	}
	defs := definitions(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			res := resource(t, string(data))
			typ := res.Type()
			if res.Root().Get("implicitRules").Ok() {
				t.Skip("has implicitRules")
			}
			got, err := patch.JSON(res, touchEverything(t, res))
			checkSame(t, res.Bytes(), got, err)
			got, err = patch.FHIRPath(res, parse(t, parameters(add(typ, "implicitRules", `"valueUri":"u","_valueUri":{"id":"i"}`), remove(typ+".implicitRules.id"),
				add(typ+".implicitRules", "extension", `"part":[{"name":"url","valueUri":"v"}]`), remove(typ+".implicitRules.extension"), remove(typ+".implicitRules"))), defs)
			checkSame(t, res.Bytes(), got, err)
			at := typ + `/id" pos="after`
			if res.ID() == "" {
				at = typ + `" pos="prepend`
			}
			got, err = patch.XML(res, []byte(`<diff><add sel="`+at+`"><implicitRules value="u"/></add><remove sel="`+typ+`/implicitRules"/></diff>`), defs)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tree(throughXML(t, res)), tree(parse(t, string(got)))); diff != "" {
				t.Errorf("XML (-want +got):\n%s", diff)
			}
		})
	}
}

// touchEverything tests each value at the first three levels for what it is, so that all of them are opened, adds a member and an item and removes them.
func touchEverything(t *testing.T, res *fhir.Resource) fhir.Node {
	t.Helper()
	operations := []byte("[")
	var walk func(n fhir.Node, path string, depth int)
	walk = func(n fhir.Node, path string, depth int) {
		operations = append(append(append(append(append(operations, `{"op":"test","path":`...), fhir.AppendQuoted(nil, path)...), `,"value":`...), n.Raw()...), "},"...)
		i := 0
		for c := range n.Children() {
			name := c.Key()
			if n.Kind() == fhir.Array {
				name = strconv.Itoa(i)
			}
			if i++; depth > 0 && i < 10 {
				walk(c, path+"/"+name, depth-1)
			}
		}
		if n.Kind() == fhir.Array {
			operations = append(append(append(operations, `{"op":"add","path":`...), fhir.AppendQuoted(nil, path+"/-")...), `,"value":1},`...)
			operations = append(append(append(operations, `{"op":"remove","path":`...), fhir.AppendQuoted(nil, path+"/"+strconv.Itoa(n.Len()))...), `},`...)
		}
	}
	walk(res.Root(), "", 3)
	operations = append(operations, `{"op":"add","path":"/x","value":1},{"op":"remove","path":"/x"}]`...)
	return parse(t, string(operations))
}

func checkSame(t *testing.T, want, got []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("the bytes have changed (-want +got):\n%s", cmp.Diff(string(want), string(got)))
	}
}

// throughXML is the resource as XML carries it, without what says nothing there.
func throughXML(t *testing.T, res *fhir.Resource) fhir.Node {
	t.Helper()
	encoded, err := xml.Encode(nil, res.Root(), definitions(t))
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := xml.Decode(encoded, definitions(t))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(decoded))
}
