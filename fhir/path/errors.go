package path

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrBudget is what an evaluation fails with that needs more steps than [Env.Budget] allows.
var ErrBudget = errors.New("the expression needs more steps than its budget allows")

// Error says where an expression is wrong, or where its evaluation failed. It names no values, so that it may be logged.
type Error struct {
	Line, Col int // from 1; Col counts characters
	Msg       string
	Err       error // ErrBudget or what a hook of Env returned; nil otherwise
}

// Error names the position first, as editors do.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Col, e.Msg)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// errorAt makes an Error of a byte offset into the source.
func errorAt(source string, offset int, format string, args ...any) *Error {
	before := source[:min(offset, len(source))]
	lineStart := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Line: 1 + strings.Count(before, "\n"),
		Col:  1 + utf8.RuneCountInString(before[lineStart:]),
		Msg:  fmt.Sprintf(format, args...),
	}
}
