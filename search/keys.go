package search

import (
	"strings"
	"unicode/utf8"
)

// An index key is a string of this grammar; byte order of keys is order of values. This file owns it; stored data depends on it.
//
//	key       = index ␁ form value                  ␁ is U+0001; index is ASCII: the name of an index (see index.go)
//
//	token     = "t" code ␁ system                   system empty: none, or implied by the element's binding
//	          | "T" system                          one key a system, for "system|"; not for implied systems
//	          | "x" (" " word)*                     one key a CodeableConcept, Coding or Identifier: for :text, the distinct words of its text and displays
//	          | "o" value ␁ code ␁ system           one key a coding of Identifier.type: for :of-type
//	string    = "S" folded ␁ exact                  upper-case, so that a folded substring never matches the form letter
//	phonetic  = "p" sound                           one key a word
//	reference = "r" Type "/" id                     local: relative, or absolute on our own base; without version
//	          | "r" Type "/" id "/_history/" v      in addition, where the reference names a version
//	          | "r" url                             anything else: foreign base, canonical without its version, urn:
//	          | "r" url "|" version                 in addition, for a canonical with a version
//	          | "i" value ␁ system                  Reference.identifier
//	date      = "l" low ␁ high | "h" high ␁ low     a half-open interval [low, high); both keys
//	          | "l" time                            an instant: elements that are never anything else, and _lastUpdated
//	number    = "n" decimal                         a point
//	          | "l" cut ␁ cut | "h" cut ␁ cut       a Range; both keys
//	quantity  = "n" decimal unit ␁                  a point
//	          | "l" cut unit ␁ cut | "h" cut unit ␁ cut   Range, SampledData, or a Quantity with a comparator; both keys
//	          | "q" base " " decimal                besides, where the unit is UCUM: a point in base units
//	          | "y" base " " cut ␁ cut | "z" base " " cut ␁ cut   an interval in base units
//	base      = code of UCUM base units (see fhir/ucum); decimals behind it have 24 significant digits at most
//	unit      = ␁ "S" system ␁ "u" code ␁ "u" text
//	words     = "w" word                            _text and _content: one key a distinct word
//	position  = "g" cell ␁ latitude ␁ longitude     cell: 24 digits 0 to 3, see near.go; the numbers as sent
//	uri       = "u" uri | "u" uri "|" version       the second in addition, for a canonical with a version
//	composite = "k" head ␁ head rest ␁ tail         see composite.go
//	present   = "!"                                 the element is there, but none of the forms can hold what it says
//
//	time      = yyyymmddhhmmssuuuuuu in UTC; low ends are cut to microseconds, high ends are rounded up
//	            00000000000000000000 and 99999999999999999999 for open ends
//	word      = folded letters and digits (see words.go); of a concept as many as fit into [maxText] bytes
//	decimal   = "0" | ">" exponent "." digits | "-" exponent' "." digits' "~"
//	            the value is 0.digits × 10^(exponent-5000), digits without trailing zeros; ' is the nines' complement
//	cut       = decimal "!" (just below the value) | decimal "+" (just above it) | "!" (below all) | "~" (above all)
//
// Text in a key never holds U+0000 or U+0001 (they become U+FFFD) and is cut to [maxText] bytes, both when
// indexing and when querying. Codes, identifiers and URIs are case-sensitive: FHIR leaves it to the code system, and most are.

// KeyGrammar counts what changed in the keys that resources get: their grammar, the names of indexes, or which values have keys. A store whose keys were made with another number needs
// a reindex, which a server begins when it finds one; raising it is all that a change has to do. TestKeyGrammar fails where keys change without it.
//
//	1  the first one that was counted
//	2  quantities in UCUM units have keys in base units besides: forms q, y and z
const KeyGrammar = 2

// Keying is what decides which keys resources get from a registry, besides the custom parameters and its base URL, which operators change knowingly. The zero value is that of keys that
// are not all made alike.
type Keying struct {
	Grammar int  `json:"grammar"`
	Content bool `json:"content,omitempty"` // [Options].Content
}

// Keying tells what decides which keys the registry makes.
func (r *Registry) Keying() Keying { return Keying{Grammar: KeyGrammar, Content: r.content} }

// Separator parts the fields of an index key. It cannot occur in a FHIR string, and sorts before everything that can.
const Separator = "\x01"

// IDPrefix is the prefix of the [SortKey] for _sort=_id. Stores synthesise that key from the logical id; it is not among the keys of a resource.
const IDPrefix = "_id" + Separator + "t"

// maxText is the length in bytes that each text of a key is cut to.
const maxText = 512

// The forms of keys: the letter behind the first separator.
const (
	formToken      = 't'
	formSystem     = 'T'
	formText       = 'x'
	formOfType     = 'o'
	formString     = 'S'
	formPhonetic   = 'p'
	formReference  = 'r'
	formIdentifier = 'i'
	formLow        = 'l'
	formHigh       = 'h'
	formNumber     = 'n'
	formBase       = 'q' // quantities in base units
	formBaseLow    = 'y'
	formBaseHigh   = 'z'
	formURI        = 'u'
	formWord       = 'w'
	formPosition   = 'g'
	formComposite  = 'k'
	formPresent    = '!'
)

const separator = '\x01'

// appendText appends s as a field of a key: without separators, NULs and invalid UTF-8, at most maxText bytes.
func appendText(dst []byte, s []byte) []byte {
	if len(s) > maxText {
		s = s[:cutLength(s)]
	}
	if isText(s) {
		return append(dst, s...)
	}
	return appendCleaned(dst, s)
}

// isText reports whether s can stand in a key as it is.
func isText(s []byte) bool {
	for _, c := range s {
		if c < 2 {
			return false
		}
	}
	return len(s) <= maxText && utf8.Valid(s)
}

func appendCleaned(dst, s []byte) []byte {
	for _, r := range string(s) {
		if r < 2 {
			r = utf8.RuneError
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// cutLength is the length of the longest prefix of s of at most maxText bytes that ends at a rune.
func cutLength(s []byte) int {
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// keyText is appendText for queries.
func keyText(s string) string { return string(appendText(nil, []byte(s))) }

// after returns the smallest valid UTF-8 string above all strings with this prefix, which must not consist of U+10FFFF alone.
func after(prefix string) string {
	for prefix != "" {
		r, n := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-n]
		switch r {
		case utf8.MaxRune:
			continue
		case 0xD7FF:
			r = 0xE000
		default:
			r++
		}
		return prefix + string(r)
	}
	return ""
}

// withPrefix matches keys that start with prefix.
func withPrefix(prefix string) Keys { return Keys{Lo: prefix, Hi: after(prefix)} }

// exactly matches one key.
func exactly(key string) Keys { return Keys{Lo: key, Hi: key + "\x00"} }

// show makes separators visible.
func show(key string) string {
	return strings.NewReplacer("\x01", "␁", "\x02", "␂", "\x00", "␀").Replace(key)
}
