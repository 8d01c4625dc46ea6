package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// filterCompiler turns a parsed filter into a plan.
type filterCompiler struct{ *parser }

// filter answers _filter. It is all or nothing: a part that cannot be answered is an error, also under lenient handling.
func (p *parser) filter(types *typeIndexes, value string) (Plan, error) {
	node, err := readFilter(value)
	if err != nil {
		return nil, err
	}
	plan, err := filterCompiler{p}.compile(types, node, 0)
	var unknown *filterUnknown
	if errors.As(err, &unknown) {
		return nil, &valueError{unknown.at, fhir.CodeNotSupported, unknown.err.Error()}
	}
	return plan, err
}

// filterUnknown says that a type has no such parameter, which a chain over several types may bear.
type filterUnknown struct {
	at  int
	err error
}

func (e *filterUnknown) Error() string { return e.err.Error() }

func (f filterCompiler) compile(types *typeIndexes, node filterNode, depth int) (Plan, error) {
	switch n := node.(type) {
	case filterLogic:
		left, err := f.compile(types, n.parts[0], depth)
		if err != nil {
			return nil, err
		}
		right, err := f.compile(types, n.parts[1], depth)
		if err != nil {
			return nil, err
		}
		if n.and {
			return And{left, right}, nil
		}
		return Or{left, right}, nil
	case filterNot:
		of, err := f.compile(types, n.of, depth)
		return Not{of}, err
	case filterTest:
		return f.path(types, n.path, n, depth)
	}
	return nil, fmt.Errorf("search: unknown filter %T", node)
}

// path compiles a test on what a path leads to.
func (f filterCompiler) path(types *typeIndexes, path []filterStep, t filterTest, depth int) (Plan, error) {
	step := path[0]
	if strings.HasPrefix(step.name, "_has:") {
		return f.reverse(types, path, t, depth)
	}
	code, typ, typed := strings.Cut(step.name, ":")
	param := types.byCode[code]
	if param == nil && code == "id" {
		param = types.byCode["_id"]
	}
	if param == nil {
		if err := types.refuseUnready(code, "_filter"); err != nil {
			return nil, err
		}
		return nil, &filterUnknown{step.at, f.unknown(types, code, code)}
	}
	if len(path) > 1 {
		return f.follow(param, typ, path, t, depth)
	}
	if typed {
		return nil, segment{at: step.at}.failf("a type is written only where a reference is followed")
	}
	return f.test(param, t)
}

// follow compiles a path behind a reference, for each type it may lead to.
func (f filterCompiler) follow(param *Param, typ string, path []filterStep, t filterTest, depth int) (Plan, error) {
	place := segment{at: path[0].at}
	targets := param.Targets
	switch {
	case param.kind != reference:
		return nil, place.failf("%s is of type %s; only references can be followed", param.Code, param.Type)
	case !f.registry.references:
		return nil, &valueError{place.at, fhir.CodeNotSupported, "following references is not supported yet"}
	case depth == MaxChain:
		return nil, &valueError{place.at, fhir.CodeTooCostly, fmt.Sprintf("more than %d references to follow", MaxChain)}
	case typ != "" && (!f.registry.defs.IsResource(typ) || !param.leadsTo(typ)):
		return nil, place.failf("%s never leads to %s", param.Code, typ)
	case typ != "":
		targets = []string{typ}
	case len(targets) == 0:
		return nil, place.failf("%s may lead to any type; say which, as in %s:Patient", param.Code, param.Code)
	}
	var alternatives Or
	var unknown error
	for _, target := range targets {
		of, err := f.behind(target, path, t, depth+1)
		var absent *filterUnknown
		if errors.As(err, &absent) {
			unknown = err
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, ix := range param.indexes {
			alternatives = append(alternatives, Ref{Index: ix.name, Type: target, Of: of})
		}
	}
	if len(alternatives) == 0 {
		return nil, unknown
	}
	return anyOf(alternatives), nil
}

// behind compiles what a target of the first step must be.
func (f filterCompiler) behind(target string, path []filterStep, t filterTest, depth int) (Plan, error) {
	types, err := f.registry.indexesOf(target)
	if err != nil {
		return nil, err
	}
	of, err := f.path(types, path[1:], t, depth)
	if err != nil || path[0].filter == nil {
		return of, err
	}
	also, err := f.compile(types, path[0].filter, depth)
	return And{also, of}, err
}

// reverse compiles _has:Type:reference:parameter.
func (f filterCompiler) reverse(types *typeIndexes, path []filterStep, t filterTest, depth int) (Plan, error) {
	place := segment{at: path[0].at}
	parts := strings.SplitN(path[0].name, ":", 4)
	switch {
	case len(parts) < 4 || parts[3] == "":
		return nil, place.failf("_has is written _has:Type:reference:parameter")
	case !f.registry.references:
		return nil, &valueError{place.at, fhir.CodeNotSupported, "following references is not supported yet"}
	case depth == MaxChain:
		return nil, &valueError{place.at, fhir.CodeTooCostly, fmt.Sprintf("more than %d references to follow", MaxChain)}
	}
	source, err := f.registry.indexesOf(parts[1])
	if err != nil {
		return nil, place.failf("%s is not a resource type", parts[1])
	}
	param := source.byCode[parts[2]]
	if param == nil {
		if err := source.refuseUnready(parts[2], "_filter"); err != nil {
			return nil, err
		}
	}
	if param == nil || param.kind != reference || !param.leadsTo(types.typ.Name) {
		return nil, place.failf("%s of %s is not a reference to %s", parts[2], parts[1], types.typ.Name)
	}
	rest := slices.Clone(path)
	rest[0].name = parts[3]
	rest[0].at += len(path[0].name) - len(parts[3])
	of, err := f.path(source, rest, t, depth+1)
	if err != nil {
		return nil, err
	}
	var alternatives Or
	for _, ix := range param.indexes {
		alternatives = append(alternatives, RevRef{Type: parts[1], Index: ix.name, Of: of})
	}
	return anyOf(alternatives), nil
}
