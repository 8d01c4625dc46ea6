package expr

import (
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/firth-health/firth/fhir"
)

// Scope is what an expression can see. One goroutine uses it at a time. The fields are the language's variables:
//
//	msg      the whole payload
//	item     the place a mapping selected
//	parent   the place selected by the [*] before the last one, or the payload; parents[0] is parent, parents[1] is further out
//	key      the member name of item, when the selection ran over an object
//	ctx      facts about the request, such as ctx.patient; strings
//	now      when the payload was received, an instant
//	vars     the mapping's own names
//	it       the current element of an "each"
//	device, patient   the identifiers ("system|value") that the item resolved to
type Scope struct {
	Msg     fhir.Node
	Item    fhir.Node
	Parents []fhir.Node // innermost first
	Key     string
	Context map[string]string
	Now     string
	It      Value
	Device  string
	Patient string

	Vars *Vars

	item ref.Val // Item as a CEL value, kept while Item stays
	at   fhir.Node
}

// Parent is Parents[0], or absent.
func (s *Scope) Parent() fhir.Node {
	if len(s.Parents) == 0 {
		return fhir.Node{}
	}
	return s.Parents[0]
}

// ResolveName finds a variable for the interpreter.
func (s *Scope) ResolveName(name string) (any, bool) {
	switch name {
	case "item":
		if s.item == nil || s.at != s.Item {
			s.item, s.at = fromNode(s.Item), s.Item
		}
		return s.item, true
	case "msg":
		return fromNode(s.Msg), true
	case "parent":
		return fromNode(s.Parent()), true
	case "parents":
		return nodes(s.Parents), true
	case "vars":
		return varsValue{s: s}, true
	case "ctx":
		return contextValue{c: s.Context}, true
	case "it":
		return s.It.celValue(), true
	}
	if text, ok := s.text(name); ok {
		if text == "" {
			return missing, true
		}
		return types.String(text), true
	}
	return nil, false
}

func (s *Scope) text(name string) (string, bool) {
	switch name {
	case "key":
		return s.Key, true
	case "now":
		return s.Now, true
	case "device":
		return s.Device, true
	case "patient":
		return s.Patient, true
	}
	return "", false
}

// Parent of the activation: none.
type activation struct{ *Scope }

func (activation) Parent() cel.Activation { return nil }

// Vars are the names a mapping defines, each evaluated at most once an item.
type Vars struct {
	Names  []string
	exprs  []*Expr
	values []Value
	errs   []error
	done   []bool
}

// NewVars prepares the storage for names and their expressions.
func NewVars(names []string, exprs []*Expr) *Vars {
	return &Vars{Names: names, exprs: exprs, values: make([]Value, len(names)), errs: make([]error, len(names)), done: make([]bool, len(names))}
}

// Reset forgets the values, for the next item.
func (v *Vars) Reset() {
	if v != nil {
		clear(v.done)
	}
}

// get evaluates on demand. A name that is asked for while it is being evaluated is absent.
func (v *Vars) get(s *Scope, name string) (Value, error) {
	if v == nil {
		return Value{}, nil
	}
	for i, n := range v.Names {
		if n != name {
			continue
		}
		if !v.done[i] {
			v.done[i] = true
			v.values[i], v.errs[i] = Value{}, nil
			value, err := v.exprs[i].Eval(s)
			v.values[i], v.errs[i] = value, err
		}
		return v.values[i], v.errs[i]
	}
	return Value{}, nil
}

type varsValue struct {
	valueless
	s *Scope
}

func (v varsValue) Get(name ref.Val) ref.Val {
	text, _ := name.(types.String)
	value, err := v.s.Vars.get(v.s, string(text))
	if err != nil {
		return types.WrapErr(err)
	}
	return value.celValue()
}

func (v varsValue) IsSet(name ref.Val) ref.Val { return types.Bool(!isAbsent(v.Get(name))) }

type contextValue struct {
	valueless
	c map[string]string
}

func (v contextValue) Get(name ref.Val) ref.Val {
	text, _ := name.(types.String)
	if value := v.c[string(text)]; value != "" {
		return types.String(value)
	}
	return missing
}

func (v contextValue) IsSet(name ref.Val) ref.Val { return types.Bool(!isAbsent(v.Get(name))) }

// nodes is the list of parents.
type nodes []fhir.Node

func (n nodes) Get(index ref.Val) ref.Val {
	d, ok := asDecimal(index)
	i, whole := wholeNumber(d)
	if !ok || !whole || i < 0 || i >= len(n) {
		return missing
	}
	return fromNode(n[i])
}
func (n nodes) IsSet(index ref.Val) ref.Val { return types.Bool(!isAbsent(n.Get(index))) }
func (n nodes) Type() ref.Type              { return nodeType }
func (n nodes) Value() any                  { return nil }
func (n nodes) Equal(ref.Val) ref.Val       { return types.False }
func (n nodes) ConvertToNative(t reflect.Type) (any, error) {
	return valueless{}.ConvertToNative(t)
}
func (n nodes) ConvertToType(t ref.Type) ref.Val { return valueless{}.ConvertToType(t) }

var (
	_ traits.Indexer     = nodes(nil)
	_ traits.FieldTester = varsValue{}
)
