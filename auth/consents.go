package auth

import (
	"context"

	"github.com/firth-health/firth/search"
)

// Consents know what patients have denied.
type Consents interface {
	// Denied says what the caller may not touch, as of now, for any reason or action; nil for nothing.
	Denied(ctx context.Context, c *Claims) (func(resourceType string, action Action) search.Plan, error)
}
