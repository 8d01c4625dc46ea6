package validate_test

import (
	"path/filepath"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/validate"
	"github.com/firth-health/firth/internal/testfiles"
)

// largestMutated bounds the examples that are mutated: each is checked about twenty times for each of its values.
const largestMutated = 6 << 10

// TestMutations breaks valid examples in ways that no definition allows, at every place: each must be found. What has lost a member or an
// item may still be valid; then it must be writable as XML.
func TestMutations(t *testing.T) {
	d := definitions(t)
	v := validate.New(d)
	mutants := 0
	for i, file := range testfiles.Shared(t, "r4-examples/*.json", "phd-examples/*.json") {
		data := testfiles.Read(t, file)
		root := parse(t, data)
		if len(data) > largestMutated || testing.Short() && i%10 != 0 || v.Resource(root, validate.Options{}) != nil {
			continue
		}
		check := func(n fhir.Node, what string, splice fhir.Splice, mayPass bool) {
			mutants++
			mutant := parse(t, fhir.ApplySplices(data, 0, []fhir.Splice{splice}))
			issues := v.Resource(mutant, validate.Options{})
			switch {
			case issues == nil && mayPass:
				checkWritable(t, mutant, d)
			case issues == nil:
				start, _ := n.Range()
				t.Errorf("%s: %s at offset %d, %.60s: not found", filepath.Base(file), what, start, n.Raw())
			}
		}
		for n := range root.Descendants() {
			_, key := n.KeyRange()
			check(n, "null", fhir.Replace(n, []byte("null")), key == 0) // an item may be null beside one with extensions
			for _, empty := range []string{`""`, "{}", "[]", `{"":1}`} {
				check(n, empty, fhir.Replace(n, []byte(empty)), false)
			}
			check(n, "array around", fhir.Replace(n, []byte("["+string(n.Raw())+"]")), false)
			check(n, "text around", fhir.Replace(n, fhir.AppendQuoted(nil, " "+string(n.Raw()))), n.Kind() == fhir.String)
			if start, end := n.KeyRange(); end > 0 {
				check(n, "another name", fhir.Splice{Start: start, End: end, Text: []byte(`"notAnElement"`)}, false)
			}
			if n.Kind() == fhir.Array {
				check(n, "array gone", fhir.Replace(n, n.First().Raw()), n.First().Kind() == fhir.Array)
				check(n, "null behind", fhir.Replace(n, append(append([]byte(nil), n.Raw()[:len(n.Raw())-1]...), ",null]"...)), false)
			}
			if next := n.Next(); next.Ok() {
				start, _ := n.KeyRange()
				if start == 0 {
					start, _ = n.Range()
				}
				end, _ := next.KeyRange()
				if end == 0 {
					end, _ = next.Range()
				}
				check(n, "gone", fhir.Splice{Start: start, End: end}, true)
			}
		}
	}
	t.Logf("%d mutants", mutants)
}
