package mongo

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/firth-health/firth/store"
)

// A transaction that finds no primary is told to come again, not that others were faster.
func TestExhausted(t *testing.T) {
	command := func(code int32, labels ...string) error {
		return mongo.CommandError{Code: code, Labels: append(labels, labelTransient)}
	}
	tests := []struct {
		name string
		err  error
		want error
	}{
		{"write conflict", command(112), store.ErrConflict},
		{"moved", errMoved, store.ErrConflict},
		{"duplicate key", command(11000), store.ErrConflict},
		{"no primary", mongo.CommandError{Labels: []string{labelTransient}, Wrapped: topology.ServerSelectionError{Wrapped: errors.New("timeout")}}, store.ErrBusy},
		{"no primary while reading", &busyError{cause: topology.ServerSelectionError{}}, store.ErrBusy},
		{"connection lost", command(0, "NetworkError"), store.ErrBusy},
		{"no primary any more", fmt.Errorf("in bulk: %w", command(codeNotPrimary)), store.ErrBusy},
		{"election", command(codeInterruptedByElection), store.ErrBusy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := exhausted(tt.err); !errors.Is(got, tt.want) {
				t.Errorf("exhausted = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestUnfinished: the limit of time that is the store's own is not the caller's business.
func TestUnfinished(t *testing.T) {
	ended, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	tests := []struct {
		name   string
		caller context.Context
		err    error
		want   error
	}{
		{"the store's limit", t.Context(), fmt.Errorf("find: %w", context.DeadlineExceeded), store.ErrBusy},
		{"the caller's", ended, context.DeadlineExceeded, context.DeadlineExceeded},
		{"sent, and not known", t.Context(), &unknownError{context.DeadlineExceeded}, store.ErrUnknown},
		{"refused", t.Context(), store.ErrConflict, store.ErrConflict},
		{"done", t.Context(), nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := unfinished(tt.caller, tt.err)
			if !errors.Is(got, tt.want) || errors.Is(got, context.DeadlineExceeded) != errors.Is(tt.want, context.DeadlineExceeded) {
				t.Errorf("unfinished = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestReading shows that a read that meets the end of a primary, also where the driver asked twice, may be tried again.
func TestReading(t *testing.T) {
	for _, code := range []int32{codeNotPrimary, codeSteppedDown, codeShutdown, codeInterruptedByShutdown, codeInterruptedByElection, codeNotPrimaryNoSecondary, codeNotPrimaryOrSecondary} {
		if err := reading(t.Context(), mongo.CommandError{Code: code}); !errors.Is(err, store.ErrBusy) {
			t.Errorf("code %d: %v", code, err)
		}
	}
	for _, code := range []int32{codeMaxTimeExpired, codeIllegalOperation} {
		if err := reading(t.Context(), mongo.CommandError{Code: code}); errors.Is(err, store.ErrBusy) {
			t.Errorf("code %d: %v", code, err)
		}
	}
}
