package fhir

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Decimal is an exact decimal number that remembers how many digits it was written with: 1.50 is not 1.5, though they compare equal
// (R4 datatypes.html#decimal). The zero Decimal is 0.
type Decimal struct {
	d apd.Decimal
}

// maxExponent bounds what arithmetic may have to expand; a wider number is data nobody measured.
const maxExponent = 400

var arithmetic = apd.Context{Precision: 60, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfUp}

// ParseDecimal reads JSON number text, and FHIRPath or query text in the same form. It fails on anything else, and on exponents beyond ±400 or more than 400 digits.
func ParseDecimal(text string) (Decimal, error) {
	if !isDecimalText(text) || len(text) > maxExponent {
		return Decimal{}, fmt.Errorf("%q is not a decimal number", shorten(text))
	}
	var d Decimal
	if _, _, err := d.d.SetString(text); err != nil || d.d.Form != apd.Finite || d.d.Exponent > maxExponent || d.d.Exponent < -maxExponent {
		return Decimal{}, fmt.Errorf("%q is not a decimal number", shorten(text))
	}
	return d, nil
}

func shorten(text string) string {
	if len(text) > 40 {
		return text[:40] + "..."
	}
	return text
}

// isDecimalText checks -?digits[.digits][e[+-]digits]; leading zeros are fine, NaN and Infinity are not.
func isDecimalText(s string) bool {
	s = strings.TrimPrefix(s, "-")
	mantissa, exponent, hasExponent := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent, hasExponent = s[:i], s[i+1:], true
	}
	whole, fraction, hasFraction := strings.Cut(mantissa, ".")
	if !allDigits(whole) || hasFraction && !allDigits(fraction) {
		return false
	}
	if !hasExponent {
		return true
	}
	if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
		exponent = exponent[1:]
	}
	return allDigits(exponent) && len(exponent) <= 5
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// NewDecimal is coefficient × 10^exponent: NewDecimal(74126, -3) is 74.126.
func NewDecimal(coefficient int64, exponent int32) Decimal {
	var d Decimal
	d.d.SetFinite(coefficient, exponent)
	return d
}

// Digits returns the parts: sign, the digits of the coefficient without leading zeros ("0" for zero), and the exponent.
func (d Decimal) Digits() (negative bool, digits string, exponent int) {
	return d.d.Negative, d.d.Coeff.String(), int(d.d.Exponent)
}

// Scale is the number of digits behind the point; negative for 1e2.
func (d Decimal) Scale() int { return -int(d.d.Exponent) }

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int { return d.d.Sign() }

// Cmp compares values: -1, 0, 1. Precision does not matter: 1.5 equals 1.50.
func (d Decimal) Cmp(e Decimal) int { return d.d.Cmp(&e.d) }

// Add is exact.
func (d Decimal) Add(e Decimal) Decimal {
	var r Decimal
	exact(apd.BaseContext.Add(&r.d, &d.d, &e.d))
	return r
}

// Sub is exact.
func (d Decimal) Sub(e Decimal) Decimal {
	var r Decimal
	exact(apd.BaseContext.Sub(&r.d, &d.d, &e.d))
	return r
}

// Mul is exact.
func (d Decimal) Mul(e Decimal) Decimal {
	var r Decimal
	exact(apd.BaseContext.Mul(&r.d, &d.d, &e.d))
	return r
}

// exact documents that arithmetic without a precision limit on bounded exponents has no error to report.
func exact(apd.Condition, error) {}

// Quo divides to 60 significant digits and then drops trailing zeros; ok is false for division by zero.
func (d Decimal) Quo(e Decimal) (r Decimal, ok bool) {
	if e.d.IsZero() {
		return Decimal{}, false
	}
	if _, err := arithmetic.Quo(&r.d, &d.d, &e.d); err != nil {
		return Decimal{}, false
	}
	r.d.Reduce(&r.d)
	if r.d.Exponent > 0 {
		return r.Round(0), true
	}
	return r, true
}

// Neg is -d.
func (d Decimal) Neg() Decimal {
	var r Decimal
	r.d.Neg(&d.d)
	return r
}

// Scale10 multiplies by 10^n by moving the point: 74126 scaled by -3 is 74.126, digit for digit.
func (d Decimal) Scale10(n int) Decimal {
	var r Decimal
	r.d.Set(&d.d)
	r.d.Exponent += int32(n)
	if r.d.Exponent > 0 {
		return r.Round(0)
	}
	return r
}

// Round gives exactly scale digits behind the point, half away from zero.
func (d Decimal) Round(scale int) Decimal {
	var r Decimal
	context := arithmetic
	context.Precision = 2*maxExponent + 60
	if _, err := context.Quantize(&r.d, &d.d, int32(-scale)); err != nil {
		return d
	}
	return r
}

// String is plain decimal notation with the digits it was written with: 1.50, 0.0000001, 100.
func (d Decimal) String() string { return d.d.Text('f') }
