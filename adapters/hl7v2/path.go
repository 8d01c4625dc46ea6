package hl7v2

import (
	"fmt"
	"strconv"
	"strings"
)

// Path points at a value as people write it: OBX-3.4 is component 4 of field 3 of the first OBX. In full OBX[2]-5[1].3.1: the second OBX, the first
// repetition of field 5, component 3, subcomponent 1. All numbers count from 1, and what is left out is 1.
type Path struct {
	Segment                                           string
	Occurrence, Field, Repetition, Component, Subpart int
}

// ParsePath reads a path.
func ParsePath(text string) (Path, error) {
	bad := func(what string) (Path, error) {
		return Path{}, fmt.Errorf("hl7v2: path %q: %s; write it like OBX-3.4 or OBX[2]-5[1].3.1", text, what)
	}
	head, tail, found := strings.Cut(text, "-")
	if !found {
		return bad("no field number")
	}
	p := Path{Component: 1, Subpart: 1}
	var ok bool
	if p.Segment, p.Occurrence, ok = indexed(head); !ok {
		return bad("wrong index")
	}
	if len(p.Segment) != 3 || !segmentName(p.Segment) {
		return bad("wrong segment name")
	}
	numbers := strings.Split(tail, ".")
	if len(numbers) > 3 {
		return bad("too many parts")
	}
	var field string
	if field, p.Repetition, ok = indexed(numbers[0]); !ok {
		return bad("wrong index")
	}
	for i, slot := range []*int{&p.Field, &p.Component, &p.Subpart}[:len(numbers)] {
		number := numbers[i]
		if i == 0 {
			number = field
		}
		if *slot, ok = ordinal(number); !ok {
			return bad("numbers count from 1")
		}
	}
	return p, nil
}

// indexed splits name[n]; without brackets the index is 1.
func indexed(text string) (string, int, bool) {
	name, index, found := strings.Cut(text, "[")
	if !found {
		return name, 1, true
	}
	index, closed := strings.CutSuffix(index, "]")
	n, ok := ordinal(index)
	return name, n, ok && closed
}

func ordinal(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err == nil && n > 0
}

// At returns the decoded value that the path points at: "" when it was not sent, Null for the HL7 null.
func (m *Message) At(p Path) string {
	left := p.Occurrence
	for _, s := range m.Segments {
		if s.Name != p.Segment {
			continue
		}
		if left--; left == 0 {
			return s.Field(p.Field).Rep(p.Repetition).Comp(p.Component).Sub(p.Subpart)
		}
	}
	return ""
}

// Get is At for a path in text form.
func (m *Message) Get(path string) (string, error) {
	p, err := ParsePath(path)
	if err != nil {
		return "", err
	}
	return m.At(p), nil
}
