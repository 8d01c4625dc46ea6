package server

import (
	"net/http"
	"strconv"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// conditionalDelete deletes what the URL's search finds, all or nothing (R4 http.html#3.1.0.7.1). Finding nothing is success, finding more than the limit
// is not.
func (s *Server) conditionalDelete(x *exchange) (reply, error) {
	q, err := s.urlCondition(x)
	if err != nil {
		return reply{}, err
	}
	results, err := s.settle(x, func() ([]store.Op, error) {
		found, err := s.matches(x.ctx, q, s.limits.DeleteMatches+1)
		if err != nil {
			return nil, err
		}
		return s.decideDelete(x, found)
	})
	if err != nil {
		return reply{}, err
	}
	return s.deletedMatches(x, results), nil
}

// decideDelete makes the operations of a conditional delete of what was found.
func (s *Server) decideDelete(x *exchange, found []store.Version) ([]store.Op, error) {
	if most := s.limits.DeleteMatches; len(found) > most {
		if most == 1 {
			return nil, store.ErrMultiple
		}
		return nil, refuse(http.StatusPreconditionFailed, fhir.CodeMultipleMatches, "", "more than %d resources match the condition, and no more are deleted at once", most)
	}
	version, err := x.conditions.matchVersion()
	if err != nil {
		return nil, err
	}
	if version != "" && len(found) != 1 {
		return nil, store.ErrPrecondition
	}
	ops := make([]store.Op, len(found))
	for i := range found {
		key := fhir.Key{Type: found[i].Key.Type, ID: found[i].Key.ID}
		if err := x.allowFound(key); err != nil {
			return nil, err
		}
		ops[i] = store.Op{Method: store.Delete, Key: key, IfMatch: found[i].Key.Version}
		if version != "" {
			ops[i].IfMatch = version
		}
	}
	return ops, nil
}

// deletedMatches answers a conditional delete. The ETag is that of the one deletion.
func (s *Server) deletedMatches(x *exchange, results []store.Result) reply {
	var one store.Result
	if len(results) == 1 {
		one = results[0]
	}
	out := s.deleted(x, &one)
	if out.outcome != nil {
		out.outcome = informational(deletedCount(len(results), x.key.Type))
	}
	return out
}

func deletedCount(n int, typ string) string {
	if n == 0 {
		return "no " + typ + " matches the condition, so that nothing was deleted"
	}
	return "deleted " + strconv.Itoa(n) + " of type " + typ
}
