package tokens

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/sessions"
	"github.com/firth-health/firth/store"
)

// Authorize records what a person consented to, and returns the code for the client. Of a, ID and the times are filled in.
func (t *Tokens) Authorize(ctx context.Context, a Authorization, redirectURI, challenge string) (secret string, err error) {
	now := t.now()
	a.ID, a.Created, a.Expires = ofAccount(a.Account)+secrets.Name(), now, now.Add(AccessLife+CodeLife)
	if err := t.authorizations.Create(ctx, a.ID, a); err != nil {
		return "", err
	}
	secret = secrets.New(secrets.Code, now.Add(codeKept))
	id, _ := secrets.ID(secrets.Code, secret)
	return secret, t.codes.Create(ctx, id, code{Authorization: a.ID, Client: a.Client, RedirectURI: redirectURI, Challenge: challenge, Expires: now.Add(CodeLife)})
}

// ofAccount is how the ids of an account's authorizations begin.
func ofAccount(account string) string { return account + "." }

var errUsed = errors.New("used")

// Redemption is how a client redeems a code.
type Redemption struct{ Client, RedirectURI, Verifier, Thumbprint string }

// Exchange turns a code into tokens, of which the access token is bound to a certificate unless Thumbprint is empty. A code counts as used whatever comes of it, and a second use revokes what came of
// the first. ErrGrant, *ReuseError.
func (t *Tokens) Exchange(ctx context.Context, secret string, by Redemption) (*Issued, error) {
	id, ok := secrets.ID(secrets.Code, secret)
	if !ok {
		return nil, ErrGrant
	}
	c, err := t.codes.Update(ctx, id, func(c *code) error {
		if c.Used {
			return errUsed
		}
		c.Used = true
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrGrant
	case errors.Is(err, errUsed):
		return nil, t.reused(ctx, c.Authorization)
	case err != nil:
		return nil, err
	}
	if c.Client != by.Client || c.RedirectURI != by.RedirectURI || !verifies(by.Verifier, c.Challenge) || !t.o.Clock().Before(c.Expires) {
		if _, err := t.Revoke(ctx, c.Authorization); err != nil {
			return nil, err
		}
		return nil, ErrGrant
	}
	a, err := t.authorizations.Get(ctx, c.Authorization)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrGrant
	}
	if err != nil {
		return nil, err
	}
	left, err := t.left(ctx, &a)
	if err != nil {
		return nil, err
	}
	a.Scope = left.String()
	return t.renew(ctx, &a, wanted{scope: a.Scope, thumbprint: by.Thumbprint}, "")
}

// verifies checks PKCE with S256 (RFC 7636 section 4.6).
func verifies(verifier, challenge string) bool {
	if !IsVerifier(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// IsVerifier says whether a text has the form of a code_verifier (RFC 7636 section 4.1).
func IsVerifier(text string) bool {
	if len(text) < 43 || len(text) > 128 {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// IsChallenge says whether a text has the form of a code_challenge by S256: 32 bytes in base64url.
func IsChallenge(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == sha256.Size
}

// reused revokes an authorization whose code or refresh token came a second time.
func (t *Tokens) reused(ctx context.Context, id string) error {
	a, err := t.Revoke(ctx, id)
	if err != nil {
		return err
	}
	if a == nil {
		return ErrGrant // was revoked before
	}
	return &ReuseError{Authorization: a}
}

// renew issues tokens of an authorization in place of the refresh token replaced; with "" the first ones. The refresh token is written first, then the authorization on the condition that nobody
// else changed it, then the access token: whatever is cut short gives no access.
func (t *Tokens) renew(ctx context.Context, a *Authorization, w wanted, replaced string) (*Issued, error) {
	now := t.now()
	expires, refreshes, err := t.lasts(ctx, a, now)
	if err != nil {
		return nil, err
	}
	var refreshSecret, refreshID string
	if refreshes {
		refreshSecret = secrets.New(secrets.RefreshToken, expires)
		refreshID, _ = secrets.ID(secrets.RefreshToken, refreshSecret)
		if err := t.refreshes.Create(ctx, refreshID, refresh{Authorization: a.ID}); err != nil {
			return nil, err
		}
	}
	renewed, err := t.authorizations.Update(ctx, a.ID, func(a *Authorization) error {
		if a.Refresh != replaced || replaced == "" && !a.Used.IsZero() {
			return errUsed
		}
		a.Refresh, a.Used, a.Expires, a.Replaced, a.Successor = refreshID, now, expires, replaced, nil
		if refreshes && replaced != "" {
			a.Successor = t.o.Box.Seal(successorOf(a.ID), []byte(refreshSecret))
		}
		return nil
	})
	switch {
	case errors.Is(err, errUsed) && replaced != "" && t.inGrace(&renewed, replaced):
		return t.again(ctx, &renewed, w)
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrGrant
	case errors.Is(err, errUsed):
		return nil, t.reused(ctx, a.ID)
	case err != nil:
		return nil, err
	}
	issued, err := t.issue(ctx, w.of(a, now))
	if err != nil {
		return nil, err
	}
	issued.Refresh, issued.Authorization = refreshSecret, &renewed
	return issued, nil
}

// wanted is an access token to be issued of an authorization.
type wanted struct{ scope, thumbprint string }

func (w wanted) of(a *Authorization, now time.Time) access {
	life := AccessLife
	if a.Emergency != "" {
		life = EmergencyLife
	}
	return access{Authorization: a.ID, Client: a.Client, Scope: w.scope, Thumbprint: w.thumbprint, Issued: now, Expires: now.Add(life)}
}

// lasts says until when an authorization lasts once tokens are issued now, and whether it can be refreshed.
func (t *Tokens) lasts(ctx context.Context, a *Authorization, now time.Time) (expires time.Time, refreshes bool, err error) {
	granted, err := parse(a.Scope)
	if err != nil {
		return time.Time{}, false, err
	}
	switch {
	case a.Emergency != "":
		return now.Add(EmergencyLife), false, nil
	case granted.Has(auth.OfflineAccess):
		return now.Add(OfflineLife), true, nil
	case granted.Has(auth.OnlineAccess):
		ends, err := t.o.Sessions.Lasts(ctx, a.Session)
		if errors.Is(err, sessions.ErrNone) {
			return now.Add(AccessLife), false, nil
		}
		if ends.Before(now.Add(AccessLife)) {
			ends = now.Add(AccessLife) // of the authorization, which the access token needs; the session itself ends refreshing
		}
		return ends, true, err
	}
	return now.Add(AccessLife), false, nil
}
