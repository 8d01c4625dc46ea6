package graphql

import (
	"context"
	"errors"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
)

// Bounds of one query.
const (
	maxReads  = 2000    // resources read for references, and searches
	maxValues = 200_000 // of the answer
	maxErrors = 50
)

// Source is where the resources come from. It decides what the caller may see: what may not be seen is not there.
type Source interface {
	// Read returns a resource, nil when it is not there.
	Read(ctx context.Context, key fhir.Key) (*fhir.Resource, error)
	// Search runs a search. Its errors are for the client when they are *[fhir.OperationOutcome].
	Search(ctx context.Context, resourceType string, parameters []search.Pair) (*Page, error)
	// Local is the key of a reference to this server.
	Local(reference string) (key fhir.Key, ok bool)
}

// Page is a page of a search.
type Page struct {
	Resources                   []*fhir.Resource
	Total                       int // -1 when not counted
	Size                        int // page size
	First, Previous, Next, Last string
}

// Request is a query with what belongs to it.
type Request struct {
	Document  *Document
	Operation string         // name of the query, when the document has several
	Variables fhir.Node      // an object; absent for none
	Focus     *fhir.Resource // nil for the whole system
}

// Execute answers a query: the JSON of a response (GraphQL June 2018, section 7), ready even when there were errors. The error is one of ctx or of the source.
func Execute(ctx context.Context, definitions *spec.Definitions, source Source, request Request) ([]byte, error) {
	r := &run{ctx: ctx, definitions: definitions, source: source, document: request.Document, cache: map[fhir.Key]*fhir.Resource{}}
	op, err := request.operation()
	if err == nil {
		err = r.bind(op, request.Variables)
	}
	out := &object{}
	if err == nil {
		if request.Focus != nil {
			err = r.resource(out, op.selection, request.Focus)
		} else {
			err = r.system(out, op.selection)
		}
	}
	var fatal *Problem
	if errors.As(err, &fatal) {
		return AppendProblems(nil, append(r.problems, fatal)...), nil
	}
	if err != nil {
		return nil, err
	}
	body := out.append([]byte(`{"data":`))
	if len(r.problems) > 0 {
		body = appendErrors(append(body, ','), r.problems)
	}
	return append(body, '}'), nil
}

// operation finds the query to run.
func (r *Request) operation() (*operation, error) {
	all := r.Document.operations
	if r.Operation == "" && len(all) == 1 {
		return all[0], nil
	}
	for _, op := range all {
		if op.name == r.Operation && r.Operation != "" {
			return op, nil
		}
	}
	if r.Operation == "" {
		return nil, problem(all[1].at, "the document has %d queries; operationName says which", len(all))
	}
	return nil, problem(Position{}, "the document has no query named %q", r.Operation)
}

// run is one execution. Errors that are *Problem end it with a response of nothing but errors; those in problems do not.
type run struct {
	ctx         context.Context
	definitions *spec.Definitions
	source      Source
	document    *Document
	variables   map[string]value
	problems    []*Problem
	cache       map[fhir.Key]*fhir.Resource
	expressions map[string]*path.Expression
	spreads     []string // fragments being expanded
	path        []string
	reads       int
	values      int
}

// bind gives the declared variables their values.
func (r *run) bind(op *operation, given fhir.Node) error {
	r.variables = map[string]value{}
	for _, v := range op.variables {
		node := given.Get(v.name)
		switch {
		case node.Ok() && node.Kind() != fhir.Null:
			bound, ok := fromJSON(node)
			if !ok {
				return problem(v.at, "the variable $%s must be a string, number, boolean, or a list of these", v.name)
			}
			r.variables[v.name] = bound
		case v.absent != nil && !node.Ok():
			r.variables[v.name] = *v.absent
		case v.required:
			return problem(v.at, "the variable $%s has no value", v.name)
		default:
			r.variables[v.name] = value{}
		}
	}
	return nil
}

func fromJSON(node fhir.Node) (value, bool) {
	switch node.Kind() {
	case fhir.String, fhir.Number, fhir.Bool:
		return value{kind: scalarValue, text: node.Text()}, true
	case fhir.Array:
		list := value{kind: listValue}
		for item := range node.Children() {
			v, ok := fromJSON(item)
			if !ok || v.kind == listValue {
				return v, false
			}
			list.list = append(list.list, v)
		}
		return list, true
	}
	return value{}, false
}

// texts are the values of an argument: none for null, several for a list.
func (r *run) texts(a argument) ([]string, error) {
	v := a.value
	if v.kind == variableValue {
		bound, ok := r.variables[v.text]
		if !ok {
			return nil, problem(a.at, "the variable $%s is not declared", v.text)
		}
		v = bound
	}
	switch v.kind {
	case scalarValue:
		return []string{v.text}, nil
	case listValue:
		var all []string
		for _, item := range v.list {
			some, err := r.texts(argument{a.name, item, a.at})
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return all, nil
	}
	return nil, nil
}

// text is the value of an argument that takes one.
func (r *run) text(a argument) (string, error) {
	all, err := r.texts(a)
	if err == nil && len(all) != 1 {
		err = problem(a.at, "%s takes one value", a.name)
	}
	if err != nil {
		return "", err
	}
	return all[0], nil
}

// flag is the value of an argument that takes true or false.
func (r *run) flag(a argument) (bool, error) {
	text, err := r.text(a)
	if err == nil && text != "true" && text != "false" {
		err = problem(a.at, "%s takes true or false", a.name)
	}
	return text == "true", err
}

// note adds an error that concerns one field.
func (r *run) note(at Position, format string, args ...any) {
	if len(r.problems) < maxErrors {
		p := problem(at, format, args...)
		p.Path = slices.Clone(r.path)
		r.problems = append(r.problems, p)
	}
}

// spend bounds the size of the answer.
func (r *run) spend(at Position) error {
	if r.values++; r.values > maxValues {
		return problem(at, "the answer has more than %d values; ask for less", maxValues)
	}
	if r.values&0xFFF == 0 {
		return r.ctx.Err()
	}
	return nil
}

// fetch bounds what is read.
func (r *run) fetch(at Position) error {
	if r.reads++; r.reads > maxReads {
		return problem(at, "the query leads to more than %d references and searches; ask for less", maxReads)
	}
	return r.ctx.Err()
}

// read reads a resource once.
func (r *run) read(at Position, key fhir.Key) (*fhir.Resource, error) {
	if res, known := r.cache[key]; known {
		return res, nil
	}
	if err := r.fetch(at); err != nil {
		return nil, err
	}
	res, err := r.source.Read(r.ctx, key)
	if err != nil {
		return nil, err
	}
	r.cache[key] = res
	return res, nil
}
