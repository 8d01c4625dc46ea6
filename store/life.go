package store

import (
	"fmt"
	"io/fs"
	"sync"
)

// Life keeps what a store works with open as long as calls need it. The zero value is alive.
type Life struct {
	calls sync.RWMutex // held for reading by every call, for writing by End
	ended bool
}

// Enter begins a call, which ends with Leave; after End it is an error that wraps [fs.ErrClosed].
func (l *Life) Enter() error {
	l.calls.RLock()
	if l.ended {
		l.calls.RUnlock()
		return fmt.Errorf("store: %w", fs.ErrClosed)
	}
	return nil
}

// Leave ends a call.
func (l *Life) Leave() { l.calls.RUnlock() }

// End waits for the calls under way and lets no more begin; then, the first time, it closes what they work with.
func (l *Life) End(closeAll func() error) error {
	l.calls.Lock()
	defer l.calls.Unlock()
	if l.ended {
		return nil
	}
	l.ended = true
	return closeAll()
}
