package server

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/validate"
)

// Validation says which resources are stored.
type Validation uint8

const (
	// ValidateWrites refuses what breaks the definitions, from wherever it comes: REST, Bundles, patches, adapters. What a reader of R4 cannot take, such as an
	// unknown element or a date that does not exist, is answered with 400; a resource of which only invariants are broken with 422.
	ValidateWrites Validation = iota
	// StoreAnything stores every JSON object whose resourceType is one of R4, byte for byte.
	StoreAnything
)

// validated refuses a resource that breaks the definitions. Positions are told when the resource stands in the document that the client sent.
func (s *Server) validated(res *fhir.Resource, positions bool) error {
	if s.validation == StoreAnything {
		return nil
	}
	issues := s.validator.Resource(res.Root(), validate.Options{Positions: positions})
	if len(issues) == 0 {
		return s.resolved(res)
	}
	return &refusal{status: invalidStatus(issues), outcome: &fhir.OperationOutcome{Issues: issues}}
}

// resolved refuses a conditional reference that is still there when the resource is stored: only a transaction resolves them (R4 http.html#trules), and nobody
// could follow it later. In a Bundle that is stored as a resource they are for whoever processes it.
func (s *Server) resolved(res *fhir.Resource) error {
	if res.Type() == "Bundle" || bytes.IndexByte(res.Bytes(), '?') < 0 {
		return nil
	}
	for node := range res.Root().Descendants() {
		if node.Kind() != fhir.String || !node.KeyIs("reference") {
			continue
		}
		typ, _, isSearch := strings.Cut(node.Text(), "?")
		if isSearch && s.definitions.IsResource(typ) {
			return fhir.Invalidf(fhir.CodeNotSupported, elementPath(res, node), "%q is a conditional reference, which only a transaction resolves; send the resource in one, or say which %s is meant", printable(node.Text()), typ)
		}
	}
	return nil
}

// invalidStatus is 422 for what breaks rules only, and 400 for what is not R4.
func invalidStatus(issues []fhir.Issue) int {
	isStructural := func(issue fhir.Issue) bool {
		return issue.Code != fhir.CodeInvariant && issue.Code != fhir.CodeInformational
	}
	if slices.ContainsFunc(issues, isStructural) {
		return http.StatusBadRequest
	}
	return http.StatusUnprocessableEntity
}
