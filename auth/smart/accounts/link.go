package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/store"
)

// LinkLife is how long a one-time link is good for.
const LinkLife = 24 * time.Hour

// FirstLogin is the name of the account that the first start makes.
const FirstLogin = "admin"

// link lets somebody set the password of an account once.
type link struct {
	Account string
	Epoch   int // of the account when the link was made
	Expires time.Time
}

// NewLink returns the secret of a link by which an account's password is set, once, within [LinkLife]. ErrUnknown.
func (a *Accounts) NewLink(ctx context.Context, id string) (secret string, err error) {
	r, err := a.get(ctx, id)
	if err != nil {
		return "", err
	}
	expires := a.o.Clock().Add(LinkLife)
	secret = secrets.New(secrets.Link, expires)
	linkID, _ := secrets.ID(secrets.Link, secret)
	if err := a.links.Create(ctx, linkID, link{Account: id, Epoch: r.Epoch, Expires: expires}); err != nil {
		return "", err
	}
	a.tell(ctx, r.public(), "link to set the password made")
	return secret, nil
}

// FirstLink returns the secret of a link for the administrator when nobody has a password yet, and makes that account when there is none; otherwise the empty string.
func (a *Accounts) FirstLink(ctx context.Context) (secret string, err error) {
	begun := false
	err = a.accounts.Each(ctx, func(e entry) (bool, error) {
		begun = e.Value.Password != ""
		return !begun, nil
	})
	if err != nil || begun {
		return "", err
	}
	account, err := a.Create(ctx, Account{Login: FirstLogin, Name: "Administrator", Administrator: true})
	if errors.Is(err, ErrExists) {
		account, err = a.Find(ctx, FirstLogin)
	}
	if err != nil {
		return "", err
	}
	return a.NewLink(ctx, account.ID)
}

// LinkAccount returns whose password a link sets. It does not use the link up: programs look at links before people do. ErrLink.
func (a *Accounts) LinkAccount(ctx context.Context, secret string) (*Account, error) {
	r, _, err := a.link(ctx, secret)
	if err != nil {
		return nil, err
	}
	return r.public(), nil
}

func (a *Accounts) link(ctx context.Context, secret string) (record, link, error) {
	id, ok := secrets.ID(secrets.Link, secret)
	if !ok {
		return record{}, link{}, ErrLink
	}
	l, err := a.links.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return record{}, link{}, ErrLink
	}
	if err != nil {
		return record{}, link{}, err
	}
	r, err := a.get(ctx, l.Account)
	if err != nil {
		return record{}, link{}, err
	}
	if r.Epoch != l.Epoch || r.Disabled || !a.o.Clock().Before(l.Expires) {
		return record{}, link{}, ErrLink
	}
	return r, l, nil
}

// UseLink sets the password of a link's account. A link is good for one password, and for none once another was set. ErrLink, an error of passwords.Check, passwords.ErrBusy.
func (a *Accounts) UseLink(ctx context.Context, secret, password string) (*Account, error) {
	r, l, err := a.link(ctx, secret)
	if err != nil {
		return nil, err
	}
	return a.setPassword(ctx, r, password, func(now *record) error {
		if now.Epoch != l.Epoch || now.Disabled {
			return ErrLink
		}
		return nil
	})
}

// Sweep deletes links that are over and failures that are forgotten.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.o.Clock()
	_, linksErr := a.links.SweepBefore(ctx, secrets.Bound(now))
	_, attemptsErr := a.attempts.Sweep(ctx, func(_ string, t attempts) bool { return now.Sub(t.Last) > forgetAfter })
	return errors.Join(linksErr, attemptsErr)
}
