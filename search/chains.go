package search

import (
	"errors"
	"fmt"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// MaxChain is how many references one criterion may follow.
const MaxChain = 5

// chain understands subject:Patient.name, and patient.name where the definition says what type the reference leads to (R4 search.html#chaining).
// Head is what stands before the first dot.
func (p *parser) chain(types *typeIndexes, head, rest, whole string, depth int) (func(value string) (Plan, error), error) {
	code, typ, typed := strings.Cut(head, ":")
	param := types.byCode[code]
	switch {
	case param == nil:
		if err := types.refuseUnready(code, whole); err != nil {
			return nil, err
		}
		return nil, p.unknown(types, head, code)
	case param.kind != reference:
		return nil, fhir.Invalidf(fhir.CodeInvalid, "http."+whole, "%s is of type %s; only references can be followed", code, param.Type)
	case depth == MaxChain:
		return nil, fhir.Invalidf(fhir.CodeTooCostly, "http."+whole, "more than %d references to follow", MaxChain)
	}
	if err := param.limits.checkChain(code, rest, whole); err != nil {
		return nil, err
	}
	targets := param.Targets
	switch {
	case typed && !p.registry.defs.IsResource(typ):
		return nil, fhir.Invalidf(fhir.CodeInvalid, "http."+whole, "%s is not a resource type", typ)
	case typed && !param.leadsTo(typ):
		return nil, fhir.Invalidf(fhir.CodeInvalid, "http."+whole, "%s leads to %s, never to %s", code, strings.Join(targets, ", "), typ)
	case typed:
		targets = []string{typ}
	case len(targets) == 0:
		return nil, fhir.Invalidf(fhir.CodeInvalid, "http."+whole, "%s may lead to any type; say which, as in %s:Patient.%s", code, code, rest)
	}
	return p.links(param, targets, rest, whole, depth)
}

// links compiles the rest of a chain for each type it may lead to. Types without such a parameter, or to which a _has never leads, are left out; all without it is an *unknownError.
func (p *parser) links(param *Param, targets []string, rest, whole string, depth int) (func(value string) (Plan, error), error) {
	type link struct {
		target  string
		compile func(value string) (Plan, error)
	}
	var all []link
	var unknown, astray error
	for _, target := range targets {
		types, err := p.registry.indexesOf(target)
		if err != nil {
			return nil, err
		}
		compile, err := p.criterion(types, rest, whole, depth+1)
		var absent *unknownError
		var stray *strayError
		switch {
		case errors.As(err, &absent):
			unknown = err
			continue
		case errors.As(err, &stray) && len(targets) > 1:
			astray = err
			continue
		case err != nil:
			return nil, err
		}
		all = append(all, link{target, compile})
	}
	if len(all) == 0 {
		if astray != nil {
			return nil, astray
		}
		if len(targets) > 1 {
			return nil, &unknownError{fmt.Sprintf("none of the types that %s leads to (%s) has the search parameter %s", param.Code, strings.Join(targets, ", "), rest)}
		}
		return nil, unknown
	}
	return func(value string) (Plan, error) {
		var alternatives Or
		for _, l := range all {
			of, err := l.compile(value)
			if err != nil {
				return nil, err
			}
			for _, ix := range param.indexes {
				alternatives = append(alternatives, Ref{Index: ix.name, Type: l.target, Of: of})
			}
		}
		return anyOf(alternatives), nil
	}, nil
}

// strayError is about a _has whose reference never leads to the type that is searched.
type strayError struct{ outcome *fhir.OperationOutcome }

// ofSeveral explains the error where more than one type is searched.
func (e *strayError) ofSeveral(name string, types int) error {
	return fhir.Invalidf(fhir.CodeInvalid, "http."+name, "%s, and all %d types that are searched must be referred to; search in one type, as [type]?%s, or name types with _type", e.outcome.Issues[0].Diagnostics, types, name)
}

func (e *strayError) Error() string { return e.outcome.Error() }
func (e *strayError) Unwrap() error { return e.outcome }

// reverseChain understands _has:Observation:patient:code, and what follows may itself be a chain or _has (R4 search.html#has).
func (p *parser) reverseChain(types *typeIndexes, name, whole string, depth int) (func(value string) (Plan, error), error) {
	parts := strings.SplitN(name, ":", 4)
	if len(parts) < 4 {
		return nil, fhir.Invalidf(fhir.CodeInvalid, "http."+whole, "_has is written _has:Type:reference:parameter")
	}
	if depth == MaxChain {
		return nil, fhir.Invalidf(fhir.CodeTooCostly, "http."+whole, "more than %d references to follow", MaxChain)
	}
	source, err := p.registry.indexesOf(parts[1])
	if err != nil {
		return nil, fhir.Invalidf(fhir.CodeInvalid, "http."+whole, "%s is not a resource type", parts[1])
	}
	param := source.byCode[parts[2]]
	if param == nil {
		if err := source.refuseUnready(parts[2], whole); err != nil {
			return nil, err
		}
		return nil, p.unknown(source, parts[2], parts[2])
	}
	if param.kind != reference || !param.leadsTo(types.typ.Name) {
		return nil, &strayError{fhir.Invalidf(fhir.CodeInvalid, "http."+whole, "%s of %s never leads to %s", parts[2], parts[1], types.typ.Name)}
	}
	compile, err := p.criterion(source, parts[3], whole, depth+1)
	if err != nil {
		return nil, err
	}
	return func(value string) (Plan, error) {
		of, err := compile(value)
		if err != nil {
			return nil, err
		}
		var alternatives Or
		for _, ix := range param.indexes {
			alternatives = append(alternatives, RevRef{Type: parts[1], Index: ix.name, Of: of})
		}
		return anyOf(alternatives), nil
	}, nil
}
