package terminology

import (
	"errors"
	"fmt"
)

// Reason says why something is not known.
type Reason uint8

const (
	// Unknown is a value set or code system that is nowhere, or not in the version asked for.
	Unknown Reason = iota
	// NotWhole is a value set with codes of a code system of which not all is known, or that takes more work than one request may cost.
	NotWhole
	// Unsupported is a filter or a hierarchy of a kind that is not computed.
	Unsupported
	// Malformed is a definition that says nothing or contradicts itself.
	Malformed
)

// Error says in plain words, for clients, why something is not known. Errors of other types are those of a [Source].
type Error struct {
	Reason Reason
	text   string
}

func (e *Error) Error() string { return e.text }

func failf(reason Reason, format string, args ...any) error {
	return &Error{reason, fmt.Sprintf(format, args...)}
}

// neverWhole makes an Error about a part of a value set one about the value set: it is there, but cannot be computed.
func neverWhole(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Reason == Unknown {
		return &Error{NotWhole, e.text}
	}
	return err
}
