package path

import (
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// Expression is a compiled FHIRPath expression. It is immutable and safe for concurrent use.
type Expression struct {
	source string
	defs   *spec.Definitions
	run    code
	// machines keeps evaluations that ended, whose memory the next one uses.
	machines sync.Pool
}

// Option changes how [Compile] reads an expression.
type Option func(*options)

type options struct {
	lenientAs  bool
	typedNames bool
	strict     bool
	strictType string
}

// ForSearch compiles an expression of a SearchParameter. Those were written for an older FHIRPath (R4 search.html): "as" filters
// collections as ofType() does, instead of failing on more than one item, "as DateTime" means the FHIR type dateTime, and a choice may have its name
// in JSON: US Core says extension.where(url = '...').valueDateTime.
func ForSearch() Option { return func(o *options) { o.lenientAs, o.typedNames = true, true } }

// ForInvariant compiles an invariant of a StructureDefinition of R4. Those rely on the same reading of "as" as search expressions: dom-3 says
// descendants().as(canonical).
func ForInvariant() Option { return func(o *options) { o.lenientAs = true } }

// Strict also checks the expression against the definitions, for evaluation on the given type ("Patient"; empty when not known): elements
// that do not exist, functions that cannot work on the type of their input, and conditions that are not Boolean are errors.
// Without it they yield nothing.
func Strict(typeName string) Option {
	return func(o *options) { o.strict, o.strictType = true, typeName }
}

// Compile reads an expression (FHIRPath N1 with the functions of R4 fhirpath.html) and prepares it for evaluation. Errors are *[Error]
// with the position and what was expected there.
func Compile(source string, defs *spec.Definitions, opts ...Option) (*Expression, error) {
	var o options
	for _, option := range opts {
		option(&o)
	}
	tree, err := parse(source)
	if err != nil {
		return nil, err
	}
	c := &compiler{source: source, defs: defs, options: o, functions: functionTable()}
	run, err := c.compile(tree)
	if err != nil {
		return nil, err
	}
	if o.strict {
		if err := checkTypes(c, tree); err != nil {
			return nil, err
		}
	}
	return &Expression{source: source, defs: defs, run: run}, nil
}

// String is the expression as it was given to [Compile].
func (e *Expression) String() string { return e.source }

// Eval evaluates the expression on a resource. A nil env is the zero [Env]. Errors are *[Error].
func (e *Expression) Eval(r *fhir.Resource, env *Env) (Collection, error) {
	return e.EvalInto(nil, Root(r, e.defs), env)
}

// EvalInto evaluates the expression on any value ([Root], or an item of an earlier result) and appends what it yields to dst, whose spare
// capacity it uses as its working memory. After an error dst comes back as it was.
func (e *Expression) EvalInto(dst Collection, focus Value, env *Env) (Collection, error) {
	m, _ := e.machines.Get().(*machine)
	if m == nil {
		m = &machine{}
	}
	if env == nil {
		env = &Env{}
	}
	*m = machine{expression: e, env: env, stack: dst, steps: env.Budget, root: focus, this: focus}
	if m.steps <= 0 {
		m.steps = DefaultBudget
	}
	err := e.run(m)
	result := m.stack
	*m = machine{}
	e.machines.Put(m)
	if err != nil {
		return dst, err
	}
	return result, nil
}
