package store

// Shared is of stores that several processes may have open at once. Then their servers tell each other of search parameters and share the jobs. It is an optional interface.
type Shared interface {
	// Shared reports whether other processes may have the store open. It never changes while the store is open.
	Shared() bool
}
