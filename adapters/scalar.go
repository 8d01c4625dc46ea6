package adapters

import (
	"fmt"
	"strconv"

	"github.com/firth-health/firth/adapters/expr"
)

// scalar is a compiled [Scalar].
type scalar struct {
	literal expr.Value
	text    string // of a literal
	expr    *expr.Expr
	source  string
	line    int
}

func (s *scalar) eval(scope *expr.Scope) (expr.Value, error) {
	if s == nil {
		return expr.Value{}, nil
	}
	if s.expr == nil {
		return s.literal, nil
	}
	v, err := s.expr.Eval(scope)
	if err != nil {
		return expr.Value{}, s.fail("map", "%v", err)
	}
	return v, nil
}

// string is the text of the value, empty when absent.
func (s *scalar) string(scope *expr.Scope) (string, error) {
	if s == nil {
		return "", nil
	}
	if s.expr == nil {
		return s.text, nil
	}
	v, err := s.eval(scope)
	if err != nil || v.IsAbsent() {
		return "", err
	}
	text, ok := v.Text()
	if !ok {
		return "", s.fail("map", "the value is not text")
	}
	return text, nil
}

// holds evaluates a condition; null is false.
func (s *scalar) holds(scope *expr.Scope) (bool, error) {
	v, err := s.eval(scope)
	if err != nil || v.IsAbsent() {
		return false, err
	}
	holds, ok := v.Bool()
	if !ok {
		return false, s.fail("map", "the condition is neither true nor false")
	}
	return holds, nil
}

// failure is why an item could not be mapped.
type failure struct {
	stage      string // map, time, unit, identity, key
	reason     string
	expression string
}

func (f *failure) Error() string { return f.stage + ": " + f.reason }

func (s *scalar) fail(stage, format string, args ...any) error {
	f := &failure{stage: stage, reason: fmt.Sprintf(format, args...)}
	if s != nil && s.expr != nil {
		f.expression = s.source + " (line " + strconv.Itoa(s.line) + ")"
	}
	return f
}
