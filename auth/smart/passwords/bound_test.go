package passwords

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Few are hashed at once, some wait, the rest are told to come back.
func TestBound(t *testing.T) {
	h := NewHasher(Options{Parameters: Parameters{Time: 1, Memory: 64, Threads: 1}, AtOnce: 1, Waiting: 1})
	if err := h.enter(t.Context()); err != nil { // as one that is hashed
		t.Fatal(err)
	}
	waits := func(ctx context.Context) <-chan error {
		told := make(chan error, 1)
		go func() {
			_, err := h.Hash(ctx, "x")
			told <- err
		}()
		for begun := time.Now(); h.waiting.Load() == 0; time.Sleep(time.Millisecond) {
			if time.Since(begun) > time.Minute {
				t.Fatal("nobody waits")
			}
		}
		return told
	}
	impatient, leave := context.WithCancel(t.Context())
	left := waits(impatient)
	for range 3 {
		if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("one too many: %v", err)
		}
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait any more: %v", err)
	}
	served := waits(context.WithoutCancel(t.Context()))
	if ok, err := h.Verify(t.Context(), "x", ""); ok || !errors.Is(err, ErrBusy) {
		t.Errorf("one too many that is verified: %v %v", ok, err)
	}
	h.leave()
	if err := <-served; err != nil {
		t.Errorf("who waited: %v", err)
	}
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
