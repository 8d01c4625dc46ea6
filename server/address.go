package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// Addresses that are nearly right: each is refused with what was probably meant.

// unknownType refuses what stands where a resource type should.
func (s *Server) unknownType(name string) error {
	if name == wellKnown && s.oauth == nil {
		return s.unprotected()
	}
	name = printable(name)
	return refuse(http.StatusNotFound, fhir.CodeNotSupported, "", "%q is not a resource type of FHIR R4; the names are case-sensitive%s", name, search.DidYouMean(name, slices.Values(s.definitions.ResourceTypes())))
}

// wellKnown is the directory in which clients look for an authorization server (RFC 8615).
const wellKnown = ".well-known"

// unprotected tells a client that looks for the authorization server that there is none.
func (s *Server) unprotected() error {
	return refuse(http.StatusNotFound, fhir.CodeNotSupported, "", "this server runs without authorization (--dev): there is no SMART configuration, and requests need no access token")
}

// reserved refuses a method at an address that has a name of R4's own where the router saw a type or an id, such as GET Patient/_search.
func reserved(x *exchange) error {
	var allow string
	path := x.key.Type
	if x.interaction.level == instanceLevel && x.key.ID != "" {
		path += "/" + x.key.ID
	}
	switch path[strings.IndexByte(path, '/')+1:] {
	case "metadata":
		if path == "metadata" {
			allow = "GET, HEAD"
		}
	case "_history":
		allow = "GET, HEAD"
	case "_search":
		allow = "POST"
	}
	if allow == "" {
		return nil
	}
	return notAllowed(x.interaction.method, path, allow)
}

// unknownOperation refuses an operation at a path such as Patient/$nothing: with 405 where it is there by another method, else with the places where it is.
func (s *Server) unknownOperation(path, method string) error {
	segments := strings.Split(path, "/")
	name, typ := segments[len(segments)-1], ""
	if len(segments) > 1 {
		typ = segments[0]
	}
	code := strings.TrimPrefix(name, "$")
	at := func(op *operation) bool {
		return op.code == code && slices.Contains(op.levels, level(len(segments)-1)+systemLevel) && (typ == "" || op.offeredFor(typ) && s.definitions.IsResource(typ))
	}
	if i := slices.IndexFunc(s.operations, at); i >= 0 && len(segments) <= 3 && s.operations[i].method != method {
		allow := "GET, HEAD, POST"
		if only := s.operations[i].method; only != "" {
			allow = only
		}
		if !slices.Contains(strings.Split(allow, ", "), method) {
			return notAllowed(method, path, allow)
		}
	}
	return s.notOffered(code)
}
