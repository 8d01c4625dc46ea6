package records

import "context"

// SweepBefore deletes the records whose ids are bytewise less than bound. Kinds whose ids begin with the instant of their end (package secrets) are swept by reading no more than what has ended.
func (k Kind[T]) SweepBefore(ctx context.Context, bound string) (deleted int, err error) {
	err = k.Each(ctx, func(e Entry[T]) (bool, error) {
		if e.ID >= bound {
			return false, nil
		}
		done, err := k.DeleteRevision(ctx, e.ID, e.Revision)
		if done {
			deleted++
		}
		return true, err
	})
	return deleted, err
}

// Sweep deletes the records of which ended says so. It reads them all.
func (k Kind[T]) Sweep(ctx context.Context, ended func(id string, value T) bool) (deleted int, err error) {
	err = k.Each(ctx, func(e Entry[T]) (bool, error) {
		if !ended(e.ID, e.Value) {
			return true, nil
		}
		done, err := k.DeleteRevision(ctx, e.ID, e.Revision)
		if done {
			deleted++
		}
		return true, err
	})
	return deleted, err
}
