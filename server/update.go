package server

import (
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
	return s.updated(x, &result), nil
}

// prepareUpdate checks an update and makes its operation.
func (s *Server) prepareUpdate(x *exchange) (op store.Op, err error) {
	res, err := x.typed()
	if err != nil {
		return op, err
	}
	decided, err := s.updateOf(x, res)
	if err != nil {
		return op, err
	}
	op, err = s.write(store.Update, x.key, res, x.from)
	return under(op, decided), err
}

// updateOf is the operation of an update without content.
func (s *Server) updateOf(x *exchange, res *fhir.Resource) (op store.Op, err error) {
	if err := sameID(res, x.key); err != nil {
		return op, err
	}
	op = store.Op{Method: store.Update, Key: x.key}
	if op.IfMatch, err = x.conditions.matchVersion(); err != nil {
		return op, err
	}
	op.IfNoneMatch, err = x.conditions.createOnly()
	return op, err
}

func sameID(res *fhir.Resource, key fhir.Key) error {
	if id := res.Root().Get("id"); id.Ok() && id.Kind() != fhir.String {
		return fhir.Invalidf(fhir.CodeStructure, key.Type+".id", "the id of the resource must be a string")
	}
	switch id := res.ID(); id {
	case key.ID:
		return nil
	case "":
		return fhir.Invalidf(fhir.CodeRequired, key.Type+".id", "the resource must have the id of the URL, %s", key.ID)
	default:
		return fhir.Invalidf(fhir.CodeValue, key.Type+".id", "the id of the resource is %q, but the URL says %s", printable(id), key.ID)
	}
}
