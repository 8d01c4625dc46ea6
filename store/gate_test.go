package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestGate(t *testing.T) {
	g := NewGate(4, time.Millisecond)
	if !g.Empty() {
		t.Error("a new gate is not empty")
	}
	weight, err := g.Enter(t.Context(), 9)
	if weight != 4 || err != nil || g.Empty() || g.UnderWay() != 4 {
		t.Fatalf("what is heavier than the limit: %d, %v; %d under way", weight, err, g.UnderWay())
	}
	if _, err := g.Enter(t.Context(), 1); !errors.Is(err, ErrBusy) {
		t.Errorf("beyond the limit: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Enter(gone, 1); !errors.Is(err, context.Canceled) || errors.Is(err, ErrBusy) {
		t.Errorf("who is gone: %v", err)
	}
	g.patience = time.Hour
	entered := make(chan error)
	go func() {
		weight, err := g.Enter(context.WithoutCancel(t.Context()), 2)
		g.Leave(weight)
		entered <- err
	}()
	for g.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	g.Leave(weight)
	if err := <-entered; err != nil || !g.Empty() {
		t.Errorf("who waited: %v", err)
	}
	if g.Waited() != 3 || g.Refused() != 1 || g.UnderWay() != 0 {
		t.Errorf("%d waited, %d refused, %d under way", g.Waited(), g.Refused(), g.UnderWay())
	}
}
