package server

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/validate"
	"github.com/firth-health/firth/fhir/xml"
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

// validated refuses a resource that breaks the definitions.
func (s *Server) validated(res *fhir.Resource, from origin) error {
	if s.validation == StoreAnything {
		return nil
	}
	issues := s.problems(res.Root(), from)
	if len(issues) == 0 {
		return s.resolved(res)
	}
	return &refusal{status: invalidStatus(issues), outcome: &fhir.OperationOutcome{Issues: issues}}
}

// origin is where the resource of a request stands in what the client sent, so that refusals can say line and column. The zero value is for what nobody sent as
// it is, such as the result of a patch.
type origin struct {
	isKnown bool
	xml     []byte // the body, where it is XML
	within  string // expression of the resource in the body; empty for the body itself. Only of XML, whose tree is not that of the body
}

// inside is the origin of a resource inside of what this one is of.
func (o origin) inside(expression string) origin {
	if o.xml != nil {
		o.within = o.locate(expression)
	}
	return o
}

// locate makes an expression about the resource one about the body.
func (o origin) locate(expression string) string {
	if o.within == "" {
		return expression
	}
	_, rest, isNested := strings.Cut(expression, ".")
	if !isNested {
		return o.within
	}
	return o.within + "." + rest
}

// problems are what breaks the definitions, with line and column where the client has them before him.
func (s *Server) problems(root fhir.Node, from origin) []fhir.Issue {
	issues := s.validator.Resource(root, validate.Options{Positions: from.isKnown && from.xml == nil})
	if from.xml == nil || len(issues) == 0 {
		return issues
	}
	expressions := make([]string, len(issues))
	for i := range issues {
		expressions[i] = from.locate(issues[i].Expression)
	}
	for i, at := range xml.Locate(from.xml, s.definitions, expressions) {
		if issues[i].Expression != "" && at.Line > 0 {
			issues[i].Diagnostics += fmt.Sprintf(" (line %d, column %d)", at.Line, at.Column)
		}
	}
	return issues
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
