// Package launches keeps EHR launches between the moment in which a system of record prepares one and the authorization request that brings its opaque token back (SMART App Launch 2.2, app-launch.html#launch-app-ehr-launch).
//
// It owns the records ("smart-launch"): a launch is for one client, may be for one person, lasts a few minutes and is used once.
package launches

import (
	"context"
	"errors"
	"time"

	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/tokens"
	"github.com/firth-health/firth/store"
)

// Life is how long a launch waits for its app.
const Life = 5 * time.Minute

// kept is how long the record stays after that, because the person may be logging in.
const kept = time.Hour

// ErrNone says that a launch does not exist, is over, or is another client's or person's.
var ErrNone = errors.New("the launch is not valid")

// Launch is what an app is opened with.
type Launch struct {
	Client  string
	Account string `json:",omitempty"` // who may log in; empty: anybody who may open the patient
	Context tokens.Context
	Expires time.Time
}

// Launches keeps launches. It is safe for concurrent use.
type Launches struct {
	kind  records.Kind[Launch]
	clock func() time.Time
}

// New returns the launches of a store.
func New(state store.State, clock func() time.Time) *Launches {
	return &Launches{kind: records.NewKind[Launch](state, "smart-launch"), clock: clock}
}

// Prepare keeps a launch and returns its token.
func (l *Launches) Prepare(ctx context.Context, launch Launch) (secret string, err error) {
	launch.Expires = l.clock().Add(Life)
	secret = secrets.New(secrets.Launch, launch.Expires.Add(kept))
	id, _ := secrets.ID(secrets.Launch, secret)
	return secret, l.kind.Create(ctx, id, launch)
}

// Get returns a launch of a client. ErrNone.
func (l *Launches) Get(ctx context.Context, secret, client string) (*Launch, error) {
	id, ok := secrets.ID(secrets.Launch, secret)
	if !ok {
		return nil, ErrNone
	}
	launch, err := l.kind.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (launch.Client != client || !l.clock().Before(launch.Expires)) {
		return nil, ErrNone
	}
	return &launch, err
}

// Use uses a launch up. ErrNone when somebody did before.
func (l *Launches) Use(ctx context.Context, secret string) error {
	id, ok := secrets.ID(secrets.Launch, secret)
	if !ok {
		return ErrNone
	}
	used, err := l.kind.Delete(ctx, id)
	if err == nil && !used {
		return ErrNone
	}
	return err
}

// Sweep deletes launches that are over.
func (l *Launches) Sweep(ctx context.Context) error {
	_, err := l.kind.SweepBefore(ctx, secrets.Bound(l.clock()))
	return err
}
