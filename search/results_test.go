package search

import (
	"slices"
	"strings"
	"testing"
)

// TestEditDistance counts what was done to a name when it was typed.
func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		want       int
	}{
		{"nothing", "", "", 0},
		{"all of it", "", "abc", 3},
		{"equal", "abc", "abc", 0},
		{"one replaced", "abc", "abx", 1},
		{"the first replaced", "abc", "xbc", 1},
		{"one left out", "ac", "abc", 1},
		{"the first left out", "bc", "abc", 1},
		{"the last left out", "ab", "abc", 1},
		{"one doubled", "code", "codde", 1},
		{"neighbours changed places", "ab", "ba", 1},
		{"at the end", "gendre", "gender", 1},
		{"twice", "abcd", "badc", 2},
		{"not with the one beyond", "abc", "cba", 2},
		{"the second went forward, the first is another", "xb", "ba", 2},
		{"the first went back, the second is another", "ax", "ba", 2},
		{"replaced, replaced, added", "kitten", "sitting", 3},
		{"changed places and replaced", "paitenx", "patient", 2},
		{"nothing in common", "abc", "xyz", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			there, back := editDistance(c.a, c.b), editDistance(c.b, c.a)
			if there != c.want || back != c.want {
				t.Errorf("%q and %q: %d, and back %d, want %d", c.a, c.b, there, back, c.want)
			}
		})
	}
}

// TestDidYouMean finds the name that was meant: a third of the letters may be wrong, and three at most.
func TestDidYouMean(t *testing.T) {
	long := strings.Repeat("ab", 32)
	for _, c := range []struct{ name, written, names, want string }{
		{"nothing written", "", "a", ""},
		{"no names", "code", "", ""},
		{"too short for a mistake", "ab", "abc ac", ""},
		{"case and signs are none", "A-b", "abc a_B", "a_B"},
		{"points too", "valuequantity", "value.quantity", "value.quantity"},
		{"one of three", "abx", "abc", "abc"},
		{"two of five", "abxyz", "abcdz", ""},
		{"two of six", "abxyzz", "abcdzz", "abcdzz"},
		{"three of nine", "abcdefxyz", "abcdefghi", "abcdefghi"},
		{"four of twelve", "abcdefghwxyz", "abcdefghijkl", ""},
		{"the nearest", "statuss", "stat states status statutes", "status"},
		{"the first of equals", "cody", "code coda", "code"},
		{"behind 64 letters nothing counts", long + "xyzuvw", long, long},
		{"before them it does", long[:60] + "wxyz" + "abab", long, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if want != "" {
				want = "; did you mean " + want + "?"
			}
			if got := DidYouMean(c.written, slices.Values(strings.Fields(c.names))); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
