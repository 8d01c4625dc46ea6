package server

import (
	"net/http"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// create stores a new resource under an id of the server's own (R4 http.html#create), unless If-None-Exist finds one (http.html#ccreate).
func (s *Server) create(x *exchange) (reply, error) {
	res, err := x.typed()
	if err != nil {
		return reply{}, err
	}
	op, err := s.write(store.Create, fhir.Key{Type: res.Type(), ID: s.newID()}, res, x.from)
	if err != nil {
		return reply{}, err
	}
	if x.conditions.hasIfNoneExist {
		if op.IfNoneExist, err = s.ifNoneExist(x); err != nil {
			return reply{}, err
		}
	}
	result, err := s.apply(x, op)
	if err != nil {
		return reply{}, err
	}
	if result.Existing {
		return s.changed(x, http.StatusOK, &result.Version, "already exists as"), nil
	}
	return s.changed(x, http.StatusCreated, &result.Version, "created"), nil
}

// typed is the resource that was sent, which must be of the type the URL names.
func (x *exchange) typed() (*fhir.Resource, error) {
	res, err := x.decoded()
	if err != nil {
		return nil, err
	}
	if res.Type() != x.key.Type {
		return nil, fhir.Invalidf(fhir.CodeInvalid, res.Type(), "the resource is %s, but the URL says %s", fhir.Indefinite(printable(res.Type())), x.key.Type)
	}
	return res, nil
}

// write prepares an operation: checks the content, stamps the bytes and makes the index keys. The origin says where the client has it before him.
func (s *Server) write(method store.Method, key fhir.Key, res *fhir.Resource, from origin) (store.Op, error) {
	if err := s.validated(res, from); err != nil {
		return store.Op{}, err
	}
	stamped, err := res.Stamp(key.ID)
	if err != nil {
		return store.Op{}, err
	}
	generation := s.search.Generation()
	keys, err := s.search.Extract(res)
	if err != nil {
		return store.Op{}, err
	}
	return store.Op{Method: method, Key: key, Resource: stamped, Keys: keys, Generation: generation, Measure: search.MeasureOf(res)}, nil
}

// conflictRetries is how often a write that lost a race without having asked for a version is tried again.
const conflictRetries = 5

// apply commits one operation.
func (s *Server) apply(x *exchange, op store.Op) (store.Result, error) {
	for attempt := 0; ; attempt++ {
		results, err := s.commit(x, []store.Op{op})
		if err == nil {
			return results[0], nil
		}
		if !isConflict(err) || op.IfMatch != "" || attempt == conflictRetries {
			return store.Result{}, err
		}
	}
}

// changed answers a create or update in the form that Prefer asks for.
func (s *Server) changed(x *exchange, status int, v *store.Version, what string) reply {
	out := reply{status: status, version: v.Key.Version, lastModified: v.LastUpdated, location: s.links.version(v.Key)}
	switch x.prefer.ret {
	case returnMinimal:
	case returnOutcome:
		out.outcome = informational(what + " " + v.Key.String())
	default:
		if s.mayShow(x, v) {
			out.body = v.JSON
		}
	}
	return out
}

func informational(text string) *fhir.OperationOutcome {
	return &fhir.OperationOutcome{Issues: []fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Diagnostics: text}}}
}
