package server

import (
	"bufio"
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// docref answers the documents of a patient (US Core 6.1 OperationDefinition-docref.html, IPA 1.0 the same): the current DocumentReferences, the newest first, of
// any of the types and any of the profiles, for care in the range of dates. The guide wants a document made on demand where a server can; this one makes
// none, so that on-demand=true finds nothing. A profile is looked for in content.format, which is what R4 has for it (content.profile in R5).
func (s *Server) docref(x *exchange, in *arguments) (reply, error) {
	subset, err := s.subset(x)
	if err != nil {
		return reply{}, err
	}
	request, err := s.docrefQuery(x, in)
	if err != nil {
		return reply{}, err
	}
	page := &store.Page{}
	if onDemand, _ := in.text("on-demand"); onDemand != "true" {
		if page, err = s.store.Search(x.ctx, request.Query); err != nil {
			return reply{}, err
		}
	}
	set := searchset{path: x.key.Type + "/$docref", self: docrefSelf(in), cursor: request.Query.Cursor, subset: subset, page: page}
	return reply{status: http.StatusOK, stream: func(w *bufio.Writer) error { return s.writeSearchset(w, x, &set) }}, nil
}

// docrefQuery compiles the parameters. Care is in the range when it does not end before start nor begin after end; documents that do not say when
// care was given are in no range.
func (s *Server) docrefQuery(x *exchange, in *arguments) (*search.Request, error) {
	patient, _ := in.text("patient")
	id := strings.TrimPrefix(patient, "Patient/")
	if !fhir.IsID(id) {
		return nil, fhir.Invalidf(fhir.CodeValue, "http.patient", "patient must be the id of a Patient")
	}
	pairs := []search.Pair{{Name: "patient", Value: "Patient/" + id}, {Name: "status", Value: "current"}, {Name: "_sort", Value: "-date"}}
	if err := in.checkPeriod(); err != nil {
		return nil, err
	}
	var types, formats []string
	for _, arg := range in.list {
		switch arg.name {
		case "type":
			types = append(types, arg.token())
		case "profile":
			formats = append(formats, escapeToken(arg.text))
		}
	}
	if len(types) > 0 {
		pairs = append(pairs, search.Pair{Name: "type", Value: strings.Join(types, ",")})
	}
	if len(formats) > 0 {
		pairs = append(pairs, search.Pair{Name: "format", Value: strings.Join(formats, ",")})
	}
	plans, err := s.careWithin(x, in)
	if err != nil {
		return nil, err
	}
	if len(plans) > 0 {
		pairs = append(pairs, search.Pair{Name: "period:missing", Value: "false"})
	}
	request, err := s.search.Parse(x.key.Type, pairs, s.parseOptions(true))
	if err != nil {
		return nil, err
	}
	if len(plans) > 0 {
		request.Query.Plan = append(plans, request.Query.Plan)
	}
	request.Query.Cursor, _ = lookup(in.search, cursorParameter)
	return request, x.grant.Restrict(x.ctx, request.Query)
}

// careWithin are the conditions that start and end make.
func (s *Server) careWithin(x *exchange, in *arguments) (search.And, error) {
	var plans search.And
	for _, bound := range [...]struct{ parameter, outside string }{{"start", "eb"}, {"end", "sa"}} {
		value, ok := in.text(bound.parameter)
		if !ok {
			continue
		}
		outside, err := s.search.Parse(x.key.Type, []search.Pair{{Name: "period", Value: bound.outside + strings.ReplaceAll(value, " ", "+")}}, s.parseOptions(true))
		if err != nil {
			return nil, err
		}
		plans = append(plans, search.Not{Of: outside.Query.Plan})
	}
	return plans, nil
}

// docrefSelf says in the links what was asked for.
func docrefSelf(in *arguments) []search.Pair {
	pairs := make([]search.Pair, len(in.list))
	for i, arg := range in.list {
		pairs[i] = search.Pair{Name: arg.name, Value: arg.text}
		if arg.name == "type" {
			pairs[i].Value = arg.token()
		}
	}
	return pairs
}

// token writes a Coding of a body as a search parameter has it. In the URL it is one already.
func (a *argument) token() string {
	if a.node.Kind() != fhir.Object {
		return a.text
	}
	system, code := textOf(a.node.Get("system")), textOf(a.node.Get("code"))
	if system == "" {
		return escapeToken(code)
	}
	return escapeToken(system) + "|" + escapeToken(code)
}

// escapeToken escapes what separates values in a search parameter (R4 search.html#escaping).
func escapeToken(text string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, "|", `\|`, "$", `\$`).Replace(text)
}
