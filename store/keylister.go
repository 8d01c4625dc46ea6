package store

import (
	"context"

	"github.com/firth-health/firth/search"
)

// KeyLister lists the index keys that are in use. It is an optional interface.
type KeyLister interface {
	// DistinctKeys returns the keys that within accepts and that current resources of the type have, sorted, each once: the smallest ones when there are more than
	// limit. ErrTooCostly.
	DistinctKeys(ctx context.Context, resourceType string, within search.Keys, limit int) ([]string, error)
}
