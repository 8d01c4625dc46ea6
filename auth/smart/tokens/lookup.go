package tokens

import (
	"context"
	"errors"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/store"
)

// Lookup returns what an access token says: auth.ErrToken when it is unknown, expired or revoked, or what it stands on is gone. Of its scopes it has those that client and account allow still. Answers are remembered for cacheLife; what is revoked through this
// Tokens is forgotten at once, what through another server on the same store within that time.
func (t *Tokens) Lookup(ctx context.Context, secret string) (*auth.Claims, error) {
	id, ok := secrets.ID(secrets.AccessToken, secret)
	if !ok {
		return nil, auth.ErrToken
	}
	now := t.o.Clock()
	if claims := t.cache.get(id, now); claims != nil {
		return claims, nil
	}
	epoch := t.cache.epoch()
	_, claims, err := t.inspect(ctx, id)
	if err != nil {
		return nil, err
	}
	t.cache.put(id, claims, now, epoch)
	return claims, nil
}

// Inspect returns what an access token says and what it comes of (nil for a client that acts for itself), always as the store has it. auth.ErrToken.
func (t *Tokens) Inspect(ctx context.Context, secret string) (*Authorization, *auth.Claims, error) {
	id, ok := secrets.ID(secrets.AccessToken, secret)
	if !ok {
		return nil, nil, auth.ErrToken
	}
	return t.inspect(ctx, id)
}

func (t *Tokens) inspect(ctx context.Context, id string) (*Authorization, *auth.Claims, error) {
	found, err := t.accesses.Get(ctx, id)
	if err != nil {
		return nil, nil, gone(err)
	}
	if !t.o.Clock().Before(found.Expires) {
		return nil, nil, auth.ErrToken
	}
	claims := &auth.Claims{
		Issuer: t.o.Issuer, Subject: found.Client, Client: found.Client, TokenID: secrets.Handle(id), Scope: found.Scope, Thumbprint: found.Thumbprint, Issued: found.Issued, Expires: found.Expires,
	}
	if found.Authorization == "" {
		client, err := t.enabled(ctx, found.Client)
		if err != nil {
			return nil, nil, err
		}
		return nil, claims, narrow(claims, client)
	}
	a, err := t.authorizations.Get(ctx, found.Authorization)
	if err != nil {
		return nil, nil, gone(err)
	}
	client, account, err := t.parties(ctx, &a)
	if err != nil {
		return nil, nil, err
	}
	if err := narrow(claims, client, account); err != nil {
		return nil, nil, err
	}
	claims.Subject, claims.FHIRUser, claims.Roles = account.ID, account.FHIRUser, account.TokenRoles()
	claims.Patient, claims.Encounter = a.Context.Patient, a.Context.Encounter
	if a.Emergency != "" {
		claims.BreakGlass, claims.PurposeOfUse = true, []auth.Coding{auth.EmergencyTreatment()}
	}
	return &a, claims, nil
}

// enabled returns a client that may have tokens. auth.ErrToken.
func (t *Tokens) enabled(ctx context.Context, id string) (*clients.Client, error) {
	client, err := t.o.Clients.Get(ctx, id)
	if errors.Is(err, clients.ErrUnknown) || err == nil && client.Disabled {
		return nil, auth.ErrToken
	}
	return client, err
}

// allower is who has a say in what tokens allow: a client, an account.
type allower interface{ Allowed() (auth.Scopes, error) }

// remaining is what is left of scopes that were given, of what each allows now.
func remaining(given string, by ...allower) (auth.Scopes, error) {
	left, err := parse(given)
	for _, one := range by {
		var allowed auth.Scopes
		if err == nil {
			allowed, err = one.Allowed()
		}
		left = left.Intersect(allowed)
	}
	return left, err
}

// narrow leaves of a token's scopes what each allows now. auth.ErrToken when that is nothing.
func narrow(claims *auth.Claims, by ...allower) error {
	left, err := remaining(claims.Scope, by...)
	if err == nil && len(left) == 0 {
		err = auth.ErrToken
	}
	claims.Scope = left.String()
	return err
}

// parties returns who an authorization is between, as they are today. auth.ErrToken when one is disabled or gone, or the person may no longer open the patient's record, or no longer break the glass.
func (t *Tokens) parties(ctx context.Context, a *Authorization) (*clients.Client, *accounts.Account, error) {
	client, err := t.enabled(ctx, a.Client)
	if err != nil {
		return nil, nil, err
	}
	account, err := t.o.Accounts.Get(ctx, a.Account)
	if errors.Is(err, accounts.ErrUnknown) || err == nil && (account.Disabled || !a.isOpenTo(account)) {
		return nil, nil, auth.ErrToken
	}
	return client, account, err
}

// isOpenTo says whether a person may have today what an authorization is about.
func (a *Authorization) isOpenTo(account *accounts.Account) bool {
	if a.Emergency != "" {
		return account.BreakGlass
	}
	return a.Context.Patient == "" || account.MayOpen(a.Context.Patient)
}

// gone is auth.ErrToken for what is no failure of the store.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.ErrToken
	}
	return err
}

// Revoke makes void all that comes of an authorization, and returns it; nil when there is none.
func (t *Tokens) Revoke(ctx context.Context, id string) (*Authorization, error) {
	a, err := t.authorizations.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	deleted, err := t.authorizations.Delete(ctx, id)
	t.cache.clear()
	if err != nil || !deleted {
		return nil, err
	}
	return &a, nil
}

// Forget drops what Lookup remembers, so that a change of clients or accounts is seen at once.
func (t *Tokens) Forget() { t.cache.clear() }

// RevokeToken makes void an access token, or a refresh token with all that comes of its authorization (RFC 7009 section 2.1), if it is of a client. It says what was revoked; nil when the token is
// of no use, or of another client.
func (t *Tokens) RevokeToken(ctx context.Context, secret, client string) (*auth.Claims, error) {
	if id, ok := secrets.ID(secrets.AccessToken, secret); ok {
		found, err := t.accesses.Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && found.Client != client {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		_, claims, err := t.inspect(ctx, id)
		if err != nil && !errors.Is(err, auth.ErrToken) { // what is void now could be good again, so that it is deleted, too
			return nil, err
		}
		_, err = t.accesses.Delete(ctx, id)
		t.cache.clear()
		return claims, err
	}
	a, _, err := t.ofRefresh(ctx, secret)
	if errors.Is(err, ErrGrant) || err == nil && a.Client != client {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if a, err = t.Revoke(ctx, a.ID); a == nil || err != nil {
		return nil, err
	}
	return &auth.Claims{
		Issuer: t.o.Issuer, Subject: a.Account, Client: a.Client, Scope: a.Scope, Patient: a.Context.Patient, Encounter: a.Context.Encounter,
	}, nil
}

// Of returns the authorizations that a person gave and that are of use, newest first; with an empty account those of all.
func (t *Tokens) Of(ctx context.Context, account string) (list []Authorization, err error) {
	now := t.o.Clock()
	prefix := ""
	if account != "" {
		prefix = ofAccount(account)
	}
	entries, err := t.authorizations.Below(ctx, prefix)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if a := e.Value; !a.Used.IsZero() && now.Before(a.Expires) {
			list = append(list, a)
		}
	}
	sortNewest(list)
	return list, nil
}
