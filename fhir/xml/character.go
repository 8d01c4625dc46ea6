package xml

import (
	"bytes"
	"unicode/utf8"
)

// The classes of ASCII characters.
const (
	nameStart uint8 = 1 << iota // may begin a name
	nameRest                    // may stand in a name but not begin it
	markup                      // & < and white space other than a space: not itself in an attribute
	escaped                     // " and \: not itself in a JSON string
	control                     // not allowed in XML
)

// classes is a table for speed; it never changes. The colon is in no class of names, because it parts a qualified name.
var classes = func() (table [256]uint8) {
	for c := range 0x20 {
		table[c] = control
	}
	for c := 'a'; c <= 'z'; c++ {
		table[c], table[c-'a'+'A'] = nameStart, nameStart
	}
	for c := '0'; c <= '9'; c++ {
		table[c] = nameRest
	}
	table['_'], table['-'], table['.'] = nameStart, nameRest, nameRest
	table['\t'], table['\n'], table['\r'], table['&'], table['<'] = markup, markup, markup, markup, markup
	table['"'], table['\\'] = escaped, escaped
	return table
}()

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// nameRanges are the characters beyond ASCII that may begin a name, from and to in turn (XML 1.0, 2.3: NameStartChar).
var nameRanges = [...]rune{
	0xC0, 0xD6, 0xD8, 0xF6, 0xF8, 0x2FF, 0x370, 0x37D, 0x37F, 0x1FFF, 0x200C, 0x200D, 0x2070, 0x218F,
	0x2C00, 0x2FEF, 0x3001, 0xD7FF, 0xF900, 0xFDCF, 0xFDF0, 0xFFFD, 0x10000, 0xEFFFF,
}

// nameRune returns the length of the character beyond ASCII that data begins with, 0 when it may not stand in a name.
func nameRune(data []byte, start bool) int {
	r, n := utf8.DecodeRune(data)
	if !start && (r == 0xB7 || 0x300 <= r && r <= 0x36F || r == 0x203F || r == 0x2040) {
		return n
	}
	for i := 0; i < len(nameRanges); i += 2 {
		if nameRanges[i] <= r && r <= nameRanges[i+1] {
			return n
		}
	}
	return 0
}

// invalidCharacter returns the offset of the first character of valid UTF-8 that XML does not allow, -1 when there is none: the
// control characters but for tab and line ends, U+FFFE and U+FFFF.
func invalidCharacter(data []byte) int {
	var seen uint8
	for _, c := range data {
		seen |= classes[c]
	}
	if seen&control != 0 {
		for i, c := range data {
			if classes[c] == control {
				return i
			}
		}
	}
	if i := bytes.Index(data, []byte("\uffff")); i >= 0 {
		return i
	}
	return bytes.Index(data, []byte("\ufffe"))
}

func isCharacter(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	case r <= 0xD7FF:
		return true
	}
	return 0xE000 <= r && r <= 0xFFFD || 0x10000 <= r && r <= 0x10FFFF
}

// reference reads the reference that text begins with: a character reference or one of the five entities of XML. Its
// length is 0 when there is none.
func reference(text []byte) (r rune, length int) {
	const longest = 32 // of a reference, leading zeros included
	i := bytes.IndexByte(text[:min(len(text), longest)], ';')
	if i < 0 {
		return 0, 0
	}
	switch body := text[1:i]; string(body) {
	case "amp":
		r = '&'
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "quot":
		r = '"'
	case "apos":
		r = '\''
	default:
		if r = characterReference(body); !isCharacter(r) {
			return 0, 0
		}
	}
	return r, i + 1
}

// characterReference reads #65 or #x41; it returns -1 for anything else.
func characterReference(body []byte) rune {
	if len(body) < 2 || body[0] != '#' {
		return -1
	}
	digits, base := body[1:], rune(10)
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	if len(digits) == 0 {
		return -1
	}
	var r rune
	for _, c := range digits {
		digit := rune(99)
		switch {
		case '0' <= c && c <= '9':
			digit = rune(c - '0')
		case 'a' <= c && c <= 'f':
			digit = rune(c-'a') + 10
		case 'A' <= c && c <= 'F':
			digit = rune(c-'A') + 10
		}
		if digit >= base {
			return -1
		}
		if r = r*base + digit; r > utf8.MaxRune {
			return -1
		}
	}
	return r
}

// checkReferences refuses an ampersand in text at offset at that begins no known reference.
func checkReferences(text []byte, at int) error {
	for i := 0; ; {
		next := bytes.IndexByte(text[i:], '&')
		if next < 0 {
			return nil
		}
		i += next
		_, length := reference(text[i:])
		if length == 0 {
			return badReference(at + i)
		}
		i += length
	}
}

func badReference(at int) error {
	return failAt(at, "'&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;")
}

// appendAttributeText appends the value of an attribute at offset at: references replaced, each white space a space (XML 1.0, 3.3.3).
func appendAttributeText(dst, raw []byte, at int) ([]byte, error) {
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '<':
			return dst, failAt(at+i, "'<' is not allowed in the value of an attribute")
		case '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			dst = append(dst, ' ')
		case '\t', '\n':
			dst = append(dst, ' ')
		case '&':
			r, length := reference(raw[i:])
			if length == 0 {
				return dst, badReference(at + i)
			}
			dst = utf8.AppendRune(dst, r)
			i += length - 1
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil
}

// appendAttributeValue appends text as it stands between double quotes. It returns false at a character that XML cannot carry.
func appendAttributeValue(dst, text []byte) ([]byte, bool) {
	done := 0
	for i, c := range text {
		if c >= utf8.RuneSelf && c != 0xEF || c < utf8.RuneSelf && classes[c]&(markup|escaped|control) == 0 {
			continue
		}
		var replacement string
		switch c {
		case '&':
			replacement = "&amp;"
		case '<':
			replacement = "&lt;"
		case '"':
			replacement = "&quot;"
		case '\t':
			replacement = "&#x9;"
		case '\n':
			replacement = "&#xA;"
		case '\r':
			replacement = "&#xD;"
		case '\\':
			continue
		default:
			if c < 0x20 || bytes.HasPrefix(text[i:], []byte("\ufffe")) || bytes.HasPrefix(text[i:], []byte("\uffff")) {
				return dst, false
			}
			continue
		}
		dst = append(append(dst, text[done:i]...), replacement...)
		done = i + 1
	}
	return append(dst, text[done:]...), true
}

// appendQuoted appends text, which holds only characters of XML, as a JSON string.
func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	done := 0
	for i, c := range text {
		if classes[c]&(markup|escaped) == 0 || c == '&' || c == '<' {
			continue
		}
		dst = append(dst, text[done:i]...)
		switch c {
		case '\t':
			c = 't'
		case '\n':
			c = 'n'
		case '\r':
			c = 'r'
		}
		dst = append(dst, '\\', c)
		done = i + 1
	}
	return append(append(dst, text[done:]...), '"')
}
