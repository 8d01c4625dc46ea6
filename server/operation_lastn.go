package server

import (
	"bufio"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// lastN answers the newest Observations of each code (R4 observation-operation-lastn.html), newest first. What counts as one code, and what happens when
// times are equal, is for [store.Latest] to say. R4 wants the client to name a category or a code; without either all codes are answered.
func (s *Server) lastN(x *exchange, in *arguments) (reply, error) {
	subset, err := s.subset(x)
	if err != nil {
		return reply{}, err
	}
	most := in.number("max", 1)
	if most > s.limits.MaxCount {
		return reply{}, fhir.Invalidf(fhir.CodeTooCostly, "http.max", "max may be %d at most", s.limits.MaxCount)
	}
	request, err := s.lastNQuery(x, in)
	if err != nil {
		return reply{}, err
	}
	limit := 10 * s.limits.MaxCount
	found, err := store.Newest(x.ctx, s.store, store.LatestQuery{Type: x.key.Type, Plan: request.Query.Plan, Max: most, Limit: limit})
	if err != nil {
		return reply{}, err
	}
	if len(found) > limit {
		return reply{}, fhir.Invalidf(fhir.CodeTooCostly, "http.max", "the answer would have more than %d Observations; ask for a smaller max, or for fewer codes", limit)
	}
	self := request.Self
	if text, ok := in.text("max"); ok {
		self = append(slices.Clone(self), search.Pair{Name: "max", Value: text})
	}
	return reply{status: http.StatusOK, stream: func(w *bufio.Writer) error {
		b := bundleWriter{w: w, links: s.links, subset: subset}
		b.begin("searchset", s.newID(), s.clock())
		b.total(len(found))
		b.link("self", s.links.list(x.key.Type+"/$lastn", self, x.format, ""))
		for i := range found {
			b.found(&found[i], "match")
		}
		return b.end()
	}}, nil
}

// lastNQuery compiles the search parameters. Unknown ones are refused, because ignoring them would answer another question.
func (s *Server) lastNQuery(x *exchange, in *arguments) (*search.Request, error) {
	hasSubject := false
	for _, pair := range in.search {
		end := strings.IndexAny(pair.Name, ":.")
		if end < 0 {
			end = len(pair.Name)
		}
		switch code := pair.Name[:end]; code {
		case "subject", "patient":
			hasSubject = true
		case "_sort", "_count", "_total", "_summary", "_include", "_revinclude", cursorParameter:
			return nil, fhir.Invalidf(fhir.CodeNotSupported, "http."+printable(pair.Name), "%s is not a parameter of $lastn: its answer is complete and newest first; max says how many of each code", code)
		}
	}
	if !hasSubject {
		return nil, fhir.Invalidf(fhir.CodeRequired, "http.patient", "$lastn needs the parameter patient or subject")
	}
	request, err := s.search.Parse(x.key.Type, in.search, s.parseOptions(true))
	if err != nil {
		return nil, err
	}
	return request, x.grant.Restrict(x.ctx, request.Query)
}
