package server

import (
	"context"
	"errors"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// criteria compiles the search of If-None-Exist. What clients send before it is allowed: '?', '[type]?', and the whole address.
func (s *Server) criteria(typ, text string) (*search.Query, error) {
	text = strings.TrimSpace(text)
	if address, query, ok := strings.Cut(text, "?"); ok && !strings.Contains(address, "=") {
		if of := s.links.relative(address); of != "" && of != typ {
			return nil, fhir.Invalidf(fhir.CodeInvalid, "http.If-None-Exist", "If-None-Exist must search in %s, not in %q", typ, printable(of))
		}
		text = query
	}
	pairs, err := search.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	return s.condition(typ, pairs, "If-None-Exist has no search parameters")
}

// ifNoneExist is the condition of a create, narrowed to what the caller may see.
func (s *Server) ifNoneExist(x *exchange) (*search.Query, error) {
	q, err := s.criteria(x.key.Type, x.conditions.ifNoneExist)
	if err != nil {
		return nil, err
	}
	return q, s.restrictCondition(x, q)
}

// restrictCondition narrows a condition to what the caller may see. Conditions tell what there is, so they need leave to search.
func (s *Server) restrictCondition(x *exchange, q *search.Query) error {
	if err := x.grant.Allow(x.ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: q.Type}}); err != nil {
		return err
	}
	return x.grant.Restrict(x.ctx, q)
}

// condition compiles what a conditional interaction is about. A parameter the server does not know is an error, because ignoring it would match too
// much, and so is a search for everything: missing says so.
func (s *Server) condition(typ string, pairs []search.Pair, missing string) (*search.Query, error) {
	if len(pairs) == 0 {
		return nil, fhir.Invalidf(fhir.CodeRequired, "", "%s", missing)
	}
	request, err := s.search.Parse(typ, pairs, s.parseOptions(true))
	if err != nil {
		return nil, err
	}
	if matchesAll(request.Query.Plan) {
		return nil, fhir.Invalidf(fhir.CodeRequired, "", "%s", missing)
	}
	return request.Query, nil
}

// matchesAll reports whether a plan says nothing.
func matchesAll(plan search.Plan) bool {
	if and, ok := plan.(search.And); ok {
		return len(and) == 0
	}
	_, all := plan.(search.All)
	return all
}

// urlCondition is the condition in the URL of a conditional update, patch or delete, narrowed to what the caller may see.
func (s *Server) urlCondition(x *exchange) (*search.Query, error) {
	q, err := s.condition(x.key.Type, x.query, "a conditional "+x.interaction.name+" needs search parameters that say which "+x.key.Type+" is meant")
	if err != nil {
		return nil, err
	}
	return q, s.restrictCondition(x, q)
}

// isConditional reports whether the URL names what is written by a search.
func (x *exchange) isConditional() bool {
	return x.key.ID == "" && x.interaction.level == typeLevel && x.interaction.name != "create"
}

// matches returns at most n resources that match, in the store's order.
func (s *Server) matches(ctx context.Context, q *search.Query, n int) ([]store.Version, error) {
	only := *q
	only.Count, only.Total, only.Sort, only.Include, only.RevInclude = n, search.NoTotal, nil, nil, nil
	page, err := s.store.Search(ctx, &only)
	if err != nil {
		return nil, err
	}
	return page.Matches, nil
}

// find returns the ids of at most n resources that match, in the store's order.
func (s *Server) find(ctx context.Context, q *search.Query, n int) ([]string, error) {
	found, err := s.matches(ctx, q, n)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].Key.ID
	}
	return ids, nil
}

// allowFound asks for leave to do the interaction to a resource that a condition found.
func (x *exchange) allowFound(key fhir.Key) error {
	return x.grant.Allow(x.ctx, Access{Interaction: x.interaction.name, Key: fhir.Key{Type: key.Type, ID: key.ID}})
}

// isRace reports whether a conditional write failed because what its condition found was no longer so at the commit. A version that the client himself asked for is his
// business.
func (x *exchange) isRace(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrPrecondition) && x.conditions.ifMatch == "" && x.conditions.ifNoneMatch == ""
}

// settle prepares a conditional write and commits it. When another client was faster, the condition is evaluated anew. No operation means that there is
// nothing to do.
func (s *Server) settle(x *exchange, prepare func() ([]store.Op, error)) ([]store.Result, error) {
	for attempt := 0; ; attempt++ {
		ops, err := prepare()
		if err != nil || len(ops) == 0 {
			return nil, err
		}
		results, err := s.commit(x, ops)
		if err == nil || !x.isRace(err) {
			return results, err
		}
		if attempt == conflictRetries {
			return nil, store.ErrConflict
		}
	}
}

// under puts an operation under the preconditions that were decided on.
func under(op, decided store.Op) store.Op {
	op.IfMatch, op.IfNoneMatch = decided.IfMatch, decided.IfNoneMatch
	op.IfNoneExist, op.Expect, op.ExpectNone = decided.IfNoneExist, decided.Expect, decided.ExpectNone
	return op
}
