package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// Each client works at least once, however late a busy machine comes to it, and stops at its first failure.
func TestTimed(t *testing.T) {
	var calls atomic.Int64
	rate, err := Timed(t.Context(), 3, -time.Hour, func(int) (int, error) { return int(calls.Add(1)), nil })
	if err != nil || rate <= 0 || calls.Load() != 3 {
		t.Errorf("in no time: %v a second, %v, after %d calls", rate, err, calls.Load())
	}
	failure := errors.New("no more")
	calls.Store(0)
	rate, err = Timed(t.Context(), 1, time.Hour, func(int) (int, error) {
		if calls.Add(1) == 3 {
			return 7, failure
		}
		return 1, nil
	})
	if !errors.Is(err, failure) || rate <= 0 || calls.Load() != 3 {
		t.Errorf("a failure: %v a second, %v, after %d calls", rate, err, calls.Load())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if rate, err = Timed(gone, 1, time.Hour, func(int) (int, error) { return 1, nil }); rate != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("who is gone: %v a second, %v", rate, err)
	}
}
