package tokens

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/auth/smart/sealed"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/sessions"
	"github.com/firth-health/firth/store"
)

// Lives of what is handed out.
const (
	CodeLife      = 60 * time.Second
	codeKept      = time.Hour // so that a late reuse is seen
	AccessLife    = time.Hour
	ServiceLife   = 5 * time.Minute      // backend-services.html: expires_in SHOULD NOT exceed 300
	Grace         = 30 * time.Second     // for a refresh token that is sent once more after it was replaced
	EmergencyLife = 15 * time.Minute     // of everything that comes of breaking the glass
	OfflineLife   = 120 * 24 * time.Hour // from the last use; more than the three months that 45 CFR 170.315(g)(10) asks for
)

// Errors of this package.
var (
	ErrGrant = errors.New("the code or token is not valid, or is not this client's, or was used before") // invalid_grant
	ErrScope = errors.New("more scopes than were granted")                                               // invalid_scope
)

// ReuseError says that a code or refresh token was used a second time, so that all that came of it was revoked. It is an ErrGrant.
type ReuseError struct{ Authorization *Authorization }

func (e *ReuseError) Error() string { return ErrGrant.Error() }

// Unwrap returns ErrGrant.
func (e *ReuseError) Unwrap() error { return ErrGrant }

// Context is the launch context that goes with a token (SMART App Launch 2.2, scopes-and-launch-context.html#launch-context-arrives-with-your-access_token).
type Context struct {
	Patient           string            `json:"patient,omitempty"`
	Encounter         string            `json:"encounter,omitempty"`
	FHIRContext       []json.RawMessage `json:"fhirContext,omitempty"`
	NeedPatientBanner *bool             `json:"need_patient_banner,omitempty"`
	SmartStyleURL     string            `json:"smart_style_url,omitempty"`
	Intent            string            `json:"intent,omitempty"`
	Tenant            string            `json:"tenant,omitempty"`
}

// Authorization is what a person let a client have.
type Authorization struct {
	ID        string
	Client    string
	Account   string
	Session   string // record of the session in which it was given; online access ends with it
	Scope     string // as granted
	Context   Context
	Nonce     string    `json:",omitempty"`
	Emergency string    `json:",omitempty"` // why the glass was broken; empty: it was not
	LoggedIn  time.Time // when the person proved who they are

	Created, Expires time.Time // nothing comes of it after Expires
	Used             time.Time // when a token was last issued; zero while the code is not exchanged
	Refresh          string    `json:",omitempty"` // record of the refresh token that is good now
	Replaced         string    `json:",omitempty"` // record of the one whose place it took, at Used
	Successor        []byte    `json:",omitempty"` // secret of Refresh, sealed, for who sends Replaced again within Grace
}

type code struct {
	Authorization, Client, RedirectURI, Challenge string
	Expires                                       time.Time
	Used                                          bool
}

type access struct {
	Authorization   string `json:",omitempty"` // empty: the client acts for itself
	Client          string
	Scope           string
	Thumbprint      string `json:",omitempty"` // of the certificate that it is bound to
	Issued, Expires time.Time
}

type refresh struct{ Authorization string }

// Options of [New]; all are required.
type Options struct {
	State    store.State
	Clock    func() time.Time
	Issuer   string      // in claims
	Box      *sealed.Box // for what Grace keeps
	Clients  *clients.Clients
	Accounts *accounts.Accounts
	Sessions *sessions.Sessions
}

// Tokens issues, looks up and revokes. It is safe for concurrent use, and several servers may share a store.
type Tokens struct {
	o              Options
	authorizations records.Kind[Authorization]
	codes          records.Kind[code]
	accesses       records.Kind[access]
	refreshes      records.Kind[refresh]
	assertions     records.Kind[time.Time]
	cache          *cache
}

// New returns the tokens of a store.
func New(o Options) *Tokens {
	return &Tokens{
		o: o, authorizations: records.NewKind[Authorization](o.State, "smart-authorization"), codes: records.NewKind[code](o.State, "smart-code"),
		accesses: records.NewKind[access](o.State, "smart-access"), refreshes: records.NewKind[refresh](o.State, "smart-refresh"),
		assertions: records.NewKind[time.Time](o.State, "smart-assertion"), cache: newCache(),
	}
}

// Issued is what the token endpoint answers with.
type Issued struct {
	Access        string // secret
	Refresh       string // secret; empty for none
	TokenID       string // handle of Access
	Scope         string
	Expires       time.Time
	Life          time.Duration
	Authorization *Authorization // nil for a client that acts for itself
	Again         bool           // the answer to a refresh token that was replaced within Grace
}

// issue writes an access token.
func (t *Tokens) issue(ctx context.Context, a access) (*Issued, error) {
	secret := secrets.New(secrets.AccessToken, a.Expires)
	id, _ := secrets.ID(secrets.AccessToken, secret)
	if err := t.accesses.Create(ctx, id, a); err != nil {
		return nil, err
	}
	return &Issued{Access: secret, TokenID: secrets.Handle(id), Scope: a.Scope, Expires: a.Expires, Life: a.Expires.Sub(a.Issued)}, nil
}

// Service issues an access token to a client that acts for itself, bound to a certificate unless thumbprint is empty.
func (t *Tokens) Service(ctx context.Context, client, scope, thumbprint string) (*Issued, error) {
	now := t.now()
	return t.issue(ctx, access{Client: client, Scope: scope, Thumbprint: thumbprint, Issued: now, Expires: now.Add(ServiceLife)})
}

// now is the time in whole seconds, as tokens tell it.
func (t *Tokens) now() time.Time { return t.o.Clock().UTC().Truncate(time.Second) }

// Use implements keys.Replay: it notes an assertion's id and says whether it was not known.
func (t *Tokens) Use(ctx context.Context, issuer, id string, until time.Time) (fresh bool, err error) {
	name := secrets.Hash(issuer + "\n" + id)
	err = t.assertions.Create(ctx, name, until)
	if err == nil || !errors.Is(err, store.ErrConflict) {
		return err == nil, err
	}
	entry, err := t.assertions.Entry(ctx, name)
	if errors.Is(err, store.ErrNotFound) || err == nil && t.o.Clock().Before(entry.Value) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = t.assertions.Replace(ctx, name, until, entry.Revision) // long over, but not yet swept
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// Sweep deletes what is over.
func (t *Tokens) Sweep(ctx context.Context) error {
	now := t.o.Clock()
	bound := secrets.Bound(now)
	_, codes := t.codes.SweepBefore(ctx, bound)
	_, accesses := t.accesses.SweepBefore(ctx, bound)
	_, refreshes := t.refreshes.SweepBefore(ctx, bound)
	_, authorizations := t.authorizations.Sweep(ctx, func(_ string, a Authorization) bool { return now.After(a.Expires) })
	_, assertions := t.assertions.Sweep(ctx, func(_ string, until time.Time) bool { return now.After(until) })
	return errors.Join(codes, accesses, refreshes, authorizations, assertions)
}
