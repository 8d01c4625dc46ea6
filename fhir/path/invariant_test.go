package path

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// invariant is one constraint of a StructureDefinition: where it holds, relative to the type, and what must be true there.
type invariant struct {
	key        string
	severity   string
	place      *Expression // nil for the type itself
	expression *Expression
}

// invariants reads the constraints of types from their definitions, with FHIRPath.
type invariants struct {
	t      *testing.T
	defs   *spec.Definitions
	byType map[string][]invariant
	total  int
}

func newInvariants(t *testing.T) *invariants {
	return &invariants{t: t, defs: definitions(t), byType: map[string][]invariant{}}
}

func (x *invariants) eval(source string, focus Value) Collection {
	x.t.Helper()
	e, err := Compile(source, x.defs)
	if err != nil {
		x.t.Fatal(err)
	}
	found, err := e.EvalInto(nil, focus, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	return found
}

func (x *invariants) of(name string) []invariant {
	if found, ok := x.byType[name]; ok {
		return found
	}
	x.byType[name] = nil
	typ := x.defs.Type(name)
	if typ == nil || typ.URL == "" {
		return nil
	}
	data, err := x.defs.StructureDefinition(typ.URL)
	if err != nil {
		x.t.Fatalf("%s: %v", name, err)
	}
	root := Root(resource(x.t, string(data)), x.defs)
	var found []invariant
	for _, element := range x.eval("snapshot.element.where(constraint.exists())", root) {
		place := strings.ReplaceAll(x.eval("path", element)[0].Text(), "[x]", "")
		var at *Expression
		if strings.Contains(place, ".") {
			if at, err = Compile(place, x.defs); err != nil {
				x.t.Errorf("%s: %v", place, err)
				continue
			}
		}
		for _, c := range x.eval("constraint.where(expression.exists())", element) {
			i := invariant{key: x.eval("key", c)[0].Text(), severity: x.eval("severity", c)[0].Text(), place: at}
			x.total++
			if i.expression, err = Compile(x.eval("expression", c)[0].Text(), x.defs, ForInvariant()); err != nil {
				x.t.Errorf("%s at %s: %v", i.key, place, err)
				continue
			}
			found = append(found, i)
		}
	}
	x.byType[name] = found
	return found
}

// TestInvariantsCompile compiles the invariants of all types of R4.
func TestInvariantsCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("reads all StructureDefinitions")
	}
	x := newInvariants(t)
	for _, name := range append(x.defs.ResourceTypes(), x.defs.DataTypes()...) {
		x.of(name)
	}
	t.Logf("%d invariants", x.total)
	if x.total < 5000 {
		t.Errorf("found only %d invariants", x.total)
	}
}

// TestExamplesKeepTheirInvariants evaluates the invariants of R4 on the examples of the specification, which keep those of
// severity error: none is false, and none fails.
func TestExamplesKeepTheirInvariants(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared, "r4-examples/*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("needs ../shared/data/r4-examples")
	}
	x := newInvariants(t)
	checked := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := fhir.ParseResource(data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		root := Root(r, x.defs)
		for _, v := range append(x.eval("descendants()", root), root) {
			checked += x.check(filepath.Base(file), r, v)
		}
	}
	t.Logf("%d evaluations", checked)
}

func (x *invariants) check(file string, r *fhir.Resource, v Value) (checked int) {
	for _, i := range x.of(v.TypeName()) {
		places := Collection{v}
		if i.place != nil {
			var err error
			if places, err = i.place.EvalInto(nil, v, nil); err != nil {
				x.t.Errorf("%s: %s: %v", file, i.key, err)
			}
		}
		for _, place := range places {
			checked++
			got, err := i.expression.EvalInto(nil, place, &Env{Resource: r})
			if err != nil {
				x.t.Errorf("%s: %s on %s: %v", file, i.key, place.TypeName(), err)
				continue
			}
			if i.severity == "error" && len(got) == 1 && got[0].Text() != "true" && file+" "+i.key != "codesystem-example.json csd-1" { // a code stands twice
				x.t.Errorf("%s: %s on %s gave %v: %s", file, i.key, place.TypeName(), described(got), i.expression)
			}
		}
	}
	return checked
}
