package fhir_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
)

func dec(t *testing.T, text string) fhir.Decimal {
	t.Helper()
	d, err := fhir.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecimalKeepsItsDigits(t *testing.T) {
	tests := []struct {
		in, text string
		scale    int
	}{
		{"1.50", "1.50", 2}, {"1.5", "1.5", 1}, {"-0.0", "-0.0", 1}, {"100", "100", 0}, {"1e2", "100", -2}, {"1.0e2", "100", -1}, {"1e-7", "0.0000001", 7},
		{"0", "0", 0}, {"0.000", "0.000", 3}, {"1234567890123456789012345678901234567890.5", "1234567890123456789012345678901234567890.5", 1}, {"007", "7", 0},
	}
	for _, test := range tests {
		d := dec(t, test.in)
		if d.String() != test.text || d.Scale() != test.scale {
			t.Errorf("%s: got %s with scale %d, want %s with %d", test.in, d, d.Scale(), test.text, test.scale)
		}
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	for _, in := range []string{"", "-", ".5", "5.", "1e", "NaN", "Infinity", "inf", "+1", "1,5", "0x10", " 1", "1 ", "1e401", "1e-401", "1e99999999", strings.Repeat("9", 401)} {
		if d, err := fhir.ParseDecimal(in); err == nil {
			t.Errorf("%q was read as %s", in, d)
		}
	}
}

func TestDecimalArithmeticIsExact(t *testing.T) {
	quo := func(a, b fhir.Decimal) fhir.Decimal {
		q, ok := a.Quo(b)
		if !ok {
			t.Fatalf("%s / %s", a, b)
		}
		return q
	}
	tests := []struct{ name, got, want string }{
		{"scale by moving the point", fhir.NewDecimal(74126, -3).String(), "74.126"},
		{"Scale10 down", dec(t, "74126").Scale10(-3).String(), "74.126"},
		{"Scale10 up", dec(t, "1.75").Scale10(2).String(), "175"},
		{"Scale10 past the point", dec(t, "2").Scale10(3).String(), "2000"},
		{"add keeps the finer scale", dec(t, "0.1").Add(dec(t, "0.20")).String(), "0.30"},
		{"sub", dec(t, "1").Sub(dec(t, "0.9")).String(), "0.1"},
		{"mul", dec(t, "6.3").Mul(dec(t, "4")).String(), "25.2"},
		{"mul wide", dec(t, "99999999999999999999.9").Mul(dec(t, "99999999999999999999.9")).String(), "9999999999999999999980000000000000000000.01"},
		{"quo", quo(dec(t, "1"), dec(t, "8")).String(), "0.125"},
		{"quo whole", quo(dec(t, "1000"), dec(t, "10")).String(), "100"},
		{"round half away", dec(t, "2.345").Round(2).String(), "2.35"},
		{"round negative", dec(t, "-2.345").Round(2).String(), "-2.35"},
		{"round adds digits", dec(t, "2").Round(2).String(), "2.00"},
		{"neg", dec(t, "1.50").Neg().String(), "-1.50"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, test.got, test.want)
		}
	}
	if _, ok := dec(t, "1").Quo(dec(t, "0.0")); ok {
		t.Error("division by zero must say so")
	}
	if dec(t, "1.5").Cmp(dec(t, "1.50")) != 0 || dec(t, "-1").Cmp(dec(t, "1")) != -1 {
		t.Error("Cmp compares values")
	}
}

func FuzzDecimal(f *testing.F) {
	f.Add("1.50", "-3e2")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err := fhir.ParseDecimal(a)
		if err != nil {
			return
		}
		y, err := fhir.ParseDecimal(b)
		if err != nil {
			return
		}
		rx, ok1 := new(big.Rat).SetString(a)
		ry, ok2 := new(big.Rat).SetString(b)
		if !ok1 || !ok2 {
			t.Fatalf("big.Rat refuses %q or %q", a, b)
		}
		check := func(op string, got fhir.Decimal, want *big.Rat) {
			if r, ok := new(big.Rat).SetString(got.String()); !ok || r.Cmp(want) != 0 {
				t.Fatalf("%s %s %s: got %s, want %s", a, op, b, got, want)
			}
		}
		check("+", x.Add(y), new(big.Rat).Add(rx, ry))
		check("-", x.Sub(y), new(big.Rat).Sub(rx, ry))
		check("*", x.Mul(y), new(big.Rat).Mul(rx, ry))
		if x.Cmp(y) != rx.Cmp(ry) {
			t.Fatalf("%s cmp %s: got %d", a, b, x.Cmp(y))
		}
	})
}

func TestParseDateTime(t *testing.T) {
	const layout = "2006-01-02T15:04:05.999999999Z07:00"
	tests := []struct{ in, low, high string }{
		{"2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"},
		{"2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"2024-02-29T10:20", "2024-02-29T10:20:00Z", "2024-02-29T10:21:00Z"},
		{"2024-02-29T10:20:30Z", "2024-02-29T10:20:30Z", "2024-02-29T10:20:31Z"},
		{"2024-02-29T10:20:30+02:00", "2024-02-29T10:20:30+02:00", "2024-02-29T10:20:31+02:00"},
		{"2024-02-29T10:20:30-08:30", "2024-02-29T10:20:30-08:30", "2024-02-29T10:20:31-08:30"},
		{"2024-02-29T10:20:30.5Z", "2024-02-29T10:20:30.5Z", "2024-02-29T10:20:30.6Z"},
		{"2024-02-29T10:20:30.125Z", "2024-02-29T10:20:30.125Z", "2024-02-29T10:20:30.126Z"},
		{"2024-12-31T23:59:59.999999999Z", "2024-12-31T23:59:59.999999999Z", "2025-01-01T00:00:00Z"},
	}
	for _, test := range tests {
		got, err := fhir.ParseDateTime(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if low, high := got.Low.Format(layout), got.High().Format(layout); low != test.low || high != test.high {
			t.Errorf("%s: got [%s, %s), want [%s, %s)", test.in, low, high, test.low, test.high)
		}
	}
	for _, in := range []string{"", "24", "2024-", "2024-13", "2024-00", "2023-02-29", "2024-02-30", "2024-2-1", "2024-02-29T", "2024-02-29T24:00:00Z", "2024-02-29T10", "2024-02-29T10:60Z",
		"2024-02-29T10:20:60Z", "2024-02-29T10:20:30.Z", "2024-02-29T10:20:30+15:00", "2024-02-29T10:20:30+0200", "2024-02-29 10:20:30Z", "2024-02T10:20Z", "0000", "2024-02-29Z", "abc", "2024-02-29T10:20:30ZZ"} {
		if got, err := fhir.ParseDateTime(in); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

func FuzzParseDateTime(f *testing.F) {
	f.Add("2024-02-29T10:20:30.125+02:00")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := fhir.ParseDateTime(in)
		if err != nil {
			return
		}
		if !got.Low.Before(got.High()) {
			t.Fatalf("%q: empty interval", in)
		}
		if got.Precision >= fhir.Second && got.HasZone {
			want, err := time.Parse(time.RFC3339Nano, in)
			if err != nil || want.Sub(got.Low).Abs() > time.Nanosecond {
				t.Fatalf("%q: got %v, time.Parse says %v, %v", in, got.Low, want, err)
			}
		}
	})
}
