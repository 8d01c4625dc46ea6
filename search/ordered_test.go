package search

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
)

func TestOrderedDecimal(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"0", "0"},
		{"0.000", "0"},
		{"-0", "0"},
		{"0e7", "0"},
		{"1", ">5001.1"},
		{"1.50", ">5001.15"},
		{"1.5", ">5001.15"},
		{"15e-1", ">5001.15"},
		{"0.0015", ">4998.15"},
		{"74.126", ">5002.74126"},
		{"100", ">5003.1"},
		{"1e2", ">5003.1"},
		{"001", ">5001.1"},
		{"-1", "-4998.8~"},
		{"-1.5", "-4998.84~"},
		{"-100", "-4996.8~"},
		{"1E+400", ">5401.1"},
		{"1E-400", ">4601.1"},
		{strings.Repeat("1", 400), ">5400." + strings.Repeat("1", 400)},
	} {
		got, ok := appendNumber(nil, []byte(test.in))
		if string(got) != test.want || !ok {
			t.Errorf("%s: text gives %q, want %q", test.in, got, test.want)
		}
		d, err := fhir.ParseDecimal(test.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := decimalText(d); got != test.want {
			t.Errorf("%s: decimal gives %q, want %q", test.in, got, test.want)
		}
	}
	for _, bad := range []string{"", "-", ".5", "5.", "1e", "e1", "1e401", "1e-401", "1e99999", "1e999999", "NaN", "0x1", "1 ", "1.2.3", "1..2", strings.Repeat("1", 401)} {
		if _, ok := appendNumber(nil, []byte(bad)); ok {
			t.Errorf("%q has a text", bad)
		}
		if _, err := fhir.ParseDecimal(bad); err == nil {
			t.Errorf("%q is a decimal", bad)
		}
	}
}

// TestExponents appends decimals up to the edges of what has a text, and one step beyond.
func TestExponents(t *testing.T) {
	for _, c := range []struct {
		digits   string
		exponent int
		want     string
	}{
		{"1", 4000, ">9000.1"},
		{"1", 4001, ""},
		{"1", -4000, ">1000.1"},
		{"1", -4001, ""},
		{"01", 4001, ">9000.1"},
		{"01", -4000, ""},
		{"0", 4001, "0"},
	} {
		got, ok := appendDecimal(nil, false, []byte(c.digits), c.exponent)
		if string(got) != c.want || ok != (c.want != "") {
			t.Errorf("%s, %d: %q, %t, want %q", c.digits, c.exponent, got, ok, c.want)
		}
	}
}

// The order of texts, of cuts and of points is the order of numbers.
func TestOrderedDecimalProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		a, b := randomDecimal(random), randomDecimal(random)
		x, err := fhir.ParseDecimal(a)
		if err != nil {
			t.Fatal(err)
		}
		y, err := fhir.ParseDecimal(b)
		if err != nil {
			t.Fatal(err)
		}
		compareTexts(t, a, b, decimalText(x), decimalText(y), x.Cmp(y))
		for _, s := range []string{a, b} {
			d, _ := fhir.ParseDecimal(s)
			if got, ok := appendNumber(nil, []byte(s)); !ok || string(got) != decimalText(d) {
				t.Fatalf("%s: text gives %q, decimal %q", s, got, decimalText(d))
			}
		}
	}
}

func compareTexts(t *testing.T, a, b, x, y string, want int) {
	t.Helper()
	if got := strings.Compare(x, y); got != want {
		t.Fatalf("%s and %s: texts %q and %q compare %d, want %d", a, b, x, y, got, want)
	}
	for i, cutX := range []string{below(x).text, justAbove(x).text} {
		for j, cutY := range []string{below(y).text, justAbove(y).text} {
			expected := want
			if expected == 0 {
				expected = i - j
			}
			if got := strings.Compare(cutX, cutY); got != expected {
				t.Fatalf("cuts %q and %q compare %d, want %d", cutX, cutY, got, expected)
			}
			// In keys, more fields follow.
			if got := strings.Compare(cutX+Separator, cutY+Separator); got != expected {
				t.Fatalf("fields %q and %q compare %d, want %d", cutX, cutY, got, expected)
			}
		}
		if !(lowest < cutX && cutX < highest && cutX < tailMax) {
			t.Fatalf("%q is not between the open ends", cutX)
		}
	}
	key := x + Separator + "rest"
	if got, want := key >= justAbove(y).point, want > 0; got != want {
		t.Fatalf("%q above %q: %v, want %v", key, y, got, want)
	}
	if got, want := key >= below(y).point, want >= 0; got != want {
		t.Fatalf("%q at or above %q: %v, want %v", key, y, got, want)
	}
}

func randomDecimal(random *rand.Rand) string {
	var b strings.Builder
	if random.IntN(2) == 0 {
		b.WriteByte('-')
	}
	fmt.Fprint(&b, random.IntN([]int{2, 10, 1000, 1 << 40}[random.IntN(4)]))
	if random.IntN(2) == 0 {
		b.WriteByte('.')
		for range 1 + random.IntN(4) {
			b.WriteByte("0159"[random.IntN(4)])
		}
	}
	if random.IntN(4) == 0 {
		fmt.Fprintf(&b, "e%d", random.IntN(9)-4)
	}
	return b.String()
}
