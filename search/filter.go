package search

import (
	"encoding/json"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// The language of _filter (R4 search_filter.html):
//
//	filter = term (("and" / "or") term)*
//	term   = "not" "(" filter ")" / "(" filter ")" / path SP operator SP value
//	path   = [has] name ["[" filter "]"] ["." path]  a name may carry a target type, as in subject:Patient
//	has    = "_has:" type ":" reference ":"
//	value  = JSON string / run of characters other than blanks, ")" and "]"
//
// "Logical expressions are evaluated left to right, with no precedence between and and or. If there is ambiguity, use parentheses" (R4 search_filter.html, notes about the
// syntax): a or b and c is (a or b) and c.
//
// A filter in brackets is about the resource that a reference leads to. Strings are compared folded, as everywhere in search, codes as they are.

// filterNode is a parsed filter: one of the three types below.
type filterNode interface{ filterNode() }

type filterLogic struct {
	and   bool
	parts [2]filterNode
}

type filterNot struct{ of filterNode }

// filterTest is path operator value.
type filterTest struct {
	path     []filterStep
	operator string
	at       int // of the operator
	value    segment
}

// filterStep is a name of a path.
type filterStep struct {
	name   string
	at     int
	filter filterNode // of what the reference leads to; nil for none
}

func (filterLogic) filterNode() {}
func (filterNot) filterNode()   {}
func (filterTest) filterNode()  {}

// maxFilterTests bounds the tests of one filter.
const maxFilterTests = 200

// filterReader parses a filter. Positions are offsets in text.
type filterReader struct {
	text  string
	at    int
	tests int
}

// readFilter parses a whole filter. Errors are *valueError.
func readFilter(text string) (filterNode, error) {
	r := &filterReader{text: text}
	node, err := r.filter(0)
	if err != nil {
		return nil, err
	}
	if r.at < len(text) {
		return nil, r.failf("and, or, or the end is expected")
	}
	return node, nil
}

func (r *filterReader) failf(format string, args ...any) error {
	return segment{at: r.at}.failf(format, args...)
}

func (r *filterReader) blanks() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

// skip takes a character if it comes next.
func (r *filterReader) skip(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *filterReader) filter(depth int) (filterNode, error) {
	left, err := r.term(depth)
	for err == nil {
		r.blanks()
		before := r.at
		word := r.word()
		if word != "and" && word != "or" {
			r.at = before
			return left, nil
		}
		var right filterNode
		right, err = r.term(depth)
		left = filterLogic{word == "and", [2]filterNode{left, right}}
	}
	return nil, err
}

// word reads letters.
func (r *filterReader) word() string {
	start := r.at
	for r.at < len(r.text) && 'a' <= r.text[r.at]|0x20 && r.text[r.at]|0x20 <= 'z' {
		r.at++
	}
	return r.text[start:r.at]
}

func (r *filterReader) term(depth int) (filterNode, error) {
	if depth > maxNesting {
		return nil, r.failf("more than %d parentheses inside of each other", maxNesting)
	}
	r.blanks()
	if r.skip('(') {
		return r.enclosed(depth, ')')
	}
	start := r.at
	if r.word() == "not" {
		r.blanks()
		if r.skip('(') {
			of, err := r.enclosed(depth, ')')
			return filterNot{of}, err
		}
	}
	r.at = start
	return r.test(depth)
}

// enclosed reads a filter and what closes it.
func (r *filterReader) enclosed(depth int, closing byte) (filterNode, error) {
	node, err := r.filter(depth + 1)
	if err != nil {
		return nil, err
	}
	if r.blanks(); !r.skip(closing) {
		return nil, r.failf("and, or, or %c is expected", closing)
	}
	return node, nil
}

func (r *filterReader) test(depth int) (filterNode, error) {
	if r.tests++; r.tests > maxFilterTests {
		return nil, &valueError{r.at, fhir.CodeTooCostly, "too many tests"}
	}
	var t filterTest
	for {
		step, err := r.step(depth)
		if err != nil {
			return nil, err
		}
		if t.path = append(t.path, step); !r.skip('.') {
			break
		}
	}
	if last := t.path[len(t.path)-1]; last.filter != nil {
		return nil, r.failf("a dot and a search parameter are expected behind the brackets")
	}
	r.blanks()
	t.at = r.at
	if t.operator = r.word(); t.operator == "" {
		return nil, r.failf("an operator is expected: one of %s", strings.Join(filterOperators, " "))
	}
	r.blanks()
	var err error
	t.value, err = r.value()
	return t, err
}

func (r *filterReader) step(depth int) (filterStep, error) {
	s := filterStep{at: r.at}
	for r.at < len(r.text) && isFilterName(r.text[r.at]) {
		r.at++
	}
	if s.name = r.text[s.at:r.at]; s.name == "" {
		return s, r.failf("a search parameter is expected")
	}
	if r.skip('[') {
		var err error
		if s.filter, err = r.enclosed(depth, ']'); err != nil {
			return s, err
		}
	}
	return s, nil
}

func isFilterName(c byte) bool { return isNameByte(c) || c == '-' || c == ':' }

func (r *filterReader) value() (segment, error) {
	start := r.at
	if !r.skip('"') {
		for r.at < len(r.text) && strings.IndexByte(" \t\r\n)]", r.text[r.at]) < 0 {
			r.at++
		}
		if r.at == start {
			return segment{}, r.failf("a value is expected")
		}
		return segment{r.text[start:r.at], start}, nil
	}
	for r.at < len(r.text) && r.text[r.at] != '"' {
		if r.text[r.at] == '\\' {
			r.at++
		}
		r.at++
	}
	r.at = min(r.at, len(r.text))
	if !r.skip('"') {
		return segment{}, segment{at: start}.failf("the string is not closed")
	}
	var text string
	if err := json.Unmarshal([]byte(r.text[start:r.at]), &text); err != nil {
		return segment{}, segment{at: start}.failf("not a JSON string")
	}
	return segment{text, start}, nil
}
