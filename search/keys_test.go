package search

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKeyText(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "8867-4", "8867-4"},
		{"empty", "", ""},
		{"separator", "a\x01b\x00c", "a\uFFFDb\uFFFDc"},
		{"separator behind a rune", "é\x01", "é\uFFFD"},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
		{"longest", strings.Repeat("x", 512), strings.Repeat("x", 512)},
		{"too long", strings.Repeat("x", 513), strings.Repeat("x", 512)},
		{"cut at a rune", strings.Repeat("x", 511) + "é", strings.Repeat("x", 511)},
		{"cut at a long rune", strings.Repeat("x", 509) + "😀", strings.Repeat("x", 509)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := keyText(test.in); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAfter(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"code\x01t", "code\x01u"},
		{"code\x01", "code\x02"},
		{"a\x7f", "a\u0080"},
		{"a\uD7FF", "a\uE000"},
		{"a\U0010FFFF", "b"},
		{"a\U0010FFFF\U0010FFFF", "b"},
	} {
		got := after(test.in)
		if got != test.want || !utf8.ValidString(got) {
			t.Errorf("after(%q) = %q, want %q", test.in, got, test.want)
		}
		for _, more := range []string{"", "\x01", "a", "\u0080", "\U0010FFFF\U0010FFFF"} {
			if !(test.in+more < got) {
				t.Errorf("%q is not below %q", test.in+more, got)
			}
		}
	}
}
