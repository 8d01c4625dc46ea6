package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/firth-health/firth/store"
)

// Codes of the server.
const (
	codeIllegalOperation = 20
	codeNamespaceExists  = 48
	codeMaxTimeExpired   = 50
	codeHistoryLost      = 286
	codeNotImplemented   = 238
	codeCommandNotFound  = 59
	codeObjectTooLarge   = 10334
	codeNotPrimary       = 10107
	codeSteppedDown      = 189
	codeShutdown         = 91

	codeInterruptedByShutdown = 11600
	codeInterruptedByElection = 11602
	codeNotPrimaryNoSecondary = 13435
	codeNotPrimaryOrSecondary = 13436

	labelTransient        = "TransientTransactionError"
	labelUnknownCommit    = "UnknownTransactionCommitResult"
	labelNoWritesDone     = "NoWritesPerformed"
	labelOverloaded       = "SystemOverloadedError"
	labelRetryableRefused = "RetryableWriteError"
)

// translate puts an error of the driver into the vocabulary of the store. A caller's ended context comes first; a call that found no server in time, or that
// ran into the store's own time limit while reading, is store.ErrBusy: nothing was done and it may be tried again.
func translate(ctx context.Context, err error) error {
	var selection topology.ServerSelectionError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &selection), isCleared(err) && hasLabel(err, labelTransient):
		return &busyError{text: "no MongoDB server can be reached", cause: err}
	case hasCode(err, codeObjectTooLarge):
		return errTooLarge
	}
	return fmt.Errorf("mongo store: %w", err)
}

// reading is [translate] for calls that change nothing.
func reading(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil && !hasCode(err, codeMaxTimeExpired) && (isLost(err) || hasLabel(err, labelTransient)) {
		return &busyError{text: "MongoDB did not answer", cause: err}
	}
	return translate(ctx, err)
}

// busyError is store.ErrBusy with what the driver said, which is for logs and for retries, not for clients.
type busyError struct {
	text  string
	cause error
}

func (e *busyError) Error() string { return e.text + ": " + store.ErrBusy.Error() }

// Unwrap gives the sentinel and the cause to errors.Is.
func (e *busyError) Unwrap() []error { return []error{store.ErrBusy, e.cause} }

// unknownError is store.ErrUnknown with what the driver said. It is nothing else: of a busyError behind it, that nothing was done does not hold.
type unknownError struct{ cause error }

func (e *unknownError) Error() string {
	return "mongo store: the answer was lost: " + store.ErrUnknown.Error() + ": " + e.cause.Error()
}

// Unwrap gives the sentinel to errors.Is.
func (e *unknownError) Unwrap() error { return store.ErrUnknown }

// writing is [translate] for a command that may have been done although it failed.
func writing(ctx context.Context, err error) error {
	if uncertain(err) && ctx.Err() == nil {
		return &unknownError{err}
	}
	return translate(ctx, err)
}

// errOverdue says that the store's own limit of time ended.
var errOverdue = errors.New("mongo store: the time limit of a write ended before it was sent")

// unfinished is store.ErrBusy for a write that was not sent within the store's own limit of time, which is not its caller's. Of one that was sent [writing] tells.
func unfinished(caller context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && caller.Err() == nil {
		return &busyError{text: "MongoDB did not answer in time", cause: errOverdue}
	}
	return err
}

func hasLabel(err error, label string) bool {
	var labeled mongo.LabeledError
	return errors.As(err, &labeled) && labeled.HasErrorLabel(label)
}

func hasCode(err error, code int) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorCode(code)
}

// uncertain reports whether a write may have been done although it failed: the answer was lost, or the wait for the majority.
func uncertain(err error) bool {
	var selection topology.ServerSelectionError
	if err == nil || errors.As(err, &selection) {
		return false
	}
	var concern *mongo.WriteConcernError
	var failed mongo.WriteException
	var bulk mongo.BulkWriteException
	return mongo.IsNetworkError(err) || mongo.IsTimeout(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &concern) || errors.As(err, &failed) && failed.WriteConcernError != nil ||
		errors.As(err, &bulk) && bulk.WriteConcernError != nil || hasLabel(err, labelRetryableRefused) || isCleared(err) && !hasLabel(err, labelTransient)
}

// isCleared reports whether the driver took away the connection that a command waited for, because another had lost the server. With [labelTransient] the command was never sent; without,
// the driver has tried again in vain, and does not say what the first try met.
func isCleared(err error) bool {
	var cleared driver.RetryablePoolError
	return errors.As(err, &cleared)
}

// isCut reports whether a connection was lost, or taken away, without any waiting.
func isCut(err error) bool {
	var selection topology.ServerSelectionError
	return !errors.As(err, &selection) && !mongo.IsTimeout(err) && (mongo.IsNetworkError(err) || isCleared(err))
}

// isLost reports whether the server was lost, none was found, or the one there is just stops being the primary.
func isLost(err error) bool {
	var selection topology.ServerSelectionError
	codes := []int{codeNotPrimary, codeSteppedDown, codeShutdown, codeInterruptedByShutdown, codeInterruptedByElection, codeNotPrimaryNoSecondary, codeNotPrimaryOrSecondary}
	return errors.As(err, &selection) || isCleared(err) || mongo.IsNetworkError(err) || mongo.IsTimeout(err) || slices.ContainsFunc(codes, func(code int) bool { return hasCode(err, code) })
}

// isTimeLimit reports whether a command ran into a limit of time.
func isTimeLimit(err error) bool { return hasCode(err, codeMaxTimeExpired) || mongo.IsTimeout(err) }
