package clients

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/store"
)

// originsLife is how long the origins of all clients may be remembered.
const originsLife = 10 * time.Second

// Options of [New]. All but Events are required.
type Options struct {
	State  store.State
	Clock  func() time.Time
	Events events.Sink // nil: none
}

// Clients administers clients. It is safe for concurrent use, and several servers may share a store.
type Clients struct {
	o    Options
	kind records.Kind[record]

	mu      sync.Mutex
	origins map[string]bool
	until   time.Time
	direct  directs
}

// record is a client as it is stored.
type record struct {
	Client
	Secret string `json:",omitempty"` // hash
}

// New returns the clients of a store.
func New(o Options) *Clients {
	return &Clients{o: o, kind: records.NewKind[record](o.State, "smart-client")}
}

func (c *Clients) tell(ctx context.Context, id, detail string) {
	if c.o.Events != nil {
		c.o.Events(ctx, events.Event{Time: c.o.Clock(), Type: events.Client, Client: id, Detail: detail, By: events.Actor(ctx)})
	}
}

// Create registers a client; without an ID it gets one. A Symmetric client's secret is returned, this once. ErrExists, ErrInvalid.
func (c *Clients) Create(ctx context.Context, client Client) (created *Client, secret string, err error) {
	if client.ID == "" {
		client.ID = secrets.Name()
	}
	client.Created = c.o.Clock().UTC()
	client.Changed, client.Disabled, client.Until = client.Created, false, time.Time{}
	if client.Dynamic {
		client.Until = client.Created.Add(UnusedLife)
	}
	if err := client.check(); err != nil {
		return nil, "", err
	}
	r := record{Client: client}
	if client.Type == Symmetric {
		secret = secrets.Random()
		r.Secret = secrets.Hash(secret)
	}
	switch err := c.kind.Create(ctx, client.ID, r); {
	case errors.Is(err, store.ErrConflict):
		return nil, "", ErrExists
	case err != nil:
		return nil, "", err
	}
	c.forget()
	c.tell(ctx, client.ID, "created")
	return &client, secret, nil
}

// Get returns a client. ErrUnknown.
func (c *Clients) Get(ctx context.Context, id string) (*Client, error) {
	r, err := c.get(ctx, id)
	if err != nil {
		return nil, err
	}
	return &r.Client, nil
}

func (c *Clients) get(ctx context.Context, id string) (record, error) {
	if !isID(id) {
		return record{}, ErrUnknown
	}
	r, err := c.kind.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return record{}, ErrUnknown
	}
	return r, err
}

// CheckSecret says whether a Symmetric client has a secret. ErrUnknown.
func (c *Clients) CheckSecret(ctx context.Context, id, secret string) (bool, error) {
	r, err := c.get(ctx, id)
	if err != nil {
		return false, err
	}
	return r.Type == Symmetric && secrets.Matches(secret, r.Secret), nil
}

// List returns all clients by id.
func (c *Clients) List(ctx context.Context) ([]*Client, error) {
	entries, err := c.kind.All(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*Client, len(entries))
	for i := range entries {
		list[i] = &entries[i].Value.Client
	}
	slices.SortFunc(list, func(x, y *Client) int { return strings.Compare(x.ID, y.ID) })
	return list, nil
}

// Change alters a client, but not its ID and Type. ErrUnknown, ErrInvalid.
func (c *Clients) Change(ctx context.Context, id, what string, change func(*Client)) (*Client, error) {
	if !isID(id) {
		return nil, ErrUnknown
	}
	r, err := c.kind.Update(ctx, id, func(r *record) error {
		before := r.Client
		change(&r.Client)
		r.ID, r.Type, r.Created, r.Dynamic, r.Until = before.ID, before.Type, before.Created, before.Dynamic, before.Until
		r.Changed = c.o.Clock().UTC()
		return r.check()
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	c.forget()
	c.tell(ctx, id, what)
	return &r.Client, nil
}

// Disable ends, or with false restores, a client's access. ErrUnknown.
func (c *Clients) Disable(ctx context.Context, id string, disabled bool) error {
	what := "enabled"
	if disabled {
		what = "disabled"
	}
	_, err := c.Change(ctx, id, what, func(client *Client) { client.Disabled = disabled })
	return err
}

// NewSecret gives a Symmetric client another secret and returns it; the one before is void. ErrUnknown, ErrInvalid.
func (c *Clients) NewSecret(ctx context.Context, id string) (secret string, err error) {
	if !isID(id) {
		return "", ErrUnknown
	}
	secret = secrets.Random()
	_, err = c.kind.Update(ctx, id, func(r *record) error {
		if r.Type != Symmetric {
			return invalid("only symmetric clients have a secret")
		}
		r.Secret, r.Changed = secrets.Hash(secret), c.o.Clock().UTC()
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", ErrUnknown
	}
	if err != nil {
		return "", err
	}
	c.tell(ctx, id, "secret replaced")
	return secret, nil
}

// Delete removes a client. Its tokens are void. ErrUnknown.
func (c *Clients) Delete(ctx context.Context, id string) error {
	if !isID(id) {
		return ErrUnknown
	}
	deleted, err := c.kind.Delete(ctx, id)
	if err != nil {
		return err
	}
	if !deleted {
		return ErrUnknown
	}
	c.forget()
	c.tell(ctx, id, "deleted")
	return nil
}

func (c *Clients) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until, c.direct.until = time.Time{}, time.Time{}
}

// AllowsOrigin says whether scripts of a web origin may call: it is one of an enabled client. What other servers changed is seen within seconds.
func (c *Clients) AllowsOrigin(ctx context.Context, origin string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.o.Clock()
	if !now.Before(c.until) {
		origins := map[string]bool{}
		err := c.kind.Each(ctx, func(e records.Entry[record]) (bool, error) {
			for _, o := range e.Value.AllOrigins() {
				origins[o] = origins[o] || !e.Value.Disabled
			}
			return true, nil
		})
		if err != nil {
			return false, err
		}
		c.origins, c.until = origins, now.Add(originsLife)
	}
	return c.origins[origin], nil
}
