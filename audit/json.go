package audit

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/firth-health/firth/fhir"
)

// writer of JSON whose members stand in the program: names need no escapes, and empty values are left out, as FHIR asks for.
type jsonWriter struct {
	dst  []byte
	more bool // something stands before the next member or item
}

func (w *jsonWriter) comma() {
	if w.more {
		w.dst = append(w.dst, ',')
	}
	w.more = true
}

func (w *jsonWriter) name(name string) {
	w.comma()
	w.dst = append(append(append(w.dst, '"'), name...), `":`...)
}

// text writes a string member, unless it is empty.
func (w *jsonWriter) text(name, value string) {
	if value != "" {
		w.name(name)
		w.dst = fhir.AppendQuoted(w.dst, printable(value))
	}
}

// printable puts something else for what a FHIR string cannot have, which others sent.
func printable(text string) string {
	isControl := func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == unicode.ReplacementChar
	}
	if utf8.ValidString(text) && strings.IndexFunc(text, isControl) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return '?'
		}
		return r
	}, text)
}

func (w *jsonWriter) boolean(name string, value bool) {
	w.name(name)
	w.dst = strconv.AppendBool(w.dst, value)
}

func (w *jsonWriter) instant(name string, t time.Time) {
	w.name(name)
	w.dst = append(t.UTC().AppendFormat(append(w.dst, '"'), fhir.InstantFormat), '"')
}

// base64 writes a base64Binary.
func (w *jsonWriter) base64(name, value string) {
	if value == "" {
		return
	}
	w.name(name)
	w.dst = append(base64.StdEncoding.AppendEncode(append(w.dst, '"'), []byte(value)), '"')
}

// open begins an object or array, as a member or with an empty name as an item.
func (w *jsonWriter) open(name string, bracket byte) {
	if name == "" {
		w.comma()
	} else {
		w.name(name)
	}
	w.dst = append(w.dst, bracket)
	w.more = false
}

func (w *jsonWriter) close(bracket byte) {
	w.dst = append(w.dst, bracket)
	w.more = true
}

func (w *jsonWriter) coding(name string, c coding) {
	w.open(name, '{')
	w.text("system", c.system)
	w.text("code", c.code)
	w.text("display", c.display)
	w.close('}')
}

// concept writes a CodeableConcept of one coding.
func (w *jsonWriter) concept(name string, c coding) {
	w.open(name, '{')
	w.open("coding", '[')
	w.coding("", c)
	w.close(']')
	w.close('}')
}
