package graphql

import (
	"fmt"
	"strconv"

	"github.com/firth-health/firth/fhir"
)

// Problem is an entry of errors in a response (GraphQL June 2018, section 7.1.2).
type Problem struct {
	Message string
	At      Position // zero for none
	Path    []string // response keys, from data on
}

// Position is a place in the query, counted from 1; columns count bytes.
type Position struct{ Line, Column int }

// Error makes a Problem an error of [Parse].
func (p *Problem) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", p.At.Line, p.At.Column, p.Message)
}

func problem(at Position, format string, args ...any) *Problem {
	return &Problem{Message: fmt.Sprintf(format, args...), At: at}
}

func (p *Problem) append(dst []byte) []byte {
	dst = fhir.AppendQuoted(append(dst, `{"message":`...), p.Message)
	if p.At.Line > 0 {
		dst = strconv.AppendInt(append(dst, `,"locations":[{"line":`...), int64(p.At.Line), 10)
		dst = strconv.AppendInt(append(dst, `,"column":`...), int64(p.At.Column), 10)
		dst = append(dst, "}]"...)
	}
	for i, key := range p.Path {
		if i == 0 {
			dst = append(dst, `,"path":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = fhir.AppendQuoted(dst, key)
	}
	if len(p.Path) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// AppendProblems appends a response that has nothing but errors.
func AppendProblems(dst []byte, problems ...*Problem) []byte {
	return append(appendErrors(append(dst, '{'), problems), '}')
}

func appendErrors(dst []byte, problems []*Problem) []byte {
	dst = append(dst, `"errors":[`...)
	for i, p := range problems {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = p.append(dst)
	}
	return append(dst, ']')
}
