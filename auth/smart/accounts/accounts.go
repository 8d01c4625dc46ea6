package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/passwords"
	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/auth/smart/sealed"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/store"
)

// Options of [New]. All but Events are required.
type Options struct {
	State  store.State
	Box    *sealed.Box
	Hasher *passwords.Hasher
	Clock  func() time.Time
	Events events.Sink // nil: none
}

// Accounts administers accounts and checks who logs in. It is safe for concurrent use, and several servers may share a store.
type Accounts struct {
	o        Options
	accounts records.Kind[record]
	logins   records.Kind[login]
	attempts records.Kind[attempts]
	links    records.Kind[link]
}

type entry = records.Entry[record]

// login finds an account by name.
type login struct{ Account string }

// New returns the accounts of a store.
func New(o Options) *Accounts {
	return &Accounts{
		o: o, accounts: records.NewKind[record](o.State, "smart-account"), logins: records.NewKind[login](o.State, "smart-login"),
		attempts: records.NewKind[attempts](o.State, "smart-attempts"), links: records.NewKind[link](o.State, "smart-link"),
	}
}

func (a *Accounts) tell(ctx context.Context, account *Account, detail string) {
	if a.o.Events != nil {
		a.o.Events(ctx, events.Event{
			Time: a.o.Clock(), Type: events.Account, Detail: detail, Account: account.ID, Login: account.Login, FHIRUser: account.FHIRUser, By: events.Actor(ctx),
		})
	}
}

// Create makes an account of Login, Name, FHIRUser, Patients, Roles, Scopes and Administrator. It has no password yet: set one, or hand out a link. ErrExists, ErrInvalid.
func (a *Accounts) Create(ctx context.Context, account Account) (*Account, error) {
	account.ID, account.Login = secrets.Name(), loginName(account.Login)
	account.Created = a.o.Clock().UTC()
	account.Changed, account.Disabled, account.HasPassword, account.HasTOTP = account.Created, false, false, false
	if account.Name == "" {
		account.Name = account.Login
	}
	if err := account.check(); err != nil {
		return nil, err
	}
	// The record comes before the name that points to it: so a name that points to no record is nobody's, also to whoever wants it at this moment.
	if err := a.accounts.Create(ctx, account.ID, record{Account: account}); err != nil {
		return nil, err
	}
	if err := a.claim(ctx, account.Login, account.ID); err != nil {
		_, deleteErr := a.accounts.Delete(ctx, account.ID)
		return nil, errors.Join(err, deleteErr)
	}
	a.tell(ctx, &account, "created")
	return &account, nil
}

// claim makes a name point to an account. A name whose account is not there is free.
func (a *Accounts) claim(ctx context.Context, name, id string) error {
	err := a.logins.Create(ctx, name, login{Account: id})
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	entry, err := a.logins.Entry(ctx, name)
	if err != nil {
		return err
	}
	switch _, err := a.accounts.Get(ctx, entry.Value.Account); {
	case err == nil:
		return ErrExists
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := a.logins.Replace(ctx, name, login{Account: id}, entry.Revision); errors.Is(err, store.ErrConflict) {
		return ErrExists
	} else if err != nil {
		return err
	}
	return nil
}

// Get returns an account by its id. ErrUnknown.
func (a *Accounts) Get(ctx context.Context, id string) (*Account, error) {
	r, err := a.get(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.public(), nil
}

func (a *Accounts) get(ctx context.Context, id string) (record, error) {
	if id == "" {
		return record{}, ErrUnknown
	}
	r, err := a.accounts.Get(ctx, id)
	return r, known(err)
}

func known(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrUnknown
	}
	return err
}

// Find returns an account by the name it logs in with. ErrUnknown.
func (a *Accounts) Find(ctx context.Context, name string) (*Account, error) {
	r, err := a.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return r.public(), nil
}

func (a *Accounts) find(ctx context.Context, name string) (record, error) {
	name = loginName(name)
	if name == "" || len(name) > maxLogin || strings.IndexByte(name, 0) >= 0 {
		return record{}, ErrUnknown
	}
	l, err := a.logins.Get(ctx, name)
	if err != nil {
		return record{}, known(err)
	}
	return a.get(ctx, l.Account)
}

// List returns all accounts by name.
func (a *Accounts) List(ctx context.Context) ([]*Account, error) {
	entries, err := a.accounts.All(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*Account, 0, len(entries))
	for i := range entries {
		one := entries[i].Value.public()
		l, err := a.logins.Get(ctx, one.Login)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if l.Account == one.ID { // else a server died before the account had its name
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(x, y *Account) int { return strings.Compare(x.Login, y.Login) })
	return list, nil
}

// Change alters Name, FHIRUser, Patients, Roles, Scopes, Administrator or Disabled of an account. ErrUnknown, ErrInvalid. What it gains or loses holds for tokens that are asked for later; a disabled account's are void at once
// (on other servers within seconds).
func (a *Accounts) Change(ctx context.Context, id, what string, change func(*Account)) (*Account, error) {
	r, err := a.accounts.Update(ctx, id, func(r *record) error {
		before := r.Account
		change(&r.Account)
		r.ID, r.Login, r.Created, r.HasPassword, r.HasTOTP = before.ID, before.Login, before.Created, false, false
		r.Changed = a.o.Clock().UTC()
		return r.check()
	})
	if err != nil {
		return nil, known(err)
	}
	a.tell(ctx, r.public(), what)
	return r.public(), nil
}

// Disable ends, or with false restores, an account's access. ErrUnknown.
func (a *Accounts) Disable(ctx context.Context, id string, disabled bool) error {
	what := "enabled"
	if disabled {
		what = "disabled"
	}
	_, err := a.Change(ctx, id, what, func(account *Account) { account.Disabled = disabled })
	return err
}

// SetPassword sets an account's password, ends its sessions and makes its links void. ErrUnknown, an error of [passwords.Check], passwords.ErrBusy.
func (a *Accounts) SetPassword(ctx context.Context, id, password string) error {
	r, err := a.get(ctx, id)
	if err != nil {
		return err
	}
	_, err = a.setPassword(ctx, r, password, nil)
	return err
}

// setPassword sets the password when condition, if any, allows it.
func (a *Accounts) setPassword(ctx context.Context, r record, password string, condition func(*record) error) (*Account, error) {
	if err := passwords.Check(password, r.Login, r.Name); err != nil {
		return nil, err
	}
	hash, err := a.o.Hasher.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	r, err = a.accounts.Update(ctx, r.ID, func(r *record) error {
		if condition != nil {
			if err := condition(r); err != nil {
				return err
			}
		}
		r.Password = hash
		r.Epoch++
		r.Changed = a.o.Clock().UTC()
		return nil
	})
	if err != nil {
		return nil, known(err)
	}
	if _, err := a.attempts.Delete(ctx, attemptsID(r.Login)); err != nil {
		return nil, fmt.Errorf("failed logins of before: %w", err)
	}
	a.tell(ctx, r.public(), "password set")
	return r.public(), nil
}

// Epoch counts changes of an account's password. A session of an earlier one is void, as is any of a disabled or unknown account (ErrUnknown).
func (a *Accounts) Epoch(ctx context.Context, id string) (*Account, int, error) {
	r, err := a.get(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	if r.Disabled {
		return nil, 0, ErrUnknown
	}
	return r.public(), r.Epoch, nil
}
