package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/firth-health/firth/auth/smart/passwords"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/totp"
)

// The brake on guessing: after freeAttempts failures in a row a name takes no attempt for firstLock, and for twice as long after each further failure, up to maxLock. Failures are forgotten after
// forgetAfter. Names of accounts that do not exist are braked as well.
const (
	freeAttempts = 5
	firstLock    = 30 * time.Second
	maxLock      = 15 * time.Minute
	forgetAfter  = 24 * time.Hour
)

// attempts counts failures of a name. An attempt counts before it is looked at, so that many at once are no way round the brake.
type attempts struct {
	Count int
	Last  time.Time
}

func (t attempts) lockedUntil() time.Time {
	if t.Count < freeAttempts {
		return time.Time{}
	}
	lock := maxLock
	if shift := t.Count - freeAttempts; shift < 5 {
		lock = firstLock << shift
	}
	return t.Last.Add(min(lock, maxLock))
}

// attemptsID names the failures of a name without saying it: somebody may have typed a password there.
func attemptsID(name string) string { return secrets.Hash("login " + name) }

// attempt counts an attempt, or refuses it with a *LockedError.
func (a *Accounts) attempt(ctx context.Context, id string) error {
	now := a.o.Clock()
	_, err := a.attempts.Upsert(ctx, id, func(t *attempts) error {
		if now.Sub(t.Last) > forgetAfter {
			*t = attempts{}
		}
		if until := t.lockedUntil(); now.Before(until) {
			return &LockedError{Until: until}
		}
		t.Count++
		t.Last = now
		return nil
	})
	return err
}

// Authenticate checks a name and a password. ErrWrong, *LockedError, passwords.ErrBusy. Who has a one-time password needs [Accounts.VerifyTOTP] as well.
func (a *Accounts) Authenticate(ctx context.Context, name, password string) (*Account, error) {
	id := attemptsID(loginName(name))
	if err := a.attempt(ctx, id); err != nil {
		return nil, err
	}
	r, err := a.find(ctx, name)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return nil, err
	}
	if len(password) > passwords.MaxBytes {
		password = ""
	}
	ok, err := a.o.Hasher.Verify(ctx, password, r.Password)
	if err != nil {
		return nil, err
	}
	if !ok || r.Disabled {
		return nil, ErrWrong
	}
	if _, err := a.attempts.Delete(ctx, id); err != nil {
		return nil, err
	}
	if a.o.Hasher.Outdated(r.Password) {
		return r.public(), a.rehash(ctx, r, password)
	}
	return r.public(), nil
}

// rehash stores a hash with the parameters of today.
func (a *Accounts) rehash(ctx context.Context, old record, password string) error {
	hash, err := a.o.Hasher.Hash(ctx, password)
	if errors.Is(err, passwords.ErrBusy) {
		return nil // next time
	}
	if err != nil {
		return err
	}
	_, err = a.accounts.Update(ctx, old.ID, func(r *record) error {
		if r.Password == old.Password {
			r.Password = hash
		}
		return nil
	})
	return known(err)
}

func totpPurpose(id string) string { return "smart-totp/" + id }

// VerifyTOTP checks a one-time code of an account that has them; each is good once. ErrWrong, *LockedError, ErrUnknown.
func (a *Accounts) VerifyTOTP(ctx context.Context, id, code string) error {
	attemptID := secrets.Hash("totp " + id)
	if err := a.attempt(ctx, attemptID); err != nil {
		return err
	}
	_, err := a.accounts.Update(ctx, id, func(r *record) error {
		secret, err := a.o.Box.Open(totpPurpose(id), r.TOTP)
		if err != nil {
			return err
		}
		step, ok := totp.Verify(string(secret), code, a.o.Clock(), r.LastTOTP)
		if !ok || r.Disabled {
			return ErrWrong
		}
		r.LastTOTP = step
		return nil
	})
	if err != nil {
		return known(err)
	}
	_, err = a.attempts.Delete(ctx, attemptID)
	return err
}

// BeginTOTP makes a secret for an authenticator app. It counts once ConfirmTOTP has seen a code of it. ErrUnknown.
func (a *Accounts) BeginTOTP(ctx context.Context, id string) (secret string, err error) {
	secret = totp.NewSecret()
	_, err = a.accounts.Update(ctx, id, func(r *record) error {
		r.PendingTOTP = a.o.Box.Seal(totpPurpose(id), []byte(secret))
		return nil
	})
	return secret, known(err)
}

// PendingTOTP returns the secret that BeginTOTP made and that is not confirmed; empty for none.
func (a *Accounts) PendingTOTP(ctx context.Context, id string) (secret string, err error) {
	r, err := a.get(ctx, id)
	if err != nil || len(r.PendingTOTP) == 0 {
		return "", err
	}
	opened, err := a.o.Box.Open(totpPurpose(id), r.PendingTOTP)
	return string(opened), err
}

// ConfirmTOTP turns one-time codes on. ErrWrong, ErrUnknown.
func (a *Accounts) ConfirmTOTP(ctx context.Context, id, code string) error {
	r, err := a.accounts.Update(ctx, id, func(r *record) error {
		if len(r.PendingTOTP) == 0 {
			return ErrWrong
		}
		secret, err := a.o.Box.Open(totpPurpose(id), r.PendingTOTP)
		if err != nil {
			return err
		}
		step, ok := totp.Verify(string(secret), code, a.o.Clock(), 0)
		if !ok {
			return ErrWrong
		}
		r.TOTP, r.PendingTOTP, r.LastTOTP = r.PendingTOTP, nil, step
		return nil
	})
	if err != nil {
		return known(err)
	}
	a.tell(ctx, r.public(), "one-time codes turned on")
	return nil
}

// RemoveTOTP turns one-time codes off, for instance for somebody who lost the device. ErrUnknown.
func (a *Accounts) RemoveTOTP(ctx context.Context, id string) error {
	r, err := a.accounts.Update(ctx, id, func(r *record) error {
		r.TOTP, r.PendingTOTP, r.LastTOTP = nil, nil, 0
		return nil
	})
	if err != nil {
		return known(err)
	}
	a.tell(ctx, r.public(), "one-time codes turned off")
	return nil
}
