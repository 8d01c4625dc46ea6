package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
)

// decider is a Grant that knows what Consents deny.
type decider interface {
	Decided(typ string, action auth.Action, patients []string) []auth.Decision
	Claims() *auth.Claims
}

// tellDecisions records what Consents decided about an interaction, an event each (BALP, AuthZconsent):
//
//   - a resource was refused, or said not to be there, that a Consent denies;
//   - a patient was asked for by name, as with patient=1, and a Consent denies a part of what was asked;
//   - break-glass gave what a Consent denies.
//
// What searches over many patients leave out is not told: nobody asked for those patients.
func (s *Server) tellDecisions(x *exchange, out *reply) {
	g, ok := x.grant.(decider)
	if !ok {
		return
	}
	action, typ := decidedAction(x)
	isRefused := (out.status == http.StatusForbidden || out.status == http.StatusNotFound) && x.key.ID != ""
	switch {
	case action == 0 || !isRefused && out.status >= http.StatusBadRequest:
	case isRefused:
		patients := x.patients.IDs()
		if len(patients) == 0 {
			return
		}
		// Behind the answer, which must not take longer because there is something that is hidden.
		ctx := context.WithoutCancel(x.ctx)
		s.deciding.Go(func() {
			for _, d := range g.Decided(typ, action, patients) {
				if s.isAbout(ctx, d, x.key) {
					s.tellDecision(ctx, x, d, http.StatusForbidden, "denied")
				}
			}
		})
	case g.Claims().BreakGlass:
		for _, d := range g.Decided(typ, action, x.patients.IDs()) {
			s.tellDecision(x.ctx, x, d, http.StatusOK, "break-glass overrides what the Consent denies")
		}
	default:
		for _, d := range g.Decided(typ, action, x.namedPatients()) {
			s.tellDecision(x.ctx, x, d, http.StatusForbidden, "denied, in part or whole")
		}
	}
}

func (s *Server) tellDecision(ctx context.Context, x *exchange, d auth.Decision, status int, words string) {
	what := x.interaction.name
	if op := x.interaction.operation; op != nil {
		what = "$" + op.code
	}
	e := &audit.Event{Interaction: audit.Decision, Key: fhir.Key{Type: "Consent", ID: d.Consent}, Patients: []string{d.Patient}, Status: status, RequestID: x.requestID,
		Detail: words + ": " + strings.TrimRight(what+" "+x.key.String(), " /"), Claims: x.grant.(decider).Claims(), Address: x.address, Agent: x.agent}
	if err := s.auditor.Record(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "audit event not recorded", "interaction", e.Interaction, "request_id", x.requestID, "error", err)
	}
}

// decidedAction is what an interaction does to resources of a type; the empty type is any, and no action that Consents say nothing of it.
func decidedAction(x *exchange) (action auth.Action, typ string) {
	if x.interaction.operation != nil {
		return auth.Read, ""
	}
	if action, known := restAction(x.interaction.name); known {
		return action, x.key.Type
	}
	if x.interaction.name == "search-system" || x.compartment.Type != "" {
		return auth.Search, ""
	}
	return 0, ""
}

// namedPatients are those whom a search, or an operation on a patient, asks for by id.
func (x *exchange) namedPatients() (list []string) {
	switch {
	case x.compartment.Type == "Patient":
		return []string{x.compartment.ID}
	case x.interaction.operation != nil && x.key.Type == "Patient" && x.key.ID != "":
		return []string{x.key.ID}
	case x.interaction.name != "search-type":
		return nil
	}
	for _, pair := range x.query {
		switch pair.Name {
		case "patient", "subject", "subject:Patient", "patient:Patient":
			if id := strings.TrimPrefix(pair.Value, "Patient/"); fhir.IsID(id) {
				list = append(list, id)
			}
		}
	}
	return list
}

// isAbout reports whether a decision is about a resource, which must be there.
func (s *Server) isAbout(ctx context.Context, d auth.Decision, key fhir.Key) bool {
	v, err := s.store.Read(ctx, fhir.Key{Type: key.Type, ID: key.ID})
	if err != nil || d.Plan == nil {
		return err == nil
	}
	fits, err := s.fits(ctx, d.Plan, v)
	return err == nil && fits
}
