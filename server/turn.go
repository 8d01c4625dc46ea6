package server

import "context"

// turn is a mutex for which nobody has to wait longer than he wants to.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take locks it, unless the context ends before. Who comes with a context that has ended gets nothing, even if it is free.
func (t turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Lock implements [sync.Locker].
func (t turn) Lock() { t <- struct{}{} }

// Unlock implements [sync.Locker].
func (t turn) Unlock() { <-t }

// TryLock locks it if it is free.
func (t turn) TryLock() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}
