package tokens

import (
	"context"
	"errors"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/scopes"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/sessions"
	"github.com/firth-health/firth/store"
)

// Refresh turns a refresh token into new tokens, with the scopes granted or, when asked is not empty, with fewer. The next refresh may ask for all that were granted again. A refresh token
// that was replaced before revokes everything (RFC 9700 section 4.14.2), but for what Grace allows. ErrGrant, *ReuseError, ErrScope, *auth.ScopeError.
// The access token is bound to a certificate unless thumbprint is empty.
func (t *Tokens) Refresh(ctx context.Context, secret, client, asked, thumbprint string) (*Issued, error) {
	a, id, err := t.ofRefresh(ctx, secret)
	if err != nil {
		return nil, err
	}
	if a.Client != client {
		return nil, ErrGrant
	}
	if a.Refresh != id && !t.inGrace(a, id) {
		return nil, t.reused(ctx, a.ID)
	}
	permitted, err := t.permitted(ctx, a)
	if err != nil {
		return nil, err
	}
	scope, err := narrower(permitted, asked)
	if err != nil {
		return nil, err
	}
	if a.Refresh != id {
		return t.again(ctx, a, wanted{scope, thumbprint})
	}
	return t.renew(ctx, a, wanted{scope, thumbprint}, id)
}

// RefreshClient returns the client of a refresh token. ErrGrant.
func (t *Tokens) RefreshClient(ctx context.Context, secret string) (client string, err error) {
	a, _, err := t.ofRefresh(ctx, secret)
	if err != nil {
		return "", err
	}
	return a.Client, nil
}

// inGrace says whether a refresh token is the one that was replaced last, a moment ago, by one that nobody has used: two tabs of an app refreshed at once, or an answer was lost. Who took the token meanwhile
// shares its successor with the client, and the second of them to use that after Grace revokes everything.
func (t *Tokens) inGrace(a *Authorization, id string) bool {
	return a.Replaced == id && len(a.Successor) > 0 && t.o.Clock().Before(a.Used.Add(Grace))
}

// again answers with the same refresh token as before, and another access token.
func (t *Tokens) again(ctx context.Context, a *Authorization, w wanted) (*Issued, error) {
	successor, err := t.o.Box.Open(successorOf(a.ID), a.Successor)
	if err != nil {
		return nil, err
	}
	issued, err := t.issue(ctx, w.of(a, t.now()))
	if err != nil {
		return nil, err
	}
	issued.Refresh, issued.Authorization, issued.Again = string(successor), a, true
	return issued, nil
}

// successorOf is the purpose for which a successor is sealed.
func successorOf(authorization string) string {
	return "successor of a refresh token of " + authorization
}

// ofRefresh returns the authorization of a refresh token, and the record of that.
func (t *Tokens) ofRefresh(ctx context.Context, secret string) (a *Authorization, id string, err error) {
	id, ok := secrets.ID(secrets.RefreshToken, secret)
	if !ok {
		return nil, "", ErrGrant
	}
	r, err := t.refreshes.Get(ctx, id)
	if err == nil {
		var found Authorization
		found, err = t.authorizations.Get(ctx, r.Authorization)
		a = &found
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, "", ErrGrant
	}
	if err != nil {
		return nil, "", err
	}
	if !t.o.Clock().Before(a.Expires) {
		return nil, "", ErrGrant
	}
	return a, id, nil
}

// permitted returns what client and account may have today of what was granted, which may be less than then. ErrGrant when one of them is disabled or gone, or the session of online access is over.
func (t *Tokens) permitted(ctx context.Context, a *Authorization) (auth.Scopes, error) {
	client, account, err := t.parties(ctx, a)
	if errors.Is(err, auth.ErrToken) {
		return nil, ErrGrant
	}
	if err != nil {
		return nil, err
	}
	granted, err := parse(a.Scope)
	if err != nil {
		return nil, err
	}
	if !granted.Has(auth.OfflineAccess) {
		switch _, err := t.o.Sessions.Lasts(ctx, a.Session); {
		case errors.Is(err, sessions.ErrNone):
			return nil, ErrGrant
		case err != nil:
			return nil, err
		}
	}
	ofClient, err := client.Allowed()
	if err != nil {
		return nil, err
	}
	ofAccount, err := account.Allowed()
	if err != nil {
		return nil, err
	}
	return granted.Intersect(ofClient).Intersect(ofAccount), nil
}

func parse(text string) (auth.Scopes, error) { return scopes.Parser(auth.ParseScopes).Parse(text) }

// narrower returns what is asked of what is permitted. ErrScope when that is more.
func narrower(permitted auth.Scopes, asked string) (string, error) {
	if asked == "" {
		return permitted.String(), nil
	}
	list, err := parse(asked)
	if err != nil {
		return "", err
	}
	if len(list) == 0 || !list.SubsetOf(permitted) {
		return "", ErrScope
	}
	return list.String(), nil
}
