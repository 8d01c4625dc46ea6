package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// explainParameter asks to be told how a search was answered, where [Config.Explain] allows it.
const explainParameter = "_explain"

// searchParameters are those that search understands.
func (s *Server) searchParameters(x *exchange) []search.Pair {
	pairs := without(x.query, cursorParameter)
	if s.explains {
		pairs = without(pairs, explainParameter)
	}
	return pairs
}

// run answers a search in one type, with an explanation when it is asked for.
func (s *Server) run(x *exchange, request *search.Request) (page *store.Page, explanation []fhir.Issue, err error) {
	explainer, can := store.Unwrap(s.store).(store.Explainer)
	if value, _ := lookup(x.query, explainParameter); s.explains && can && value == "true" {
		e, err := explainer.Explain(x.ctx, request.Query)
		if err != nil {
			return nil, nil, costly(request, err)
		}
		request.Self = append(request.Self, search.Pair{Name: explainParameter, Value: value})
		return e.Page, explain(request, e), nil
	}
	page, err = s.store.Search(x.ctx, request.Query)
	return page, nil, costly(request, err)
}

// explain tells the query as understood, the strategy of the store with its steps, and what that cost.
func explain(request *search.Request, e *store.Explanation) []fhir.Issue {
	var issues []fhir.Issue
	tell := func(format string, args ...any) {
		issues = append(issues, fhir.Issue{Severity: fhir.Information, Code: fhir.CodeInformational, Diagnostics: strings.TrimRight(fmt.Sprintf(format, args...), "\n")})
	}
	tell("plan of %s:\n%s", request.Query.Type, search.Explain(request.Query.Plan))
	for _, key := range request.Query.Sort {
		direction := "ascending"
		if key.Descending {
			direction = "descending"
		}
		tell("sort: %s %s", key.Param, direction)
	}
	tell("strategy: %s\n%s", e.Strategy, strings.Join(e.Steps, "\n"))
	c := e.Counters
	tell("cost: %d seeks, %d keys read, %d candidates tested, %d resources read, %v", c.Seeks, c.Keys, c.Tested, c.Bodies, c.Duration)
	return issues
}

// costly adds to the refusal of a search that costs too much what would make it cheaper.
func costly(request *search.Request, err error) error {
	if !errors.Is(err, store.ErrTooCostly) {
		return err
	}
	hint := "add a parameter that few resources match, such as a range of _lastUpdated"
	switch {
	case request.Query.Total == search.Accurate || request.SummaryCount:
		hint = "leave out _total=accurate or _summary=count, or add a parameter that few resources match"
	case len(request.Query.Sort) > 0:
		hint += ", or leave out _sort"
	}
	return refuse(http.StatusBadRequest, fhir.CodeTooCostly, "", "the search reads more of the index than one search may; %s", hint)
}
