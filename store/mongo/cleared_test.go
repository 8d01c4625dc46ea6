package mongo

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/firth-health/firth/store"
)

// cleared is as the driver's own error, which is not exported.
type cleared struct{}

func (cleared) Error() string   { return "connection pool was cleared because another operation failed" }
func (cleared) Retryable() bool { return true }

// TestCleared: who waited for a connection when another lost the server is told to come again; of a write nobody knows whether it was sent before, unless the driver says so.
func TestCleared(t *testing.T) {
	waited, refused := error(cleared{}), error(mongo.CommandError{Labels: []string{labelTransient}, Wrapped: cleared{}})
	for _, test := range []struct {
		name      string
		got, want error
	}{
		{"read, waited", reading(t.Context(), waited), store.ErrBusy},
		{"read, refused", reading(t.Context(), refused), store.ErrBusy},
		{"write, waited", writing(t.Context(), waited), store.ErrUnknown},
		{"write, refused", writing(t.Context(), refused), store.ErrBusy},
		{"transaction, waited", exhausted(waited), store.ErrBusy},
		{"transaction, refused", exhausted(refused), store.ErrBusy},
	} {
		if !errors.Is(test.got, test.want) || errors.Is(test.got, store.ErrUnknown) && errors.Is(test.got, store.ErrBusy) {
			t.Errorf("%s: %v", test.name, test.got)
		}
	}
}
