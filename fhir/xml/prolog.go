package xml

import (
	"bytes"
	"strings"
)

// prolog reads a byte order mark and the XML declaration, which are optional.
func (s *scanner) prolog() error {
	if bytes.HasPrefix(s.data, []byte("\ufeff")) {
		s.pos = 3
	}
	at := s.pos
	if !bytes.HasPrefix(s.data[at:], []byte("<?xml")) || len(s.data) == at+5 || !isSpace(s.data[at+5]) {
		return nil
	}
	s.pos += 5
	for s.space() && s.pos < len(s.data) && s.data[s.pos] != '?' {
		if err := s.attribute(); err != nil {
			return err
		}
	}
	if !bytes.HasPrefix(s.data[s.pos:], []byte("?>")) {
		return failAt(s.pos, "expected '?>' at the end of the XML declaration, found %s", s.here())
	}
	s.pos += 2
	return checkDeclaration(s.tag.attributes, at)
}

// checkDeclaration allows version, encoding and standalone, in this order (XML 1.0, 2.8).
func checkDeclaration(attributes []attribute, at int) error {
	rest := attributes
	is := func(name string) bool { return len(rest) > 0 && string(rest[0].raw) == name }
	if !is("version") || string(rest[0].value) != "1.0" {
		return failAt(at, "the XML declaration must begin with version 1.0")
	}
	rest = rest[1:]
	if is("encoding") {
		if !strings.EqualFold(string(rest[0].value), "UTF-8") {
			return failAt(rest[0].at, "the encoding must be UTF-8")
		}
		rest = rest[1:]
	}
	if is("standalone") {
		if value := string(rest[0].value); value != "yes" && value != "no" {
			return failAt(rest[0].at, "standalone must be yes or no")
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return failAt(rest[0].at, "%s is not allowed here in the XML declaration", quote(rest[0].raw))
	}
	return nil
}
