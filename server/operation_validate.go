package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// unchecked is what every answer of $validate says about what was not looked at.
const unchecked = "structure, formats, references and required bindings were checked; invariants, profiles and other bindings are not checked yet"

// validate checks a resource as a write would (R4 resource-operation-validate.html) and answers 200 whatever comes out, unless it could not be checked.
func (s *Server) validate(x *exchange, in *arguments) (reply, error) {
	mode, _ := in.text("mode")
	root, at := in.place("resource")
	onInstance := x.interaction.level == instanceLevel
	switch {
	case mode != "" && mode != "create" && mode != "update" && mode != "delete":
		return reply{}, fhir.Invalidf(fhir.CodeValue, "http.mode", "mode must be create, update or delete")
	case (mode == "update" || mode == "delete") && !onInstance:
		return reply{}, fhir.Invalidf(fhir.CodeInvalid, "http.mode", "mode=%s is about an instance: %s/[id]/$validate", mode, x.key.Type)
	case mode != "delete" && !root.Ok():
		return reply{}, fhir.Invalidf(fhir.CodeRequired, "http.resource", "$validate needs the parameter resource, or the resource as the body, unless mode is delete")
	}
	if profile, ok := in.text("profile"); ok && !strings.EqualFold(profile, s.definitions.Type(x.key.Type).URL) {
		return reply{}, refuse(http.StatusBadRequest, fhir.CodeNotSupported, "http.profile", "validation against profiles is not supported yet; without profile the resource is checked against the definition of %s", x.key.Type)
	}
	var issues []fhir.Issue
	if mode == "update" || mode == "delete" {
		found, err := s.validateTarget(x, mode)
		if err != nil {
			return reply{}, err
		}
		issues = found
	}
	if mode != "delete" {
		issues = append(issues, s.validateContent(x, root, x.from.inside(at), mode)...)
	}
	if len(issues) == 0 {
		issues = append(issues, fhir.Issue{Severity: fhir.Information, Code: fhir.CodeInformational, Diagnostics: "no problem was found"})
	}
	if mode != "delete" {
		issues = append(issues, fhir.Issue{Severity: fhir.Information, Code: fhir.CodeNotSupported, Diagnostics: unchecked})
	}
	return reply{status: http.StatusOK, outcome: &fhir.OperationOutcome{Issues: issues}}, nil
}

// validateTarget looks at the resource that would be updated or deleted. Both are allowed for what does not exist.
func (s *Server) validateTarget(x *exchange, mode string) ([]fhir.Issue, error) {
	v, err := s.readable(x, x.key)
	isThere := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrGone) {
		return nil, err
	}
	match, err := x.conditions.matchVersion()
	if err != nil {
		return nil, err
	}
	switch {
	case match != "" && (!isThere || match != v.Key.Version):
		return []fhir.Issue{{Severity: fhir.Error, Code: fhir.CodeConflict, Diagnostics: "the current version is not the one that If-Match asks for"}}, nil
	case mode == "delete" && !isThere:
		return []fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeNotFound, Diagnostics: "there is no such resource now; deleting it would change nothing"}}, nil
	}
	return nil, nil
}

// validateContent checks what a write would store.
func (s *Server) validateContent(x *exchange, root fhir.Node, from origin, mode string) []fhir.Issue {
	res, err := fhir.NewResource(root)
	if err != nil {
		return issuesOf(err)
	}
	var issues []fhir.Issue
	if res.Type() != x.key.Type {
		issues = append(issues, fhir.Issue{Severity: fhir.Error, Code: fhir.CodeInvalid, Expression: res.Type(), Diagnostics: "the resource is " + fhir.Indefinite(printable(res.Type())) + ", but the URL says " + x.key.Type})
	}
	if mode == "update" {
		issues = append(issues, issuesOf(sameID(res, x.key))...)
	}
	return append(append(issues, s.problems(root, from)...), s.parameters.problems(res)...)
}

func issuesOf(err error) []fhir.Issue {
	var outcome *fhir.OperationOutcome
	if errors.As(err, &outcome) {
		return outcome.Issues
	}
	return nil
}
