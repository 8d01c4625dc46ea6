package search

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"Müller", "muller"},
		{"MÜLLER", "muller"},
		{"Mu\u0308ller", "muller"},
		{"  van \t der\u00a0Berg\n", "van der berg"},
		{"Straße", "strasse"},
		{"ΟΔΥΣΣΕΥΣ", "οδυσσευσ"},
		{"Οδυσσεύς", "οδυσσευσ"},
		{"İstanbul", "istanbul"},
		{"ﬁn ½", "fin 1⁄2"},
		{"Ⅳ", "iv"},
		{"山田", "山田"},
		{"ﾔﾏﾀﾞ", "ヤマタ"},
		{"a\x01b", "a\uFFFDb"},
		{"  A  b ", "a b"},
		{"Zz{[@`", "zz{[@`"},
		{"a\x80", "a\uFFFD"}, // not UTF-8
		{"", ""},
		{" \t", ""},
		{"\u0301", ""},
	} {
		if got := fold(test.in); got != test.want {
			t.Errorf("fold(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

// Every rune between two letters: folding twice is folding once, and no upper-case ASCII is left, which the form letter of strings relies on.
func TestFoldIsIdempotent(t *testing.T) {
	for r := rune(0); r <= 0x1FFFF; r++ { // beyond lie ideographs, tags and private use
		if !utf8.ValidRune(r) {
			continue
		}
		once := fold("a" + string(r) + "b")
		if twice := fold(once); twice != once {
			t.Errorf("%U: folds to %q, then to %q", r, once, twice)
		}
		if strings.ContainsAny(once, "ABCDEFGHIJKLMNOPQRSTUVWXYZ\x00\x01") {
			t.Errorf("%U: folds to %q", r, once)
		}
	}
}

// A folded substring of the exact text is a substring of the folded text, so that :contains cannot match the exact part of a key alone.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"Müller", "ab  cd", "İ", "ﬁ", "각", "\u1100\u1161\u11a8", "a\u0301\u0323"} {
		f.Add(s, 1, 3)
	}
	f.Fuzz(func(t *testing.T, s string, from, to int) {
		folded := fold(s)
		if again := fold(folded); again != folded {
			t.Errorf("folds to %q, then to %q", folded, again)
		}
		if from < 0 || to > len(s) || from > to {
			return
		}
		part := keyText(s)
		if to > len(part) {
			return
		}
		part = part[from:to]
		if utf8.ValidString(part) && fold(part) == part && !strings.Contains(folded, part) {
			t.Errorf("%q holds %q, but folded it is %q", s, part, folded)
		}
	})
}
