package server

import (
	"errors"
	"net/http"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// conditionalUpdate updates the one resource that the URL's search finds, or creates one where there is none (R4 http.html#cond-update).
func (s *Server) conditionalUpdate(x *exchange) (reply, error) {
	res, err := x.typed()
	if err != nil {
		return reply{}, err
	}
	q, err := s.urlCondition(x)
	if err != nil {
		return reply{}, err
	}
	results, err := s.settle(x, func() ([]store.Op, error) {
		found, err := s.matches(x.ctx, q, 2)
		if err != nil {
			return nil, err
		}
		decided, err := s.decideUpdate(x, q, res.ID(), found)
		if err != nil {
			return nil, err
		}
		op, err := s.write(decided.Method, decided.Key, res, x.from)
		return []store.Op{under(op, decided)}, err
	})
	if err != nil {
		return reply{}, err
	}
	return s.updated(x, &results[0]), nil
}

// decideUpdate says what a conditional update does given what its condition found: an operation without content. Id is that of the resource sent.
func (s *Server) decideUpdate(x *exchange, q *search.Query, id string, found []store.Version) (op store.Op, err error) {
	switch len(found) {
	case 0:
		op = store.Op{Method: store.Create, Key: fhir.Key{Type: x.key.Type, ID: id}, IfNoneExist: q, ExpectNone: true}
		if id == "" {
			op.Key.ID = s.newID()
		} else if err := s.isFree(x, op.Key); err != nil {
			return op, err
		} else {
			op.Method, op.IfNoneMatch = store.Update, true
		}
	case 1:
		op = store.Op{Method: store.Update, Key: fhir.Key{Type: x.key.Type, ID: found[0].Key.ID}, IfMatch: found[0].Key.Version}
		if id != "" && id != op.Key.ID {
			return op, fhir.Invalidf(fhir.CodeValue, x.key.Type+".id", "the id of the resource is %q, but the condition finds %s", printable(id), op.Key)
		}
	default:
		return op, store.ErrMultiple
	}
	version, err := x.conditions.matchVersion()
	if err != nil {
		return op, err
	}
	if version != "" {
		op.IfMatch = version
	}
	createOnly, err := x.conditions.createOnly()
	if err != nil {
		return op, err
	}
	op.IfNoneMatch = op.IfNoneMatch || createOnly
	return op, x.allowFound(op.Key)
}

// isFree refuses to create a resource under an id that one which does not match the condition has.
func (s *Server) isFree(x *exchange, key fhir.Key) error {
	if !fhir.IsID(key.ID) {
		return fhir.Invalidf(fhir.CodeValue, key.Type+".id", "%q is not a valid id: 1 to 64 of A-Z a-z 0-9 - .", printable(key.ID))
	}
	_, err := s.reached(x, key, auth.Update)
	switch {
	case err == nil:
		return refuse(http.StatusConflict, fhir.CodeConflict, key.Type+".id", "%s exists, but does not match the condition", key)
	case errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone):
		return nil
	}
	return err
}

// updated answers an update.
func (s *Server) updated(x *exchange, result *store.Result) reply {
	if result.Created {
		return s.changed(x, http.StatusCreated, &result.Version, "created")
	}
	return s.changed(x, http.StatusOK, &result.Version, "updated to")
}
