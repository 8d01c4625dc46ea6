package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Several is a query on more than one resource type as understood, such as GET [base]?_type=Patient,Observation&_lastUpdated=gt2026.
type Several struct {
	Requests []*Request   // one a type, in the order of the types; they agree in page size, total and the parameters to sort by
	Self     []Pair       // as in [Request]
	Issues   []fhir.Issue // as in [Request]
}

// ParseSeveral understands a query on types that _type may narrow. Parameters must be common to all types that are left (R4 http.html#search); one that
// is not is unknown, as for [Registry.Parse].
func (r *Registry) ParseSeveral(types []string, pairs []Pair, opts ParseOptions) (*Several, error) {
	if len(pairs) > maxParameters {
		return nil, fhir.Invalidf(fhir.CodeTooCostly, "", "%d parameters; %d are allowed", len(pairs), maxParameters)
	}
	types, err := r.narrowed(types, pairs)
	if err != nil {
		return nil, err
	}
	parsers := make([]*parser, len(types))
	for i, typ := range types {
		indexes, err := r.indexesOf(typ)
		if err != nil {
			return nil, err
		}
		parsers[i] = &parser{registry: r, types: indexes, opts: opts, request: &Request{Query: &Query{Type: typ, Count: -1}}}
	}
	s := &Several{}
	for _, pair := range pairs {
		if pair.Name == "_type" {
			s.Self = append(s.Self, pair)
		} else if err := s.parameter(parsers, pair); err != nil {
			return nil, err
		}
	}
	for _, p := range parsers {
		request, err := p.finish()
		if err != nil {
			return nil, err
		}
		s.Requests = append(s.Requests, request)
	}
	return s, nil
}

// parameter gives a parameter to all parsers, or to none where one of them does not know it.
func (s *Several) parameter(parsers []*parser, pair Pair) error {
	if parsers[0].include(pair.Name) != nil {
		return s.include(parsers, pair)
	}
	known, without := parsers, []*parser(nil)
	if pair.Name == "_text" { // is about the narrative, which all types have but three: those match nothing
		known, without = withNarrative(parsers)
	}
	for _, p := range known {
		if _, err := p.criterionOf(pair.Name); err != nil {
			var unknown *unknownError
			if errors.As(err, &unknown) && len(parsers) > 1 {
				err = &unknownError{fmt.Sprintf("%s; all %d types that are searched must have it", unknown.msg, len(parsers))}
			}
			if stray := (*strayError)(nil); errors.As(err, &stray) && len(parsers) > 1 {
				err = stray.ofSeveral(pair.Name, len(parsers))
			}
			err = p.ignore(pair.Name, err)
			s.Issues = append(s.Issues, p.request.Issues...)
			p.request.Issues = nil
			return err
		}
	}
	for i, p := range known {
		if err := p.parameter(pair); err != nil {
			return err
		}
		if i == 0 {
			s.Self = append(s.Self, p.request.Self...)
			s.Issues = append(s.Issues, p.request.Issues...)
		}
		p.request.Self, p.request.Issues = nil, nil
	}
	if strings.Trim(pair.Value, ",") != "" {
		for _, p := range without {
			p.plan = append(p.plan, Or{})
		}
	}
	return nil
}

// withNarrative parts the types that have _text from those that have not; all are the first when none has it.
func withNarrative(parsers []*parser) (with, without []*parser) {
	for _, p := range parsers {
		if p.types.byCode["_text"] == nil {
			without = append(without, p)
		} else {
			with = append(with, p)
		}
	}
	if len(with) == 0 {
		return without, nil
	}
	return with, without
}

// include gives an include to the types that it can be about; there must be one.
func (s *Several) include(parsers []*parser, pair Pair) error {
	var refused error
	taken := false
	for _, p := range parsers {
		if err := p.parameter(pair); err != nil {
			refused = err
		} else {
			taken = true
		}
		p.request.Self = nil
	}
	if !taken {
		return refused
	}
	s.Self = append(s.Self, pair)
	return nil
}

// criterionOf asks whether a parameter is known.
func (p *parser) criterionOf(name string) (any, error) {
	switch name {
	case "_sort", "_count", "_total", "_summary", "_format", "_pretty", "_contained", "_containedType", "_query":
		return nil, nil
	}
	return p.criterion(p.types, name, name, 0)
}

// narrowed applies _type. More than one _type narrows further.
func (r *Registry) narrowed(types []string, pairs []Pair) ([]string, error) {
	for _, pair := range pairs {
		if pair.Name != "_type" {
			continue
		}
		var wanted []string
		for name := range strings.SplitSeq(pair.Value, ",") {
			switch {
			case name == "" || slices.Contains(wanted, name):
			case !r.defs.IsResource(name):
				return nil, fhir.Invalidf(fhir.CodeValue, "http._type", "%q is not a resource type", name)
			case !slices.Contains(types, name):
				return nil, fhir.Invalidf(fhir.CodeValue, "http._type", "%s is not among the types that are searched here", name)
			default:
				wanted = append(wanted, name)
			}
		}
		if wanted == nil {
			return nil, fhir.Invalidf(fhir.CodeValue, "http._type", "_type needs the name of a resource type")
		}
		types = wanted
	}
	return types, nil
}
