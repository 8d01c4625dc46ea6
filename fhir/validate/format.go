package validate

import (
	"bytes"
	"unicode/utf8"
)

// The formats of R4 datatypes.html#primitive. Each function takes the whole decoded text of a value, which is not empty.

// longestString is how many characters a string may have (R4 datatypes.html#string).
const longestString = 1 << 20

func isString(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return len(b) > 0 && (len(b) <= longestString || utf8.RuneCount(b) <= longestString)
}

func isURI(b []byte) bool {
	for _, c := range b {
		if c <= ' ' {
			return false
		}
	}
	return len(b) <= longestString || utf8.RuneCount(b) <= longestString
}

func isCode(b []byte) bool {
	wordBefore := false
	for _, c := range b {
		if c < ' ' || c == ' ' && !wordBefore {
			return false
		}
		wordBefore = c != ' '
	}
	return wordBefore
}

func isID(b []byte) bool {
	for _, c := range b {
		if (c|0x20 < 'a' || c|0x20 > 'z') && !isDigit(c) && c != '-' && c != '.' {
			return false
		}
	}
	return 0 < len(b) && len(b) <= 64
}

// isOID reads urn:oid: and numbers without leading zeros between dots; the first is 0, 1 or 2 and not the only one.
func isOID(b []byte) bool {
	rest, found := bytes.CutPrefix(b, []byte("urn:oid:"))
	if !found || len(rest) < 3 || rest[0] < '0' || rest[0] > '2' {
		return false
	}
	for rest = rest[1:]; len(rest) > 0; {
		if rest[0] != '.' {
			return false
		}
		n := digits(rest[1:])
		if n == 0 || n > 1 && rest[1] == '0' {
			return false
		}
		rest = rest[1+n:]
	}
	return true
}

func isUUID(b []byte) bool {
	rest, found := bytes.CutPrefix(b, []byte("urn:uuid:"))
	if !found || len(rest) != 36 {
		return false
	}
	for i, c := range rest {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !isDigit(c) && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

// isBase64 reads groups of four characters. White space may stand between the groups, padding at the end.
func isBase64(b []byte) bool {
	group, padded := 0, false
	for _, c := range b {
		switch class := base64Classes[c]; {
		case class == inAlphabet && !padded:
			group++
		case c == '=' && group&3 >= 2:
			group++
			padded = true
		case class == whiteSpace && group&3 == 0:
		default:
			return false
		}
	}
	return group > 0 && group&3 == 0
}

const (
	inAlphabet uint8 = iota + 1
	whiteSpace
)

// base64Classes is a table for speed; it never changes.
var base64Classes = func() (table [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		table[c], table[c-'a'+'A'] = inAlphabet, inAlphabet
	}
	for c := '0'; c <= '9'; c++ {
		table[c] = inAlphabet
	}
	table['+'], table['/'] = inAlphabet, inAlphabet
	table[' '], table['\t'], table['\n'], table['\r'] = whiteSpace, whiteSpace, whiteSpace, whiteSpace
	return table
}()

// The integers come as JSON numbers, so that signs and leading zeros are right already.

func isInteger(b []byte) bool {
	if b[0] == '-' {
		return isMagnitude(b[1:], "2147483648")
	}
	return isMagnitude(b, "2147483647")
}

func isUnsignedInt(b []byte) bool { return isMagnitude(b, "2147483647") }

func isPositiveInt(b []byte) bool { return isMagnitude(b, "2147483647") && b[0] != '0' }

// isMagnitude reports whether b is digits that make a number of at most largest.
func isMagnitude(b []byte, largest string) bool {
	if len(b) == 0 || digits(b) != len(b) || len(b) > 1 && b[0] == '0' {
		return false
	}
	return len(b) < len(largest) || len(b) == len(largest) && string(b) <= largest
}

// digits returns how many digits b begins with.
func digits(b []byte) int {
	for i, c := range b {
		if !isDigit(c) {
			return i
		}
	}
	return len(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
