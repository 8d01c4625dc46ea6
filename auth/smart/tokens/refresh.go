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

// left returns what client and account allow today of what was granted, which may be less than then. ErrGrant when that is nothing, or one of them is disabled or gone.
func (t *Tokens) left(ctx context.Context, a *Authorization) (auth.Scopes, error) {
	client, account, err := t.parties(ctx, a)
	if errors.Is(err, auth.ErrToken) {
		return nil, ErrGrant
	}
	if err != nil {
		return nil, err
	}
	left, err := remaining(a.Scope, client, account)
	if err == nil && len(left) == 0 {
		err = ErrGrant
	}
	return left, err
}

// permitted is left, as long as it may be asked for: offline, or in a session that is not over. ErrGrant.
func (t *Tokens) permitted(ctx context.Context, a *Authorization) (auth.Scopes, error) {
	left, err := t.left(ctx, a)
	if err != nil || left.Has(auth.OfflineAccess) {
		return left, err
	}
	if !left.Has(auth.OnlineAccess) {
		return nil, ErrGrant
	}
	_, err = t.o.Sessions.Lasts(ctx, a.Session)
	if errors.Is(err, sessions.ErrNone) {
		err = ErrGrant
	}
	return left, err
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
