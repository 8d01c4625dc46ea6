package store

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
)

// Life keeps what a store works with open as long as calls need it. The zero value is alive.
type Life struct {
	calls sync.RWMutex // held for reading by every call, for writing by End
	ended bool
}

// Enter begins a call, which ends with Leave. Of a context that has ended it returns the error, and after End one that wraps [fs.ErrClosed]; then nothing has begun.
func (l *Life) Enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
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
