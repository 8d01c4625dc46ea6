// Package events says what happened at the authorization server, for whoever keeps the audit trail.
//
// It owns the vocabulary only. An event never carries a token, a code, a password or any other secret; it may name patients, so it belongs in the audit trail and not in a log.
package events

import (
	"context"
	"time"
)

// Type is what happened.
type Type string

// Types of events.
const (
	Login         Type = "login"          // somebody proved who they are
	LoginFailed   Type = "login-failed"   // wrong name, password or one-time code
	LoginLocked   Type = "login-locked"   // refused without looking, because of failures before
	Logout        Type = "logout"         // a session was ended by its owner
	TokenIssued   Type = "token-issued"   // by code or client credentials
	TokenRefresh  Type = "token-refresh"  // by refresh token
	TokenRefused  Type = "token-refused"  // a request to the token endpoint was refused
	TokenRevoked  Type = "token-revoked"  // by its client, its user or an administrator
	TokenReuse    Type = "token-reuse"    // a code or refresh token was used twice, and all that came of it revoked
	Consent       Type = "consent"        // a user let an app have access
	ConsentDenied Type = "consent-denied" // a user refused
	AuthzRefused  Type = "authz-refused"  // an authorization request was refused
	Launch        Type = "launch"         // a launch was prepared
	Introspect    Type = "introspect"     // a token was looked into
	PatientsShown Type = "patients-shown" // Patients were listed on a page to choose from; Request says what was searched for, in the words of FHIR
	PatientShown  Type = "patient-shown"  // the name of Patient was shown on a page
	Account       Type = "account"        // an account was created or changed; Detail says how
	KeyMade       Type = "key-made"       // a key that will sign id_tokens was made; Detail says which
	Client        Type = "client"         // a client was created or changed; Detail says how
)

// Event is one thing that happened. Fields that do not apply are empty.
type Event struct {
	Time      time.Time
	Type      Type
	Failed    bool
	Detail    string   // in words, for people; no secret
	Client    string   // client_id
	Account   string   // id of the user's account: the subject of tokens
	Login     string   // name that the user logs in with; after a failure as typed, cut to 64 characters
	FHIRUser  string   // relative reference
	Patient   string   // id of the patient in context
	Patients  []string // ids of those who were shown
	Encounter string
	Scope     string
	Emergency bool   // the glass was broken; Detail has the reason where it was given
	TokenID   string // handle of an access token, as in auth.Claims
	Request   string // parameters of the request, form-encoded, without codes, verifiers, secrets, assertions and tokens
	By        string // who changed an account or a client, as [Acting] says: "cli", an account's name
	Remote    string // network address of who asked
	RequestID string // X-Request-Id, when there was one
}

// Sink takes events. It must not keep the caller waiting longer than keeping the record takes.
type Sink func(context.Context, Event)

type actor struct{}

// Acting returns a context in which accounts and clients are changed by somebody: what that is called is in the events.
func Acting(ctx context.Context, by string) context.Context {
	return context.WithValue(ctx, actor{}, by)
}

// Actor returns what Acting was given, or the empty string.
func Actor(ctx context.Context) string {
	by, _ := ctx.Value(actor{}).(string)
	return by
}
