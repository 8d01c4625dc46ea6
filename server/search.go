package server

import (
	"bufio"
	"net/http"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// searchType answers one page of a search in a type as a searchset (R4 http.html#search).
func (s *Server) searchType(x *exchange) (reply, error) {
	request, err := s.query(x)
	if err != nil {
		return reply{}, err
	}
	subset, err := s.searchSubset(x, request)
	if err != nil {
		return reply{}, err
	}
	page, err := s.store.Search(x.ctx, request.Query)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, stream: func(w *bufio.Writer) error { return s.writeSearchset(w, x, request, subset, page) }}, nil
}

// checkSearch reports what is wrong with a search without running it.
func (s *Server) checkSearch(x *exchange) error {
	request, err := s.query(x)
	if err == nil {
		_, err = s.searchSubset(x, request)
	}
	return err
}

// searchSubset is what of the resources a searchset carries. R4 search.html#summary: text cannot be combined with includes.
func (s *Server) searchSubset(x *exchange, request *search.Request) (*subset, error) {
	subset, err := s.subset(x)
	if err == nil && subset != nil && subset.summary == "text" && len(request.Query.Include)+len(request.Query.RevInclude) > 0 {
		err = fhir.Invalidf(fhir.CodeInvalid, "http._summary", "_summary=text and _include or _revinclude exclude each other")
	}
	return subset, err
}

// query compiles what was asked and narrows it to what the caller may see.
func (s *Server) query(x *exchange) (*search.Request, error) {
	cursor, _ := lookup(x.query, cursorParameter)
	request, err := s.search.Parse(x.key.Type, without(x.query, cursorParameter), s.parseOptions(x.prefer.strict))
	if err != nil {
		return nil, err
	}
	request.Query.Cursor = cursor
	if err := x.grant.Restrict(x.ctx, request.Query); err != nil {
		return nil, err
	}
	return request, nil
}

func (s *Server) parseOptions(strict bool) search.ParseOptions {
	return search.ParseOptions{Strict: strict, DefaultCount: s.limits.DefaultCount, MaxCount: s.limits.MaxCount}
}

// writeSearchset writes the page. Stored resources are written as they are.
func (s *Server) writeSearchset(w *bufio.Writer, x *exchange, request *search.Request, subset *subset, page *store.Page) error {
	b := bundleWriter{w: w, links: s.links, subset: subset}
	b.begin("searchset", s.newID(), s.clock())
	if page.Total >= 0 {
		b.total(page.Total)
	}
	list := func(cursor string) string { return s.links.list(x.key.Type, request.Self, x.format, cursor) }
	b.link("self", list(request.Query.Cursor))
	if !request.SummaryCount {
		b.link("first", list(""))
		if page.Next != "" {
			b.link("next", list(page.Next))
		}
		for i := range page.Matches {
			b.found(&page.Matches[i], "match")
		}
		for i := range page.Included {
			b.found(&page.Included[i], "include")
		}
	}
	if len(request.Issues) > 0 {
		b.outcome(&fhir.OperationOutcome{Issues: request.Issues})
	}
	return b.end()
}
