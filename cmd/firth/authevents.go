package main

import (
	"context"
	"net/http"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/events"
)

// record takes what happens at the authorization server into the audit trail.
func (z *secured) record(ctx context.Context, e events.Event) {
	if z.trail == nil {
		return
	}
	if err := z.trail.Record(ctx, auditEvent(e, z.authorization.Issuer())); err != nil {
		z.log.ErrorContext(ctx, "audit event not recorded", "event", string(e.Type), "error", err)
	}
}

// auditEvent puts an event into the words of the trail. All are kept before the browser or the app is answered: they are few.
func auditEvent(e events.Event, issuer string) *audit.Event {
	interaction, status := kindOf(e)
	detail := string(e.Type)
	for _, more := range []string{e.Detail, e.Scope} {
		if more != "" {
			detail += ": " + more
		}
	}
	out := &audit.Event{Interaction: interaction, Status: status, Detail: detail, Query: e.Request, RequestID: e.RequestID, Address: e.Remote, Durable: true}
	if e.Patient != "" {
		out.Patients = []string{e.Patient}
	}
	subject := e.Account
	if subject == "" {
		subject = e.Login
	}
	if e.By != "" {
		subject = e.By
	}
	if subject == "" {
		subject = e.Client
	}
	if subject != "" {
		out.Claims = &auth.Claims{Issuer: issuer, Subject: subject, Client: e.Client, TokenID: e.TokenID, Scope: e.Scope, FHIRUser: e.FHIRUser, Patient: e.Patient, Encounter: e.Encounter}
	}
	return out
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
	case events.TokenIssued, events.TokenRefresh, events.Introspect:
		return audit.Token, status
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
	}
	return audit.Account, status
}
