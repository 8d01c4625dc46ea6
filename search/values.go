package search

import (
	"fmt"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// segment is a part of a parameter's value, still with its escapes, and where it begins in the value.
type segment struct {
	raw string
	at  int // byte offset
}

// split cuts at every separator that no backslash precedes (R4 search.html#escaping).
func (s segment) split(separator byte) []segment {
	var parts []segment
	start := 0
	for i := 0; i < len(s.raw); i++ {
		switch s.raw[i] {
		case '\\':
			i++
		case separator:
			parts = append(parts, segment{s.raw[start:i], s.at + start})
			start = i + 1
		}
	}
	return append(parts, segment{s.raw[start:], s.at + start})
}

// text resolves the escapes \, \| \$ and \\; any other backslash stands for itself.
func (s segment) text() string {
	if !strings.Contains(s.raw, `\`) {
		return s.raw
	}
	var b strings.Builder
	for i := 0; i < len(s.raw); i++ {
		if s.raw[i] == '\\' && i+1 < len(s.raw) && strings.IndexByte(`,|$\`, s.raw[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s.raw[i])
	}
	return b.String()
}

// valueError says what is wrong with a value, and where. It never quotes the value: that may be a patient's name.
type valueError struct {
	at   int
	code fhir.IssueType
	msg  string
}

func (e *valueError) Error() string {
	return fmt.Sprintf("at position %d of the value: %s", e.at+1, e.msg)
}

func (s segment) failf(format string, args ...any) error {
	return &valueError{s.at, fhir.CodeValue, fmt.Sprintf(format, args...)}
}
