package server

import (
	"net/http"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// update stores a new version, or a first one under an id that the client chose (R4 http.html#update, #upsert). Content that is the
// same as before makes a version too: the history says that somebody sent it.
func (s *Server) update(x *exchange) (reply, error) {
	op, err := s.prepareUpdate(x)
	if err != nil {
		return reply{}, err
	}
	result, err := s.apply(x, op)
	if err != nil {
		return reply{}, err
	}
	if result.Created {
		return s.changed(x, http.StatusCreated, &result.Version, "created"), nil
	}
	return s.changed(x, http.StatusOK, &result.Version, "updated to"), nil
}

// prepareUpdate checks an update and makes its operation.
func (s *Server) prepareUpdate(x *exchange) (op store.Op, err error) {
	res, err := x.typed()
	if err != nil {
		return op, err
	}
	if err := sameID(res, x.key); err != nil {
		return op, err
	}
	if op, err = s.write(store.Update, x.key, res); err != nil {
		return op, err
	}
	if op.IfMatch, err = x.conditions.matchVersion(); err != nil {
		return op, err
	}
	op.IfNoneMatch, err = x.conditions.createOnly()
	return op, err
}

func sameID(res *fhir.Resource, key fhir.Key) error {
	switch id := res.ID(); id {
	case key.ID:
		return nil
	case "":
		return fhir.Invalidf(fhir.CodeRequired, key.Type+".id", "the resource must have the id of the URL, %s", key.ID)
	default:
		return fhir.Invalidf(fhir.CodeValue, key.Type+".id", "the id of the resource is %q, but the URL says %s", printable(id), key.ID)
	}
}
