package mongo

import "github.com/firth-health/firth/store"

var _ store.Shared = (*Store)(nil)

// Shared implements [store.Shared]: a database has room for many servers.
func (s *Store) Shared() bool { return true }
