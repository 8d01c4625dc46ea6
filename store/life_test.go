package store

import (
	"context"
	"errors"
	"io/fs"
	"testing"
)

func TestLife(t *testing.T) {
	var l Life
	left, leave := context.WithCancel(t.Context())
	leave()
	if err := l.Enter(left); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has left: %v", err)
	}
	if err := l.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	closed := make(chan int, 2)
	done := make(chan error)
	go func() { done <- l.End(func() error { closed <- 1; return fs.ErrInvalid }) }()
	select {
	case <-closed:
		t.Error("closed under a call")
	default:
	}
	l.Leave()
	if err := <-done; !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("End: %v", err)
	}
	if err := l.Enter(t.Context()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a call after the end: %v", err)
	}
	if err := l.End(func() error { closed <- 1; return nil }); err != nil || len(closed) != 1 {
		t.Errorf("the second end: %v, closed %d times", err, len(closed))
	}
}
