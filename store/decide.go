package store

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/firth-health/firth/fhir"
)

// What follows from an operation and from what is there, for all back ends alike. They look it up, each in the isolation it has.

// Repeated returns the index of the first operation on a resource that an earlier one is about, -1 when there is none. That operation is [ErrConflict].
func Repeated(ops []Op) int {
	if len(ops) < 2 {
		return -1
	}
	seen := make(map[fhir.Key]struct{}, len(ops))
	for i := range ops {
		seen[ops[i].Key] = struct{}{}
		if len(seen) == i {
			return i
		}
	}
	return -1
}

// TwiceError is what the operation fails with that [Repeated] finds.
func TwiceError(op *Op) error {
	return fmt.Errorf("%s comes twice in one transaction: %w", op.Key, ErrConflict)
}

// Permit checks the preconditions of an operation against the newest version of its resource, counted from 1, with 0 for one that never was; live is false for a deletion.
func Permit(op *Op, version uint64, live bool) error {
	switch {
	case op.IfMatch != "" && !live:
		return fmt.Errorf("%s does not exist: %w", op.Key, ErrPrecondition)
	case op.IfMatch != "" && op.IfMatch != strconv.FormatUint(version, 10):
		return fmt.Errorf("%s is at version %d: %w", op.Key, version, ErrPrecondition)
	case op.IfNoneMatch && live:
		return fmt.Errorf("%s exists: %w", op.Key, ErrPrecondition)
	case op.Method == Create && version != 0:
		return fmt.Errorf("%s is taken: %w", op.Key, ErrConflict)
	case op.ExpectVersion != "" && op.ExpectVersion != strconv.FormatUint(version+1, 10):
		return fmt.Errorf("%s is at version %d by now: %w", op.Key, version, ErrConflict)
	}
	return nil
}

// Idle reports whether an operation changes nothing: a deletion of what is not there. Its result names the key and no version.
func Idle(op *Op, live bool) bool { return op.Method == Delete && !live }

// Decide says what the matches of IfNoneExist mean, of which two are as good as more: it returns the one that is the operation's result, nil when there is to be another. id tells
// the logical id of a match.
func Decide[M any](op *Op, matches []*M, id func(*M) string) (existing *M, err error) {
	switch n := len(matches); {
	case n > 1:
		return nil, fmt.Errorf("the condition for %s has several matches: %w", op.Key.Type, ErrMultiple)
	case n == 1 && op.ExpectNone:
		return nil, fmt.Errorf("the condition for %s has a match by now: %w", op.Key.Type, ErrConflict)
	case op.Expect != "" && (n == 0 || id(matches[0]) != op.Expect):
		return nil, fmt.Errorf("the condition for %s has another outcome by now: %w", op.Key.Type, ErrConflict)
	case n == 0:
		return nil, nil
	}
	return matches[0], nil
}

// Refused names the operation of a call of Apply that was refused; errors that refuse none, such as those of a connection, and nil stay as they are.
func Refused(i int, err error) error {
	for _, sentinel := range []error{ErrConflict, ErrPrecondition, ErrMultiple, ErrTooCostly} {
		if errors.Is(err, sentinel) {
			return &OpError{Index: i, Err: err}
		}
	}
	return err
}

// NotFound says that there is no such resource or version.
func NotFound(key fhir.Key) error { return fmt.Errorf("%s: %w", key, ErrNotFound) }

// Gone says that the resource, or the version that was asked, is a deletion.
func Gone(key fhir.Key) error { return fmt.Errorf("%s: %w", key, ErrGone) }

// NoRecord says that there is no such record of [State].
func NoRecord(kind, id string) error { return fmt.Errorf("record %s/%s: %w", kind, id, ErrNotFound) }
