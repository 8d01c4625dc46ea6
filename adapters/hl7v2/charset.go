package hl7v2

import (
	"strings"
	"unicode/utf8"
)

// charset is a character encoding of MSH-18 (table 0211) that the package can read.
type charset uint8

const (
	charsetAbsent charset = iota // ASCII by the standard, UTF-8 when the bytes are
	charsetASCII
	charsetLatin1
	charsetUTF8
)

// charsetNamed finds the encoding for the first repetition of MSH-18; spelling varies between versions and vendors in case, blanks, - _ and /.
func charsetNamed(name string) (charset, bool) {
	folded := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '_', '/':
			return -1
		}
		return r
	}, strings.ToUpper(name))
	switch folded {
	case "":
		return charsetAbsent, true
	case "ASCII", "USASCII", "ISO646", "ISOIR6":
		return charsetASCII, true
	case "88591", "ISO88591", "ISOIR100", "LATIN1":
		return charsetLatin1, true
	case "UTF8", "UNICODEUTF8":
		return charsetUTF8, true
	}
	return 0, false
}

// invalidAt returns the offset of the first byte that the encoding does not have, or -1.
func (c charset) invalidAt(data []byte) int {
	switch c {
	case charsetASCII:
		for i, b := range data {
			if b >= utf8.RuneSelf {
				return i
			}
		}
	case charsetAbsent, charsetUTF8:
		for i := 0; i < len(data); {
			if data[i] < utf8.RuneSelf {
				i++
				continue
			}
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size == 1 {
				return i
			}
			i += size
		}
	}
	return -1
}

// decode turns bytes of the encoding into UTF-8; the caller has checked them with invalidAt.
func (c charset) decode(data []byte) string {
	if c != charsetLatin1 {
		return string(data)
	}
	out := make([]byte, 0, len(data)+len(data)/8)
	for _, b := range data {
		out = utf8.AppendRune(out, rune(b))
	}
	return string(out)
}

// append writes UTF-8 text in the encoding; a character that it does not have becomes a question mark.
func (c charset) append(dst []byte, text string) []byte {
	if c == charsetUTF8 || c == charsetAbsent {
		return append(dst, text...)
	}
	limit := rune(utf8.RuneSelf)
	if c == charsetLatin1 {
		limit = 0x100
	}
	for _, r := range text {
		if r >= limit {
			r = '?'
		}
		dst = append(dst, byte(r))
	}
	return dst
}
