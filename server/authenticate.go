package server

import (
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/bearer"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/transport"
)

// TokenOptions say how access tokens are read.
type TokenOptions struct {
	Reader *bearer.Reader // required
	Rules  *auth.Rules    // required
	Clock  func() time.Time

	// RequestRate is how many requests a second one caller may make, with a burst of twice as many; 0: any number. Callers are told apart by issuer, client and user.
	RequestRate float64
}

// Tokens is the [Authenticator] of access tokens.
type Tokens struct {
	reader  *bearer.Reader
	rules   *auth.Rules
	clock   func() time.Time
	callers *transport.Rates // nil: any number
	failing *transport.Rates // networks that send tokens which are not valid
	unknown *transport.Rates // networks of whom nobody knows

	mu          sync.Mutex
	now, before map[[sha256.Size]byte]keptGrant // by hash of the token; each in one of two generations
}

// keptGrant is the Grant of a token as its claims were read.
type keptGrant struct {
	grant  Grant
	claims auth.Claims
	until  time.Time
}

// Bounds on [Tokens].
const (
	grantAge       = 5 * time.Second // so that what a Grant depends on, such as consents and relations, counts soon
	maxGrants      = 10_000          // in one generation
	failuresPerSec = 10              // of one network, with a burst of twice as many
	unknownPerSec  = 5               // refusals of somebody whom nobody knows that are recorded of one network
	unknownBurst   = 500
	maxStrange     = 256 // bytes that are recorded of what such a request asks
)

// NewTokens returns an Authenticator.
func NewTokens(o TokenOptions) *Tokens {
	t := &Tokens{reader: o.Reader, rules: o.Rules, clock: o.Clock, failing: transport.NewRates(failuresPerSec, 2*failuresPerSec), unknown: transport.NewRates(unknownPerSec, unknownBurst), now: map[[sha256.Size]byte]keptGrant{}}
	if o.RequestRate > 0 {
		t.callers = transport.NewRates(o.RequestRate, int(2*o.RequestRate))
	}
	return t
}

// Authenticate implements [Authenticator].
func (t *Tokens) Authenticate(r *http.Request) (Grant, error) {
	claims, err := t.reader.Claims(r)
	if err != nil {
		return nil, t.refuse(r, err)
	}
	grant, err := t.grant(r, claims)
	if err != nil {
		return nil, err
	}
	if t.callers != nil && !t.callers.Allow(claims.Issuer+"\n"+claims.Client+"\n"+claims.Subject, t.clock()) {
		return nil, tooMany("more requests than this server takes from one client at a time")
	}
	return grant, nil
}

// refuse says why a request is not let in.
func (t *Tokens) refuse(r *http.Request, err error) error {
	var refused *bearer.Error
	switch {
	case errors.Is(err, auth.ErrUnavailable):
		return refuse(http.StatusServiceUnavailable, fhir.CodeTransient, "", "who issued the access token cannot be asked about it; try again later")
	case !errors.As(err, &refused):
		return err
	}
	if refused.Code != "" && !t.failing.Allow(networkOf(r.RemoteAddr), t.clock()) {
		return &floodError{tooMany("too many requests with access tokens that are not valid")}
	}
	code := fhir.CodeLogin
	if refused.Status == http.StatusBadRequest {
		code = fhir.CodeInvalid
	}
	err = &refusal{status: refused.Status, challenge: refused.Challenge(), outcome: fhir.Invalidf(code, "http.Authorization", "%s", refused.Why)}
	if refused.Code == "" && t.IsFlood(r.RemoteAddr) {
		return &floodError{err}
	}
	return err
}

// IsFlood counts a refusal of somebody whom nobody knows, by the address that they have, with or without a port, and reports that there were too many of that network to record this one.
func (t *Tokens) IsFlood(address string) bool {
	return !t.unknown.Allow(networkOf(address), t.clock())
}

// floodError refuses one request of too many that anybody can send. The audit trail has those before it.
type floodError struct{ error }

func (e *floodError) Unwrap() error { return e.error }

// strange keeps what anybody can send from filling the audit trail.
func (x *exchange) strange(err error) {
	x.asked, x.agent = x.asked[:min(len(x.asked), maxStrange)], x.agent[:min(len(x.agent), maxStrange)]
	x.isAudited = errors.As(err, new(*floodError))
}

func tooMany(why string) error {
	return refuse(http.StatusTooManyRequests, fhir.CodeThrottled, "", "%s", why)
}

// networkOf is what an address, with or without a port, tells one sender from another by.
func networkOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return transport.Network(address)
}

// grant returns the Grant of claims, which is kept for a moment: it is made of scopes that may have to be compiled.
func (t *Tokens) grant(r *http.Request, claims *auth.Claims) (Grant, error) {
	key := sha256.Sum256([]byte(claims.Issuer + "\n" + claims.TokenID))
	at := t.clock()
	if kept, ok := t.kept(key); ok && at.Before(kept.until) && sameAccess(&kept.claims, claims) {
		return kept.grant, nil
	}
	made, err := t.rules.Grant(r.Context(), *claims)
	if err != nil {
		return nil, err
	}
	grant := TokenGrant(made)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.now) >= maxGrants {
		t.before, t.now = t.now, map[[sha256.Size]byte]keptGrant{}
	}
	t.now[key] = keptGrant{grant, *claims, at.Add(grantAge)}
	return grant, nil
}

func (t *Tokens) kept(key [sha256.Size]byte) (keptGrant, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, ok := t.now[key]
	if !ok {
		kept, ok = t.before[key]
	}
	return kept, ok
}

// sameAccess reports whether claims with the same issuer and token id give the same: the name of a token is what its issuer made of it, and is not relied on alone.
func sameAccess(a, b *auth.Claims) bool {
	return a.Subject == b.Subject && a.Client == b.Client && a.Scope == b.Scope && a.FHIRUser == b.FHIRUser && a.Patient == b.Patient && a.Encounter == b.Encounter && a.BreakGlass == b.BreakGlass &&
		slices.Equal(a.PurposeOfUse, b.PurposeOfUse) && slices.Equal(a.Roles, b.Roles)
}
