package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold is how strings are compared (R4 search.html#string: case, accents and white space do not count): compatibility
// decomposition without marks, case folded, runs of white space as one blank, none at the ends. fold(fold(s)) is fold(s).
func fold(s string) string { return string(appendFolded(nil, []byte(s))) }

// Folded is a text as searches compare it: case, accents and the kind of white space do not count.
func Folded(s string) string { return fold(s) }

// appendFolded appends fold(s). Plain ASCII, nearly everything, takes no detour.
func appendFolded(dst, s []byte) []byte {
	start := len(dst)
	blank := false
	for _, c := range s {
		switch {
		case c >= utf8.RuneSelf:
			return appendFoldedUnicode(dst[:start], s)
		case c == ' ' || '\t' <= c && c <= '\r':
			blank = len(dst) > start
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c < 2:
			return appendFoldedUnicode(dst[:start], s)
		}
		if blank {
			dst = append(dst, ' ')
			blank = false
		}
		dst = append(dst, c)
	}
	return dst
}

func appendFoldedUnicode(dst, s []byte) []byte {
	clean := appendCleaned(nil, s)
	// Folding alone maps ς to σ and ß to ss, but lower-case Cherokee to upper case.
	folded := strings.ToLower(cases.Fold().String(withoutMarks(norm.NFKD.String(string(clean)))))
	// It may also bring back what decomposition had removed.
	folded = withoutMarks(norm.NFKD.String(folded))
	for i, word := range strings.Fields(folded) {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, word...)
	}
	return dst
}

func withoutMarks(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, s)
}
