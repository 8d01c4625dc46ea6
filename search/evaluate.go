package search

import (
	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/fhir/spec"
)

// expression is a search expression that is not a plain path, left to fhir/path.
type expression struct{ compiled *path.Expression }

func compileExpression(source string, t *spec.Type, defs *spec.Definitions) (*expression, error) {
	compiled, err := path.Compile(source, defs, path.ForSearch(), path.Strict(t.Name))
	if err != nil {
		return nil, err
	}
	return &expression{compiled}, nil
}

// evaluate delivers what an expression yields for the resource. An expression that fails on this content yields nothing; one of a custom parameter is
// noted.
func (x *extractor) evaluate(e *expression) {
	var env *path.Env
	if x.ix.custom != nil {
		env = &path.Env{Budget: customBudget}
	}
	values, err := e.compiled.EvalInto(x.values[:0], path.Root(x.resource, x.registry.defs), env)
	if err == nil && x.ix.custom != nil {
		err = checkCustomValues(values)
	}
	if err != nil && x.ix.custom != nil {
		x.failures = append(x.failures, ExtractFailure{x.ix.custom, err})
	}
	if err == nil {
		for _, v := range values {
			x.arriveValue(v)
		}
	}
	clear(values)
	x.values = values[:0]
}

// arriveValue takes a computed value, or an element that an expression found.
func (x *extractor) arriveValue(v path.Value) {
	if v.Kind() == path.Boolean && x.kind() == token {
		x.found = true
		x.add(piece{form: formToken, a: x.text(v.Text())})
		return
	}
	t, definition := v.Type(), v.Definition()
	if t == nil || !v.Node().Ok() {
		return
	}
	if l, ok := (paths{x.registry.defs}).leaf(x.kind(), definition, t); ok {
		x.arrive(v.Node(), &l)
	}
}
