package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/admin"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/fhir"
)

// record takes what happens at the authorization server into the audit trail. Of refusals that anybody can provoke as often as they like it takes the first.
func (z *secured) record(ctx context.Context, e events.Event) {
	if (e.Type == events.TokenRefused || e.Type == events.AuthzRefused) && z.tokens.IsFlood(e.Remote) {
		return
	}
	z.tell(ctx, auditEvent(e, z.issuer()))
}

// issuer is the issuer of the tokens of this server; empty while it is opened.
func (z *secured) issuer() string {
	if z.authorization == nil {
		return ""
	}
	return z.authorization.Issuer()
}

// tell records an event that is not of FHIR. One that is lost is logged: what it tells of was done.
func (z *secured) tell(ctx context.Context, e *audit.Event) {
	if z.trail == nil {
		return
	}
	if err := z.trail.Record(ctx, stamped(ctx, e)); err != nil {
		z.log.ErrorContext(ctx, "audit event not recorded", "event", e.Interaction, "request_id", e.RequestID, "error", err)
	}
}

// statusOfRefusal is the status that an error of the administration is answered with.
func statusOfRefusal(err error) int {
	var refused *admin.Error
	if errors.As(err, &refused) {
		return refused.Status
	}
	return http.StatusInternalServerError
}

// auditEvent puts an event into the words of the trail. All are kept before the browser or the app is answered: they are few.
func auditEvent(e events.Event, issuer string) *audit.Event {
	interaction, status := kindOf(e)
	out := &audit.Event{Interaction: interaction, Status: status, Query: requestOf(e), RequestID: e.RequestID, Address: e.Remote, Durable: true}
	what := string(e.Type)
	out.Patients = e.Patients
	switch {
	case e.Type == events.PatientsShown:
		out.Key.Type, what = "Patient", ""
	case e.Type == events.PatientShown:
		out.Key, what = fhir.Key{Type: "Patient", ID: e.Patient}, ""
	}
	if e.Patient != "" {
		out.Patients = []string{e.Patient}
	}
	subject := cmp.Or(e.Account, e.Login, e.Client)
	if e.By != "" { // who did it to the account or the client
		if changed := cmp.Or(e.Login, e.Account, e.Client); changed != "" {
			what += " " + changed
		}
		out.Claims = &auth.Claims{Issuer: issuer, Subject: e.By}
	} else if subject != "" {
		out.Claims = &auth.Claims{Issuer: issuer, Subject: subject, Client: e.Client, TokenID: e.TokenID, Scope: e.Scope, FHIRUser: e.FHIRUser, Patient: e.Patient, Encounter: e.Encounter}
		if e.Emergency {
			out.Claims.BreakGlass, out.Claims.PurposeOfUse = true, []auth.Coding{auth.EmergencyTreatment()}
		}
	}
	out.Detail = strings.Join(slices.DeleteFunc([]string{what, e.Detail, e.Scope}, func(part string) bool { return part == "" }), ": ")
	if who, ok := commandUser(e.By); ok {
		byCommand(out, who)
		out.Status = status
	}
	return out
}

// requestOf is the request below the root of the server, as far as the event has it.
func requestOf(e events.Event) string {
	switch {
	case e.Request == "", e.Type == events.PatientsShown:
		return e.Request
	case e.Type == events.AuthzRefused:
		return "auth/authorize?" + e.Request
	}
	return "auth/token?" + e.Request
}

// kindOf is what an event is to the trail, and how it ended.
func kindOf(e events.Event) (interaction string, status int) {
	status = http.StatusOK
	if e.Failed {
		status = http.StatusUnauthorized
	}
	switch e.Type {
	case events.Login:
		return audit.Login, status
	case events.LoginFailed, events.LoginLocked:
		return audit.Login, http.StatusUnauthorized
	case events.Logout:
		return audit.Logout, status
	case events.TokenIssued, events.TokenRefresh:
		return audit.Token, status
	case events.Introspect:
		return audit.Introspect, status
	case events.TokenRefused, events.AuthzRefused:
		return audit.Token, http.StatusBadRequest
	case events.TokenRevoked, events.TokenReuse:
		return audit.Revoke, status
	case events.Consent:
		return audit.Consent, status
	case events.ConsentDenied:
		return audit.Consent, http.StatusForbidden
	case events.Launch:
		return audit.Launch, status
	case events.PatientsShown:
		return "search-type", status
	case events.PatientShown:
		return "read", status
	case events.KeyMade:
		return audit.Keys, status
	}
	return audit.Account, status
}
