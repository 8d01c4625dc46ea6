package mongo

import (
	"errors"
	"fmt"
	"testing"

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
