package search

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
)

func TestReadBranch(t *testing.T) {
	for _, test := range []struct {
		in   string
		want branch
	}{
		{"Patient.name", branch{root: "Patient", text: "name", plain: true}},
		{"Observation", branch{root: "Observation", plain: true}},
		{"name", branch{text: "name", plain: true}},
		{"Patient.name.given", branch{root: "Patient", text: "name.given", plain: true}},
		{"(Observation.value as Quantity)", branch{root: "Observation", text: "value:Quantity", plain: true}},
		{"(Observation.value as CodeableConcept).text", branch{root: "Observation", text: "value:CodeableConcept.text", plain: true}},
		{"Condition.onset.as(Age)", branch{root: "Condition", text: "onset:Age", plain: true}},
		{"Observation.subject.where(resolve() is Patient)", branch{root: "Observation", text: "subject", target: "Patient", plain: true}},
		{"Patient.telecom.where(system='email')", branch{root: "Patient", text: "telecom(system=email)", plain: true}},
		{"Library.relatedArtifact.where(type='composed-of').resource", branch{root: "Library", text: "relatedArtifact(type=composed-of).resource", plain: true}},
		{"Bundle.entry[0].resource", branch{root: "Bundle", text: "entry[0].resource", plain: true}},
		{"%resource.referenceSeq.chromosome", branch{root: "%resource", text: "referenceSeq.chromosome", plain: true}},
		{"Patient.deceased.exists() and Patient.deceased != false", branch{root: "Patient", text: "Patient.deceased.exists() and Patient.deceased != false"}},
		{"Patient.link.first().where(resolve() is Patient)", branch{root: "Patient", text: "Patient.link.first()", target: "Patient"}},
		{"Patient.name[1]", branch{root: "Patient", text: "Patient.name[1]"}},
		{"Patient.telecom.where(system=email)", branch{root: "Patient", text: "Patient.telecom.where(system=email)"}},
		{"Patient.telecom.where(system = 'email')", branch{root: "Patient", text: "telecom(system=email)", plain: true}},
		{"Patient.telecom.where(system='')", branch{root: "Patient", text: "telecom(system=)", plain: true}},
		{"Patient.a9Z", branch{root: "Patient", text: "a9Z", plain: true}},
		{"Patient.z0A", branch{root: "Patient", text: "z0A", plain: true}},
		{"Account.name", branch{root: "Account", text: "name", plain: true}},
		{"Zone.name", branch{root: "Zone", text: "name", plain: true}},
		{"Account.name.first()", branch{root: "Account", text: "Account.name.first()"}},
		{"Zone.name.first()", branch{root: "Zone", text: "Zone.name.first()"}},
		{"name.first()", branch{text: "name.first()"}},
		{"name.Given", branch{text: "name.Given", plain: true}},
		{"Patient.Name", branch{root: "Patient", text: "Name", plain: true}},
		{"%resource.Name", branch{root: "%resource", text: "Name", plain: true}},
		{".where(resolve() is Patient)", branch{text: ".where(resolve() is Patient)"}},
		{"Patient.name.where(use)", branch{root: "Patient", text: "Patient.name.where(use)"}},
		{"(Patient as Thing).name", branch{root: "Patient", text: "(Patient as Thing).name"}},
		{"(Patient.name. as Quantity)", branch{root: "Patient", text: "(Patient.name. as Quantity)"}},
		{"(Observation.subject.where(resolve() is Patient))", branch{root: "Observation", text: "(Observation.subject.where(resolve() is Patient))"}},
		{"(Observation.value.as(Quantity) as Age)", branch{root: "Observation", text: "(Observation.value.as(Quantity) as Age)"}},
		{"(Patient.telecom.where(system='email') as ContactPoint)", branch{root: "Patient", text: "(Patient.telecom.where(system='email') as ContactPoint)"}},
		{"(Patient.name as )", branch{root: "Patient", text: "(Patient.name as )"}},
		{"Patient.telecom.where(system='a').where(use='b')", branch{root: "Patient", text: "Patient.telecom.where(system='a').where(use='b')"}},
		{"Patient.telecom.where(system='a", branch{root: "Patient", text: "Patient.telecom.where(system='a"}},
		{`Patient.telecom.where(system='a\\b')`, branch{root: "Patient", text: `Patient.telecom.where(system='a\\b')`}},
		{"Observation.subject.where(resolve() is Patient).name", branch{root: "Observation", text: "Observation.subject.where(resolve() is Patient).name"}},
		{"", branch{}},
	} {
		got := readBranch(test.in)
		got.steps = nil
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(branch{}, rawStep{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestSplitUnion(t *testing.T) {
	got := splitUnion("A.b | (A.c | A.d).e|A.where(x='|' | y) | A.where(x='(') | A.f='|'")
	want := []string{"A.b", "(A.c | A.d).e", "A.where(x='|' | y)", "A.where(x='(')", "A.f='|'"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Plain paths find the very elements that fhir/path finds, for every expression and every example.
func TestPlainPathsAgreeWithFHIRPath(t *testing.T) {
	r := newTestRegistry(t)
	files, err := filepath.Glob("../../shared/data/r4-examples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("../shared/data/r4-examples is not there")
	}
	compared, found := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		res, err := fhir.ParseResource(data)
		if err != nil {
			continue // not a resource
		}
		typ := r.defs.Type(res.Type())
		for _, definition := range r.defs.SearchParameters(res.Type()) {
			k := kind(definition.Type)
			for _, alternative := range splitUnion(definition.Expression) {
				b := readBranch(alternative)
				if k == composite || k == "special" || !b.plain || alternative == "" || b.root != "" && !typ.Is(b.root) {
					continue
				}
				steps, err := paths{r.defs}.compile(typ, b.steps, k)
				if err != nil {
					t.Errorf("%s %s: %v", res.Type(), definition.Code, err)
					continue
				}
				source := strings.TrimSuffix(alternative, ".where(resolve() is "+b.target+")")
				want := evaluateAll(t, r, source, res)
				if definition.Code == "source-reference" && res.Type() == "Consent" {
					want = nil // an Attachment, which a reference parameter cannot hold
				}
				got := follow(res.Root(), steps)
				compared++
				found += len(got)
				if diff := cmp.Diff(texts(want), texts(got)); diff != "" {
					t.Errorf("%s: %s (-path +plain):\n%s", filepath.Base(file), alternative, diff)
				}
			}
		}
	}
	if compared < 1000 || found < 500 {
		t.Errorf("compared %d expressions that found %d elements: the examples do not exercise them", compared, found)
	}
}

func evaluateAll(t *testing.T, r *Registry, source string, res *fhir.Resource) []fhir.Node {
	t.Helper()
	expression, err := path.Compile(source, r.defs, path.ForSearch())
	if err != nil {
		t.Fatal(err)
	}
	values, err := expression.Eval(res, nil)
	if err != nil {
		t.Fatal(err)
	}
	var nodes []fhir.Node
	for _, v := range values {
		if v.Node().Ok() {
			nodes = append(nodes, v.Node())
		}
	}
	return nodes
}

// follow is descend without an extractor: it collects the nodes.
func follow(n fhir.Node, steps []step) (nodes []fhir.Node) {
	if len(steps) == 0 {
		return []fhir.Node{n}
	}
	s := steps[0]
	for _, m := range s.members {
		items := []fhir.Node{n.Get(m.name)}
		if items[0].Kind() == fhir.Array {
			items = nil
			for item := range n.Get(m.name).Children() {
				items = append(items, item)
			}
		}
		for i, item := range items {
			if item.Ok() && item.Kind() != fhir.Null && (s.where == "" || item.Get(s.where).TextIs(s.value)) && !(s.first && i > 0) {
				nodes = append(nodes, follow(item, steps[1:])...)
			}
		}
	}
	return nodes
}

func texts(nodes []fhir.Node) []string {
	out := []string{}
	for _, n := range nodes {
		out = append(out, string(n.Raw()))
	}
	return out
}
