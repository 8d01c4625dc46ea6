package hl7v2

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	headerName = "MSH"

	// DefaultMaxBytes and DefaultMaxSegments are the limits of Parse. A minute of twelve-lead ECG at 500 Hz fits.
	DefaultMaxBytes    = 4 << 20
	DefaultMaxSegments = 20_000

	maxFields = 512 // in one segment; the standard's longest has under 100
)

// Limits bound what Parse accepts; zero stands for the default.
type Limits struct {
	MaxBytes    int
	MaxSegments int
}

// Parse decodes one message under the default limits. An error is an *Error with the position.
func Parse(data []byte) (*Message, error) { return Limits{}.Parse(data) }

// Parse decodes one message. It keeps no reference to data. An error is an *Error with the position.
func (l Limits) Parse(data []byte) (*Message, error) {
	if limit := orDefault(l.MaxBytes, DefaultMaxBytes); len(data) > limit {
		return nil, &Error{Reason: fmt.Sprintf("message has %d bytes, the limit is %d", len(data), limit)}
	}
	c, err := readHeader(data)
	if err != nil {
		return nil, err
	}
	if at := c.charset.invalidAt(data); at >= 0 {
		return nil, c.invalidByte(data, at)
	}
	m := &Message{coding: c}
	limit := orDefault(l.MaxSegments, DefaultMaxSegments)
	for line := range lines(c.charset.decode(data)) {
		if len(m.Segments) == limit {
			return nil, &Error{Reason: fmt.Sprintf("message has more than %d segments", limit)}
		}
		s, err := c.segment(line, len(m.Segments)+1)
		if err != nil {
			return nil, err
		}
		m.Segments = append(m.Segments, s)
	}
	if err := m.checkHeader(); err != nil {
		return nil, err
	}
	if m.root, err = grouped(m.Segments); err != nil {
		return nil, err
	}
	return m, nil
}

// Header returns a message of the MSH segment alone, as far as it can be read, for the acknowledgement of a message that Parse refused; nil when
// there is no usable MSH.
func Header(data []byte) *Message {
	c, err := readHeader(data)
	if err != nil {
		d, derr := headerDelimiters(data)
		if derr != nil {
			return nil
		}
		c = coding{Delimiters: d}
	}
	line := firstLine(data)
	text := strings.ToValidUTF8(string(line), "?")
	if c.charset == charsetLatin1 {
		text = c.charset.decode(line)
	}
	if strings.Count(text, string(c.Field)) > maxFields {
		return nil
	}
	header := Segment{Name: headerName, fields: headerFields(text, c.Field), coding: c}
	return &Message{Segments: []Segment{header}, coding: c, root: &group{single: []int{0}}}
}

func orDefault(n, fallback int) int {
	if n <= 0 {
		return fallback
	}
	return n
}

// readHeader finds out how the message is written: delimiters and character encoding.
func readHeader(data []byte) (coding, error) {
	d, err := headerDelimiters(data)
	if err != nil {
		return coding{}, err
	}
	c := coding{Delimiters: d}
	header := string(firstLine(data)) // cut at the separators, piece n is MSH-n for n > 1
	declared := part(part(part(header, d.Field, 18), d.Repetition, 1), d.Component, 1)
	named, ok := charsetNamed(declared)
	if !ok {
		return c, &Error{Segment: 1, Name: headerName, Field: 18, Reason: fmt.Sprintf("character set %.40q is not supported; use ASCII, 8859/1 or UNICODE UTF-8", declared)}
	}
	c.charset = named
	return c, nil
}

func headerDelimiters(data []byte) (Delimiters, error) {
	if len(data) >= 3 {
		switch name := string(data[:3]); name {
		case headerName:
			d, err := delimitersOf(data)
			if err != nil {
				return d, &Error{Segment: 1, Name: headerName, Reason: err.Error()}
			}
			return d, nil
		case "FHS", "BHS":
			return Delimiters{}, &Error{Segment: 1, Name: name, Reason: "batches are not supported; send one message at a time"}
		}
	}
	return Delimiters{}, &Error{Reason: "message does not begin with MSH"}
}

func firstLine(data []byte) []byte {
	if i := bytes.IndexAny(data, "\r\n"); i >= 0 {
		return data[:i]
	}
	return data
}

// headerFields splits an MSH segment, in which the separator itself is field 1.
func headerFields(line string, separator byte) []string {
	fields := strings.Split(line[len(headerName):], string(separator))
	fields[0] = string(separator)
	return fields
}

// lines iterates over the lines that are not blank.
func lines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for text != "" {
			line := text
			if i := strings.IndexAny(text, "\r\n"); i >= 0 {
				line, text = text[:i], text[i+1:]
			} else {
				text = ""
			}
			if line != "" && !yield(line) {
				return
			}
		}
	}
}

// segment splits one line and checks every escape sequence in it.
func (c coding) segment(line string, number int) (Segment, error) {
	if !segmentName(line) || len(line) > 3 && line[3] != c.Field {
		return Segment{}, &Error{Segment: number, Reason: "line does not begin with a segment name and the field separator"}
	}
	s := Segment{Name: line[:3], coding: c}
	switch {
	case s.Name == headerName && number > 1:
		return s, &Error{Segment: number, Name: s.Name, Reason: "a second message begins; send one message at a time"}
	case strings.Count(line, string(c.Field)) > maxFields:
		return s, &Error{Segment: number, Name: s.Name, Reason: fmt.Sprintf("segment has more than %d fields", maxFields)}
	case s.Name == headerName:
		s.fields = headerFields(line, c.Field)
	case len(line) > 4:
		s.fields = strings.Split(line[4:], string(c.Field))
	}
	if c.Escape == 0 || strings.IndexByte(line, c.Escape) < 0 {
		return s, nil
	}
	return s, s.checkEscapes(number)
}

// segmentName tells whether a line begins with a letter and two letters or digits, all upper case.
func segmentName(line string) bool {
	if len(line) < 3 {
		return false
	}
	for i := range 3 {
		letter := line[i] >= 'A' && line[i] <= 'Z'
		digit := line[i] >= '0' && line[i] <= '9'
		if !letter && (i == 0 || !digit) {
			return false
		}
	}
	return true
}

// checkEscapes decodes every leaf that has an escape character, so that reading a value cannot fail later.
func (s Segment) checkEscapes(number int) error {
	for n := 1; n <= s.Len(); n++ {
		f := s.Field(n)
		if strings.IndexByte(f.raw, s.coding.Escape) < 0 {
			continue
		}
		for i, rep := range f.Reps() {
			for j, comp := range rep.Comps() {
				for k, raw := range parts(comp.raw, comp.coding.Subcomponent) {
					if _, err := comp.coding.unescape(raw); err != nil {
						return &Error{Segment: number, Name: s.Name, Field: n, Repetition: i, Component: j, Subcomponent: k, Reason: err.Error()}
					}
				}
			}
		}
	}
	return nil
}

// checkHeader asks for what the standard requires of MSH and what an acknowledgement cannot do without.
func (m *Message) checkHeader() error {
	if code, _, _ := m.Type(); code == "" {
		return &Error{Segment: 1, Name: headerName, Field: 9, Reason: "message type is missing"}
	}
	if m.ControlID() == "" {
		return &Error{Segment: 1, Name: headerName, Field: 10, Reason: "message control id is missing"}
	}
	return nil
}

// invalidByte says in which segment and field the byte at an offset is that the character encoding does not have.
func (c coding) invalidByte(data []byte, at int) *Error {
	e := &Error{}
	start := 0
	for i := 0; i <= at; i++ {
		newLine := i == 0 || data[i-1] == '\r' || data[i-1] == '\n'
		if newLine && data[i] != '\r' && data[i] != '\n' {
			start = i
			e.Segment++
		}
	}
	line := data[start:at]
	if segmentName(string(line)) {
		e.Name = string(line[:3])
		e.Field = bytes.Count(line, []byte{c.Field})
		if e.Name == headerName {
			e.Field++
		}
	}
	switch c.charset {
	case charsetUTF8:
		e.Reason = fmt.Sprintf("byte 0x%02X is not UTF-8, which MSH-18 names", data[at])
	case charsetASCII:
		e.Reason = fmt.Sprintf("byte 0x%02X is not ASCII, which MSH-18 names", data[at])
	default:
		e.Reason = fmt.Sprintf("byte 0x%02X is neither ASCII nor UTF-8, and MSH-18 names no character set", data[at])
	}
	return e
}
