package clients

import (
	"context"
	"errors"
	"time"

	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/store"
)

// UnusedLife is how long a client that registered itself is kept while no person let it have anything.
const UnusedLife = 7 * 24 * time.Hour

// Used notes that a person lets a client have something, so that it is kept. ErrUnknown when it is gone.
func (c *Clients) Used(ctx context.Context, client *Client) error {
	if client.Until.IsZero() {
		return nil
	}
	_, err := c.kind.Update(ctx, client.ID, func(r *record) error {
		r.Until = time.Time{}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return ErrUnknown
	}
	return err
}

// Sweep removes the clients that registered themselves and were not used.
func (c *Clients) Sweep(ctx context.Context) error {
	now, removed := c.o.Clock(), false
	err := c.kind.Each(ctx, func(e records.Entry[record]) (bool, error) {
		if until := e.Value.Until; until.IsZero() || now.Before(until) {
			return true, nil
		}
		deleted, err := c.kind.DeleteRevision(ctx, e.ID, e.Revision)
		if deleted {
			removed = true
			c.tell(ctx, e.ID, "deleted, because it registered itself and was not used")
		}
		return true, err
	})
	if removed {
		c.forget()
	}
	return err
}
