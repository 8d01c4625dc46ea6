package server

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"

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
	find, explanation := s.finder(x)
	var page *store.Page
	if s.namesDefinitions(x) {
		page, err = s.searchWithDefinitions(x, request, find)
	} else {
		page, err = find.Search(x.ctx, request.Query)
	}
	if err != nil {
		return reply{}, costly(request, err)
	}
	set := searchset{path: x.searchPath(), self: explanation.self(request.Self), cursor: request.Query.Cursor, issues: slices.Concat(request.Issues, s.parameters.incomplete(), explanation.ofOne()), countOnly: request.SummaryCount, subset: subset, page: page}
	return reply{status: http.StatusOK, stream: func(w *bufio.Writer) error { return s.writeSearchset(w, x, &set) }}, nil
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
func (s *Server) searchSubset(x *exchange, requests ...*search.Request) (*subset, error) {
	subset, err := s.subset(x)
	if err != nil || subset == nil || subset.summary != "text" {
		return subset, err
	}
	for _, request := range requests {
		if len(request.Query.Include)+len(request.Query.RevInclude) > 0 {
			return nil, fhir.Invalidf(fhir.CodeInvalid, "http._summary", "_summary=text and _include or _revinclude exclude each other")
		}
	}
	return subset, nil
}

// query compiles what was asked and narrows it to what the caller may see.
func (s *Server) query(x *exchange) (*search.Request, error) {
	cursor, _ := lookup(x.query, cursorParameter)
	request, err := s.search.Parse(x.key.Type, s.searchParameters(x), s.parseOptions(x.prefer.strict))
	if err != nil {
		return nil, err
	}
	request.Query.Cursor, request.Query.MayLag = cursor, true
	return request, s.narrow(x, request.Query)
}

// narrow keeps a query within the compartment that the URL names, and what the caller may see.
func (s *Server) narrow(x *exchange, q *search.Query) error {
	if x.compartment.Type != "" {
		plan, err := s.search.InCompartment(x.compartment, q.Type)
		if err != nil {
			return err
		}
		q.Plan = search.And{plan, q.Plan}
	}
	return x.grant.Restrict(x.ctx, q)
}

func (s *Server) parseOptions(strict bool) search.ParseOptions {
	return search.ParseOptions{Strict: strict, DefaultCount: s.limits.DefaultCount, MaxCount: s.limits.MaxCount}
}

// searchset is one page as it is sent.
type searchset struct {
	path      string        // of the links
	self      []search.Pair // parameters that were used
	cursor    string
	issues    []fhir.Issue
	countOnly bool
	subset    *subset
	page      *store.Page
}

// searchPath is where the search was asked, below the base.
func (x *exchange) searchPath() string {
	switch {
	case x.compartment.Type == "":
		return x.key.Type
	case x.key.Type == "":
		return x.compartment.String() + "/*"
	}
	return x.compartment.String() + "/" + x.key.Type
}

// writeSearchset writes the page. Stored resources are written as they are.
func (s *Server) writeSearchset(w *bufio.Writer, x *exchange, set *searchset) error {
	b := bundleWriter{w: w, links: s.links, subset: set.subset}
	b.begin("searchset", s.newID(), s.clock())
	if set.page.Total >= 0 {
		b.total(set.page.Total)
	}
	list := func(cursor string) string { return s.links.list(set.path, set.self, x.format, cursor) }
	b.link("self", list(set.cursor))
	if !set.countOnly {
		b.link("first", list(""))
		if set.page.Next != "" {
			b.link("next", list(set.page.Next))
		}
		for i := range set.page.Matches {
			b.found(&set.page.Matches[i], "match")
		}
		for i := range set.page.Included {
			b.found(&set.page.Included[i], "include")
		}
	}
	issues := set.issues
	if set.page.Cut {
		issues = append(slices.Clone(issues), fhir.Issue{Severity: fhir.Warning, Code: fhir.CodeTooCostly,
			Diagnostics: fmt.Sprintf("more than %d resources are to be included with this page, and the rest of them is left out; ask for smaller pages (_count) or fewer includes", store.MaxIncluded)})
	}
	if len(issues) > 0 {
		b.outcome(&fhir.OperationOutcome{Issues: issues})
	}
	return b.end()
}
