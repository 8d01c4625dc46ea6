// Package sessions keeps who is logged in at which browser: a cookie's secret, by whose hash a record ("smart-session") is found.
//
// It owns how long a login lasts: idleLife without use (then the password is asked again), life in all. Cookies themselves, and pages, are package smart's.
package sessions

import (
	"context"
	"errors"
	"time"

	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/store"
)

const (
	life        = 12 * time.Hour   // of a login, and so of online access
	idleLife    = 30 * time.Minute // without a page asked for
	pendingLife = 10 * time.Minute // between password and one-time code
	seenEvery   = time.Minute      // how exactly use is recorded
)

// ErrNone says that nobody is logged in by a cookie.
var ErrNone = errors.New("not logged in")

// Session is one login.
type Session struct {
	Account string
	Epoch   int // of the account's password
	Begun   time.Time
	Expires time.Time
	Seen    time.Time
	Pending bool `json:",omitempty"` // the one-time code is still to come: not a login yet
}

// Sessions keeps logins. It is safe for concurrent use.
type Sessions struct {
	kind     records.Kind[Session]
	accounts *accounts.Accounts
	clock    func() time.Time
}

// New returns the sessions of a store.
func New(state store.State, a *accounts.Accounts, clock func() time.Time) *Sessions {
	return &Sessions{kind: records.NewKind[Session](state, "smart-session"), accounts: a, clock: clock}
}

// Begin logs an account in, or, pending, half in. The secret is for the cookie. accounts.ErrUnknown.
func (s *Sessions) Begin(ctx context.Context, account string, pending bool) (secret string, err error) {
	_, epoch, err := s.accounts.Epoch(ctx, account)
	if err != nil {
		return "", err
	}
	now := s.clock()
	expires := now.Add(life)
	if pending {
		expires = now.Add(pendingLife)
	}
	secret = secrets.New(secrets.Session, expires)
	id, _ := secrets.ID(secrets.Session, secret)
	return secret, s.kind.Create(ctx, id, Session{Account: account, Epoch: epoch, Begun: now, Expires: expires, Seen: now, Pending: pending})
}

// Get returns who is logged in by a cookie, or half so. ErrNone.
func (s *Sessions) Get(ctx context.Context, secret string) (*Session, *accounts.Account, error) {
	id, ok := secrets.ID(secrets.Session, secret)
	if !ok {
		return nil, nil, ErrNone
	}
	session, account, err := s.get(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	now := s.clock()
	if now.Sub(session.Seen) > idleLife {
		return nil, nil, ErrNone
	}
	if now.Sub(session.Seen) > seenEvery {
		session, err = s.kind.Update(ctx, id, func(v *Session) error {
			v.Seen = now
			return nil
		})
		if errors.Is(err, store.ErrNotFound) {
			err = ErrNone
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return &session, account, nil
}

func (s *Sessions) get(ctx context.Context, id string) (Session, *accounts.Account, error) {
	session, err := s.kind.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return session, nil, ErrNone
	}
	if err != nil {
		return session, nil, err
	}
	account, epoch, err := s.accounts.Epoch(ctx, session.Account)
	if errors.Is(err, accounts.ErrUnknown) {
		return session, nil, ErrNone
	}
	if err != nil {
		return session, nil, err
	}
	if epoch != session.Epoch || !s.clock().Before(session.Expires) {
		return session, nil, ErrNone
	}
	return session, account, nil
}

// ID returns what a session's record is called; empty for what is no session's secret.
func ID(secret string) string {
	id, _ := secrets.ID(secrets.Session, secret)
	return id
}

// Lasts returns until when a session lasts at most, by its record's id. ErrNone when it is over. That the person is idle does not end it: online access is for as long as they did not leave.
func (s *Sessions) Lasts(ctx context.Context, id string) (time.Time, error) {
	if id == "" {
		return time.Time{}, ErrNone
	}
	session, _, err := s.get(ctx, id)
	return session.Expires, err
}

// End logs out.
func (s *Sessions) End(ctx context.Context, secret string) error {
	id, ok := secrets.ID(secrets.Session, secret)
	if !ok {
		return nil
	}
	_, err := s.kind.Delete(ctx, id)
	return err
}

// Sweep deletes sessions that are over.
func (s *Sessions) Sweep(ctx context.Context) error {
	_, err := s.kind.SweepBefore(ctx, secrets.Bound(s.clock()))
	return err
}
