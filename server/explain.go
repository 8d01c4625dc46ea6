package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

// finder finds one page of matches in a type. It is a [store.Store], or one that explains what it does.
type finder interface {
	Search(ctx context.Context, q *search.Query) (*store.Page, error)
}

// finder is how the searches of an exchange reach the store: straight, or explained when that is asked for and allowed. The explanation is nil without.
func (s *Server) finder(x *exchange) (finder, *explanation) {
	explainer, can := store.Unwrap(s.store).(store.Explainer)
	if value, _ := lookup(x.query, explainParameter); !can || !s.explains || value != "true" {
		return s.store, nil
	}
	e := &explanation{store: explainer}
	return e, e
}

// explanation tells how the searches of one request were answered: one, or those of several types, some of which are read twice. Nil tells nothing.
type explanation struct {
	store    store.Explainer
	searches []explained
}

// Search implements [finder].
func (e *explanation) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	how, err := e.store.Explain(ctx, q)
	if err != nil {
		return nil, err
	}
	e.searches = append(e.searches, explained{q, how})
	return how.Page, nil
}

// explained is one search with what the store says about it.
type explained struct {
	query *search.Query
	how   *store.Explanation
}

// self adds to the parameters of the self link that this was explained.
func (e *explanation) self(pairs []search.Pair) []search.Pair {
	if e == nil {
		return pairs
	}
	return append(slices.Clip(pairs), search.Pair{Name: explainParameter, Value: "true"})
}

// ofOne tells an issue for each part of one search.
func (e *explanation) ofOne() (issues []fhir.Issue) {
	if e == nil {
		return nil
	}
	for _, search := range e.searches {
		for _, part := range search.parts() {
			issues = append(issues, informs(part))
		}
	}
	return issues
}

// ofSeveral tells an issue for each search, and at last what all cost together.
func (e *explanation) ofSeveral() (issues []fhir.Issue) {
	if e == nil {
		return nil
	}
	var all store.Counters
	for _, search := range e.searches {
		issues = append(issues, informs(strings.Join(search.parts(), "\n")))
		c := search.how.Counters
		all = store.Counters{Seeks: all.Seeks + c.Seeks, Keys: all.Keys + c.Keys, Tested: all.Tested + c.Tested, Bodies: all.Bodies + c.Bodies, Duration: all.Duration + c.Duration}
	}
	return append(issues, informs(fmt.Sprintf("cost of %d searches: %s", len(e.searches), countersText(all))))
}

// parts are the query as understood, its order, the strategy of the store with its steps, and what that cost.
func (e *explained) parts() []string {
	parts := []string{fmt.Sprintf("plan of %s:\n%s", e.query.Type, strings.TrimRight(search.Explain(e.query.Plan), "\n"))}
	for _, key := range e.query.Sort {
		direction := "ascending"
		if key.Descending {
			direction = "descending"
		}
		parts = append(parts, fmt.Sprintf("sort: %s %s", key.Param, direction))
	}
	return append(parts, strings.Join(append([]string{"strategy: " + e.how.Strategy}, e.how.Steps...), "\n"), "cost: "+countersText(e.how.Counters))
}

func countersText(c store.Counters) string {
	return fmt.Sprintf("%d seeks, %d keys read, %d candidates tested, %d resources read, %v", c.Seeks, c.Keys, c.Tested, c.Bodies, c.Duration)
}

func informs(text string) fhir.Issue {
	return fhir.Issue{Severity: fhir.Information, Code: fhir.CodeInformational, Diagnostics: text}
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
