package hl7v2

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Null is the HL7 null, as Text and Sub return it: the sender asks to delete the value. A value that was not sent reads as "".
const Null = `""`

// Delimiters are the separators of a message, from MSH-1 and MSH-2. Zero stands for one that MSH-2 leaves out.
type Delimiters struct {
	Field, Component, Repetition, Escape, Subcomponent, Truncation byte
}

// StandardDelimiters are the ones the standard recommends: |^~\&
func StandardDelimiters() Delimiters {
	return Delimiters{Field: '|', Component: '^', Repetition: '~', Escape: '\\', Subcomponent: '&'}
}

// delimitersOf reads MSH-1 and MSH-2; the text begins with "MSH".
func delimitersOf(msh []byte) (Delimiters, error) {
	if len(msh) < 4 {
		return Delimiters{}, errors.New("the header ends before MSH-1, the field separator")
	}
	d := Delimiters{Field: msh[3]}
	end := 4
	for end < len(msh) && msh[end] != d.Field && msh[end] != '\r' && msh[end] != '\n' {
		end++
	}
	characters := msh[4:end]
	if len(characters) < 2 || len(characters) > 5 {
		return d, fmt.Errorf("MSH-2 has %d encoding characters, not 2 to 5", len(characters))
	}
	for i, slot := range []*byte{&d.Component, &d.Repetition, &d.Escape, &d.Subcomponent, &d.Truncation} {
		if i < len(characters) {
			*slot = characters[i]
		}
	}
	for i, c := range msh[3:end] {
		if !usableDelimiter(c) {
			return d, fmt.Errorf("byte 0x%02X in MSH-1 or MSH-2 cannot be a delimiter", c)
		}
		if strings.IndexByte(string(msh[3:3+i]), c) >= 0 {
			return d, fmt.Errorf("%q is given for two delimiters", c)
		}
	}
	return d, nil
}

// usableDelimiter accepts ASCII punctuation, but for the two characters that mean something inside values: " (HL7 null) and . (formatting escapes).
func usableDelimiter(c byte) bool {
	alphanumeric := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
	return c > ' ' && c < 0x7F && !alphanumeric && c != '"' && c != '.'
}

// characters are MSH-2 as it was sent.
func (d Delimiters) characters() string {
	all := [...]byte{d.Component, d.Repetition, d.Escape, d.Subcomponent, d.Truncation}
	n := len(all)
	for n > 0 && all[n-1] == 0 {
		n--
	}
	return string(all[:n])
}

// coding is what it takes to turn the raw text of a value into what it says, and back.
type coding struct {
	Delimiters
	charset charset
}

// text decodes a leaf whose escape sequences Parse has already checked.
func (c coding) text(raw string) string {
	text, err := c.unescape(raw)
	if err != nil {
		return raw
	}
	return text
}

// unescape replaces the escape sequences of a leaf (2.7 of the standard).
func (c coding) unescape(raw string) (string, error) {
	if c.Escape == 0 || strings.IndexByte(raw, c.Escape) < 0 {
		return raw, nil
	}
	out := make([]byte, 0, len(raw))
	for {
		start := strings.IndexByte(raw, c.Escape)
		if start < 0 {
			out = append(out, raw...)
			break
		}
		out = append(out, raw[:start]...)
		body := raw[start+1:]
		end := strings.IndexByte(body, c.Escape)
		if end < 0 {
			return "", errors.New("escape sequence is not closed")
		}
		var err error
		if out, err = c.appendEscaped(out, body[:end]); err != nil {
			return "", err
		}
		raw = body[end+1:]
	}
	if !utf8.Valid(out) {
		return "", errors.New("the bytes of a hexadecimal escape sequence are not UTF-8")
	}
	return string(out), nil
}

// appendEscaped appends what the escape sequence with this body stands for.
func (c coding) appendEscaped(dst []byte, body string) ([]byte, error) {
	if body == "" {
		return nil, errors.New("escape sequence is empty")
	}
	switch body[0] {
	case 'X':
		return c.appendHex(dst, body[1:])
	case '.':
		return appendFormat(dst, body[1:])
	}
	if len(body) == 1 {
		for _, e := range c.escapes() {
			if e.letter == body[0] && e.char != 0 {
				return append(dst, e.char), nil
			}
		}
		if body == "H" || body == "N" { // highlighting on and off
			return dst, nil
		}
	}
	if strings.IndexByte("CMZ", body[0]) >= 0 {
		return nil, fmt.Errorf("escape sequence of kind %c is not supported", body[0])
	}
	return nil, errors.New("escape sequence is not known")
}

type escape struct{ letter, char byte }

// escapes pairs the letters of the delimiter escapes with the delimiters; one that the message does not define has char 0.
func (c coding) escapes() [6]escape {
	return [...]escape{{'F', c.Field}, {'S', c.Component}, {'T', c.Subcomponent}, {'R', c.Repetition}, {'E', c.Escape}, {'P', c.Truncation}}
}

func (c coding) appendHex(dst []byte, digits string) ([]byte, error) {
	data, err := hex.DecodeString(digits)
	if err != nil || len(data) == 0 {
		return nil, errors.New("hexadecimal escape sequence does not hold pairs of hexadecimal digits")
	}
	if c.charset == charsetASCII && c.charset.invalidAt(data) >= 0 {
		return nil, errors.New("hexadecimal escape sequence holds a byte that is not ASCII")
	}
	return append(dst, c.charset.decode(data)...), nil
}

// maxSkip bounds the blanks and lines that one formatting command may ask for, so that a small message cannot grow without limit.
const maxSkip = 20

// appendFormat carries out a formatting command of FT data (2.7.6): what moves the text becomes white space, what only styles it vanishes.
func appendFormat(dst []byte, command string) ([]byte, error) {
	if len(command) < 2 {
		return nil, errors.New("formatting escape sequence is not known")
	}
	name, argument := command[:2], strings.TrimLeft(command[2:], " +")
	switch name {
	case "fi", "nf", "in", "ti":
		return dst, nil
	case "br", "ce", "sp", "sk":
	default:
		return nil, errors.New("formatting escape sequence is not known")
	}
	count := 1
	if argument != "" {
		n, err := strconv.Atoi(argument)
		if err != nil || n < 0 || n > maxSkip {
			return nil, fmt.Errorf("formatting escape sequence needs a number from 0 to %d", maxSkip)
		}
		count = n
	}
	space := "\n"
	if name == "sk" {
		space = " "
	}
	return append(dst, strings.Repeat(space, count)...), nil
}

// appendEscape writes a decoded leaf as raw text. Without an escape character in MSH-2, what would need one becomes a blank.
func (c coding) appendEscape(dst []byte, text string) []byte {
	if text == Null { // text that happens to look like the HL7 null
		dst, text = c.appendSequence(dst, "X22"), text[1:]
	}
next:
	for i := range len(text) {
		b := text[i]
		switch b {
		case '\n':
			dst = c.appendSequence(dst, ".br")
			continue
		case '\r', startBlock, endBlock:
			dst = c.appendSequence(dst, fmt.Sprintf("X%02X", b))
			continue
		}
		for _, e := range c.escapes() {
			if b == e.char && e.char != 0 {
				dst = c.appendSequence(dst, string(e.letter))
				continue next
			}
		}
		dst = append(dst, b)
	}
	return dst
}

func (c coding) appendSequence(dst []byte, body string) []byte {
	if c.Escape == 0 {
		return append(dst, ' ')
	}
	dst = append(dst, c.Escape)
	dst = append(dst, body...)
	return append(dst, c.Escape)
}
