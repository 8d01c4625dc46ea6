package patch

import (
	"errors"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/fhir/spec"
)

const (
	// maxOperations bounds a FHIRPath Patch, whose every operation evaluates an expression.
	maxOperations = 1000
	// maxSteps is shared by the expressions of a patch (see [path.Env.Budget]); one of them has at most maxStepsOfOne.
	maxSteps, maxStepsOfOne = 3_000_000, 300_000
)

// FHIRPath applies a FHIRPath Patch (R4 fhirpatch.html), given as the tree of a Parameters resource, to a resource and returns the new
// JSON. Paths are evaluated on the resource alone: resolve() finds contained resources only. See the package comment for errors.
func FHIRPath(res *fhir.Resource, patch fhir.Node, defs *spec.Definitions) ([]byte, error) {
	operations, err := readOperations(patch)
	if err != nil {
		return nil, err
	}
	if !defs.IsResource(res.Type()) {
		return nil, fhir.Invalidf(fhir.CodeProcessing, "", "the type of the resource is unknown")
	}
	p := fhirPatch{
		resourceTree: resourceTree{defs: defs, res: res},
		builder:      builder{defs, defs.Type("Parameters").Child("parameter").Type()},
		fixed:        identityOf(res),
		env:          path.Env{Budget: min(maxStepsOfOne, maxSteps/max(1, len(operations)))},
		work:         maxWork,
	}
	for i, op := range operations {
		if err := p.apply(op); err != nil {
			at := shown(op.path)
			return nil, outcome(i, op.kind, at, at, err)
		}
	}
	return p.res.Bytes(), nil
}

// fhirPatch is a resource being changed. Each operation sees what the one before it made.
type fhirPatch struct {
	resourceTree
	builder builder
	fixed   *identity
	env     path.Env
	work    budget
}

func (p *fhirPatch) apply(op operation) error {
	size := len(p.res.Bytes())
	if err := p.work.spend(size + costOfOperation); err != nil {
		return err
	}
	found, err := p.evaluate(op.path)
	if err != nil {
		return err
	}
	if op.kind == "delete" && len(found) == 0 {
		return nil
	}
	p.root = valueOf(p.res.Root())
	if err := p.change(op, found); err != nil {
		return err
	}
	if err := p.fixed.check(p.root); err != nil {
		return err
	}
	node, err := document(p.root, size+len(op.value.Raw()))
	if err != nil {
		return err
	}
	p.res, err = fhir.NewResource(node)
	return err
}

// evaluate returns the elements that the path leads to.
func (p *fhirPatch) evaluate(source string) (path.Collection, error) {
	expression, err := path.Compile(source, p.defs, path.Strict(p.res.Type()))
	if err != nil {
		return nil, problemf(fhir.CodeInvalid, "the path is not a FHIRPath expression for %s: %v", p.res.Type(), err)
	}
	found, err := expression.Eval(p.res, &p.env)
	switch {
	case errors.Is(err, path.ErrBudget):
		return nil, problemf(fhir.CodeTooCostly, "%v", err)
	case err != nil:
		return nil, problemf(fhir.CodeProcessing, "the path cannot be evaluated: %v", err)
	}
	return found, nil
}

func (p *fhirPatch) change(op operation, found path.Collection) error {
	switch {
	case len(found) == 0:
		return problemf(fhir.CodeProcessing, "no element matches the path")
	case op.kind == "insert" || op.kind == "move":
		return p.changeList(op, found)
	case len(found) > 1:
		return problemf(fhir.CodeProcessing, "the path matches %d elements and must match one", len(found))
	}
	offset, err := p.offset(found[0])
	if err != nil {
		return err
	}
	at, v, err := p.locate(offset)
	if err != nil {
		return err
	}
	switch {
	case op.kind == "add":
		return p.add(op, at, v, found[0].Type())
	case at == nil:
		return problemf(fhir.CodeProcessing, "the path leads to the resource itself; %s is for an element of it", op.kind)
	case op.kind == "delete":
		return at.remove()
	}
	c, err := p.builder.build(op.value, at.element())
	if err != nil {
		return err
	}
	return at.replace(c)
}

// add puts a child into the element of the type that stands at a place.
func (p *fhirPatch) add(op operation, at *place, v *value, typ *spec.Type) error {
	if typ == nil || v.kind != fhir.Object && typ.Kind != spec.Primitive {
		return problemf(fhir.CodeProcessing, "the element is not what its definition says, so nothing can be added to it")
	}
	if at != nil {
		var err error
		if v, err = at.object(v); err != nil {
			return err
		}
	}
	return p.builder.add(v, typ, op.name, op.value)
}

// offset is where an item of the result stands in the document.
func (p *fhirPatch) offset(v path.Value) (int, error) {
	n := v.Node()
	if !n.Ok() {
		n = v.Sibling()
	}
	if own, other := p.res.Root().Document(), n.Document(); len(other) == 0 || &own[0] != &other[0] {
		return 0, problemf(fhir.CodeProcessing, "the path computes a value; it must lead to an element of the resource")
	}
	start, _ := n.Range()
	return start, nil
}

// changeList does insert and move, whose path leads to all items of one list.
func (p *fhirPatch) changeList(op operation, found path.Collection) error {
	offset, err := p.offset(found[0])
	if err != nil {
		return err
	}
	at, _, err := p.locate(offset)
	if err != nil {
		return err
	}
	if at == nil || at.index < 0 {
		return problemf(fhir.CodeProcessing, "the path must lead to the items of a list")
	}
	l, err := at.list()
	if err != nil {
		return err
	}
	if !at.isWhole(found) {
		return problemf(fhir.CodeProcessing, "the path must lead to all items of one list")
	}
	count := l.length()
	if op.kind == "move" {
		if op.source >= count || op.destination >= count {
			return problemf(fhir.CodeProcessing, "source and destination must be less than %d, the number of items", count)
		}
		l.move(op.source, op.destination)
		return nil
	}
	if op.index > count {
		return problemf(fhir.CodeProcessing, "the index must not be greater than %d, the number of items", count)
	}
	c, err := p.builder.build(op.value, at.element())
	if err != nil {
		return err
	}
	l.insert(op.index, c)
	return nil
}

// isWhole reports whether the items are those of the list, in order.
func (p *place) isWhole(items path.Collection) bool {
	values, siblings := p.owner.member(p.name), p.owner.member("_"+p.name)
	for i, item := range items {
		v, s := values.item(i), siblings.item(i)
		if v == nil && s == nil || v != nil && v.node != item.Node() || v == nil && s.node != item.Sibling() {
			return false
		}
	}
	l, err := p.list()
	return err == nil && l.length() == len(items)
}
