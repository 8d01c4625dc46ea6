package server

import (
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// searchCompartment answers a search in what belongs to an instance (R4 compartmentdefinition.html): GET Patient/1/Observation, or GET Patient/1/* for all
// types at once, the instance included.
func (s *Server) searchCompartment(x *exchange) (reply, error) {
	if x.key.Type == "" {
		return s.searchSystem(x)
	}
	return s.searchType(x)
}

// checkCompartmentSearch reports what is wrong with a search without running it.
func (s *Server) checkCompartmentSearch(x *exchange) error {
	if x.key.Type == "" {
		return s.checkSystemSearch(x)
	}
	return s.checkSearch(x)
}

// locate takes over what the path of an interaction on a type names: the type, or an instance and the type in its compartment.
func (x *exchange) locate(typ, id, inner string) {
	if inner == "" {
		x.key = fhir.Key{Type: typ}
		return
	}
	x.compartment, x.key = fhir.Key{Type: typ, ID: id}, fhir.Key{Type: inner}
}

// checkCompartment refuses compartments that do not exist; all is true when the types in it are not one but all.
func (s *Server) checkCompartment(x *exchange) (all bool, err error) {
	switch of := x.compartment; {
	case x.key.Type == "": // checked before it went to the background
		return true, nil
	case x.key.Type[0] == '$':
		return false, s.unknownOperation(of.Type+"/"+of.ID+"/"+x.key.Type, x.interaction.method)
	case !s.definitions.IsResource(of.Type):
		return false, s.unknownType(of.Type)
	case s.search.CompartmentTypes(of.Type) == nil:
		return false, refuse(http.StatusNotFound, fhir.CodeNotSupported, "", "%s has no compartment; these have: %s", of.Type, strings.Join(s.definitions.Compartments(), ", "))
	case !fhir.IsID(of.ID):
		return false, fhir.Invalidf(fhir.CodeValue, "", "%q is not a valid id: 1 to 64 of A-Z a-z 0-9 - .", printable(of.ID))
	case x.key.Type == "*":
		x.key.Type = ""
		return true, nil
	}
	return false, nil
}
