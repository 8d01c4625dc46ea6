package path

import (
	"regexp"

	"github.com/firth-health/firth/fhir/spec"
)

// compiler turns syntax trees into code.
type compiler struct {
	source    string
	defs      *spec.Definitions
	options   options
	functions map[string]*function
}

func (c *compiler) fail(where at, format string, args ...any) error {
	return errorAt(c.source, int(where), format, args...)
}

func (c *compiler) compile(e expr) (code, error) {
	switch e := e.(type) {
	case *literal:
		if e.value.kind == None {
			return func(*machine) error { return nil }, nil
		}
		return func(m *machine) error { m.push(e.value); return nil }, nil
	case *member:
		return c.path(e)
	case *call:
		return c.call(e)
	case *index:
		return c.index(e)
	case *unary:
		return c.unary(e)
	case *binary:
		return c.binary(e)
	case *typeTest:
		return c.typeTest(e)
	case *variable:
		return c.variable(e)
	case *special:
		return c.special(e)
	}
	return nil, c.fail(at(e.offset()), "unknown expression")
}

// path compiles a chain of members into one walk. A name at the start that is a type keeps the focus when it is of that type.
func (c *compiler) path(last *member) (code, error) {
	var steps []step
	var base expr
	var root *spec.Type
	for e := last; ; {
		if e.target == nil && c.isTypeName(e.name) {
			root = c.defs.Type(e.name)
			break
		}
		steps = append(steps, step{e.at, e.name, "_" + e.name, c.options.typedNames})
		if e.target == nil {
			break
		}
		next, ok := e.target.(*member)
		if !ok {
			base = e.target
			break
		}
		e = next
	}
	for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
		steps[i], steps[j] = steps[j], steps[i]
	}
	switch {
	case root != nil:
		return func(m *machine) error {
			if m.this.kind != Element || m.this.typ != root && !m.this.typ.Is(root.Name) {
				return nil
			}
			return m.walk(&m.this, steps)
		}, nil
	case base == nil:
		return func(m *machine) error { return m.walk(&m.this, steps) }, nil
	}
	run, err := c.compile(base)
	if err != nil {
		return nil, err
	}
	return func(m *machine) error {
		mark := len(m.stack)
		if err := run(m); err != nil {
			return err
		}
		from := len(m.stack)
		for i := mark; i < from; i++ {
			if err := m.walk(&m.stack[i], steps); err != nil {
				return err
			}
		}
		m.collapse(mark, from)
		return nil
	}, nil
}

// isTypeName reports whether a name at the start of a path is that of a type; elements begin with a small letter.
func (c *compiler) isTypeName(name string) bool {
	return name != "" && 'A' <= name[0] && name[0] <= 'Z' && c.defs.Type(name) != nil
}

func (c *compiler) special(e *special) (code, error) {
	switch e.name {
	case "this":
		return pushThis, nil
	case "index":
		return func(m *machine) error { m.push(newInteger(int64(m.index))); return nil }, nil
	}
	return func(m *machine) error {
		m.stack = append(m.stack, m.total...)
		return m.spend(e.at, len(m.total))
	}, nil
}

func pushThis(m *machine) error {
	if m.this.kind != None {
		m.push(m.this)
	}
	return nil
}

// input compiles what a function works on: its target, or the focus.
func (c *compiler) input(target expr) (code, error) {
	if target == nil {
		return pushThis, nil
	}
	return c.compile(target)
}

func (c *compiler) index(e *index) (code, error) {
	target, err := c.compile(e.target)
	if err != nil {
		return nil, err
	}
	item, err := c.compile(e.item)
	if err != nil {
		return nil, err
	}
	return func(m *machine) error {
		mark := len(m.stack)
		if err := target(m); err != nil {
			return err
		}
		i, ok, err := m.argument(e.at, item)
		if err != nil {
			return err
		}
		if ok && i.kind != Integer {
			return m.fail(e.at, "expected an Integer as index, found %s", i.describe())
		}
		if !ok {
			m.truncate(mark)
			return nil
		}
		n := i.system.(int64)
		if n < 0 || n >= int64(len(m.stack)-mark) {
			m.truncate(mark)
			return nil
		}
		return m.yield(mark, m.stack[mark+int(n)])
	}, nil
}

func (c *compiler) unary(e *unary) (code, error) {
	operand, err := c.compile(e.operand)
	if err != nil {
		return nil, err
	}
	return func(m *machine) error {
		mark := len(m.stack)
		v, ok, err := m.argument(e.at, operand)
		if err != nil || !ok {
			return err
		}
		if !v.isNumber() && v.kind != QuantityKind {
			return m.fail(e.at, "expected a number or Quantity after %s, found %s", e.operator, v.describe())
		}
		if e.operator == "-" {
			v = negate(v)
		}
		return m.yield(mark, v)
	}, nil
}

func (c *compiler) typeTest(e *typeTest) (code, error) {
	operand, err := c.compile(e.operand)
	if err != nil {
		return nil, err
	}
	matcher, err := c.matcher(e.typ)
	if err != nil {
		return nil, err
	}
	in := &invocation{at: e.at, args: []argument{{matcher: matcher}}}
	run := isType
	if e.operator == "as" {
		run = asType
		if c.options.lenientAs {
			matcher.exact, run = true, ofType
		}
	}
	return func(m *machine) error {
		mark := len(m.stack)
		if err := operand(m); err != nil {
			return err
		}
		return run(m, in, mark)
	}, nil
}

// invocation is a compiled call: what its function gets to know at each evaluation.
type invocation struct {
	at
	name string
	args []argument
}

// argument is one argument of a call.
type argument struct {
	code    code
	matcher *typeMatcher   // of a type specifier
	pattern *regexp.Regexp // of a constant regular expression
	reverse bool           // sort(-key)
}

// call compiles a function call by the function's row in the table.
func (c *compiler) call(e *call) (code, error) {
	f := c.functions[e.name]
	if f == nil {
		return nil, c.fail(e.at, "there is no function %s()", e.name)
	}
	if f.run == nil {
		return nil, c.fail(e.at, "the function %s() is not supported: %s", e.name, f.missing)
	}
	if len(e.args) < f.min || len(e.args) > f.max {
		return nil, c.fail(e.at, "%s() takes %s, found %d", e.name, f.arity(), len(e.args))
	}
	input, err := c.input(e.target)
	if err != nil {
		return nil, err
	}
	in := &invocation{at: e.at, name: e.name}
	for i, arg := range e.args {
		a, err := c.argument(f, i, arg)
		if err != nil {
			return nil, err
		}
		in.args = append(in.args, a)
	}
	run := f.run
	if c.options.lenientAs && e.name == "as" {
		run = ofType
	}
	return func(m *machine) error {
		if err := m.spend(in.at, 1); err != nil {
			return err
		}
		mark := len(m.stack)
		if err := input(m); err != nil {
			return err
		}
		return run(m, in, mark)
	}, nil
}

func (c *compiler) argument(f *function, i int, arg expr) (a argument, err error) {
	switch {
	case f.takes == typeSpecifier:
		name, ok := typeArgument(arg)
		if !ok {
			return a, c.fail(at(arg.offset()), "expected the name of a type")
		}
		if a.matcher, err = c.matcher(name); err == nil {
			a.matcher.exact = f.name == "ofType" || c.options.lenientAs && f.name == "as"
		}
		return a, err
	case f.takes == regularExpression && i == 0:
		if l, ok := arg.(*literal); ok && l.value.kind == String {
			if a.pattern, err = compilePattern(f.name, l.value.system.(string)); err != nil {
				return a, c.fail(l.at, "%v", err)
			}
		}
	case f.takes == sortKeys:
		if u, ok := arg.(*unary); ok && u.operator == "-" {
			arg, a.reverse = u.operand, true
		}
	}
	a.code, err = c.compile(arg)
	return a, err
}
