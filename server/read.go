package server

import (
	"errors"
	"net/http"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// read answers the current version, or with a version in the URL that one (R4 http.html#read, #vread). The stored bytes go out as they are,
// unless a subset of them is asked for.
func (s *Server) read(x *exchange) (reply, error) {
	if err := s.checkRead(x); err != nil {
		return reply{}, err
	}
	subset, err := s.subset(x)
	if err != nil {
		return reply{}, err
	}
	v, err := s.readable(x, x.key)
	if x.key.Version == "" && (errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone)) { // what was stored in the place of a definition may be deleted
		if definition := s.definitionOf(x.key); definition != nil {
			return reply{status: http.StatusOK, body: subset.of(definition)}, nil
		}
	}
	if err != nil {
		return reply{}, err
	}
	if v.Deleted() {
		return reply{}, store.ErrGone
	}
	out := reply{status: http.StatusOK, version: v.Key.Version, lastModified: v.LastUpdated, body: v.JSON}
	if x.conditions.notModified(v.Key.Version, v.LastUpdated) {
		out.status, out.body = http.StatusNotModified, nil
		return out, nil
	}
	if subset == nil && x.readsBinary() {
		return s.content(x, out)
	}
	out.body = subset.of(out.body)
	return out, nil
}

// checkRead reports what is wrong with the parameters without reading anything.
func (s *Server) checkRead(x *exchange) error {
	if len(x.query) > 0 && x.prefer.strict {
		return fhir.Invalidf(fhir.CodeNotSupported, "http."+printable(x.query[0].Name), "%q is not a parameter of a read", printable(x.query[0].Name))
	}
	_, err := s.subset(x)
	return err
}
