package ucum

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/firth-health/firth/fhir"
)

// ErrIncommensurable is of units that measure different things.
var ErrIncommensurable = errors.New("units of different dimensions")

// Unit is a parsed code. It is immutable.
type Unit struct {
	code string
	base string // code of the base units

	offset  fhir.Decimal // added to a value first
	shifted bool
	num     fhir.Decimal // then multiplied by
	den     fhir.Decimal // and divided by
	whole   bool         // den is 1
}

// Unit parses a case-sensitive code; the empty one is the unity. Errors are *SyntaxError.
func (t *Table) Unit(code string) (*Unit, error) {
	t.mu.RLock()
	u := t.units[code]
	t.mu.RUnlock()
	if u != nil {
		return u, nil
	}
	m, err := t.parse(code)
	if err != nil {
		return nil, err
	}
	if u, err = newUnit(code, m); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.units) < keptCodes {
		t.units[code] = u
	}
	return u, nil
}

func newUnit(code string, m measure) (u *Unit, err error) {
	u = &Unit{code: code, base: m.powers.code()}
	num, den := finite(m.factor)
	if u.num, err = fhir.ParseDecimal(num); err != nil {
		return nil, fmt.Errorf("ucum: %s: %w", code, err)
	}
	if u.den, err = fhir.ParseDecimal(den); err != nil {
		return nil, fmt.Errorf("ucum: %s: %w", code, err)
	}
	u.whole = den == "1"
	if m.offset != nil {
		text, _ := finite(m.offset)
		if u.offset, err = fhir.ParseDecimal(text); err != nil {
			return nil, fmt.Errorf("ucum: %s: %w", code, err)
		}
		u.shifted = true
	}
	return u, nil
}

// finite writes a fraction as a decimal over an integer that has neither 2 nor 5 as a factor: 1/60 is 0.05/3. What is a decimal has 1 below.
func finite(r *big.Rat) (num, den string) {
	below := new(big.Int).Set(r.Denom())
	digits, rest := 0, new(big.Int)
	for _, prime := range []int64{2, 5} {
		p, n := big.NewInt(prime), 0
		for rest.Mod(below, p).Sign() == 0 {
			below.Quo(below, p)
			n++
		}
		digits = max(digits, n)
	}
	above := new(big.Rat).Mul(r, new(big.Rat).SetInt(below))
	return above.FloatString(digits), below.String()
}

// Code is the code as it was parsed.
func (u *Unit) Code() string { return u.code }

// Base is the code of what the unit measures in base units: "m-1.s-2.g" for mm[Hg], "1" for a number. Units with the same base convert.
func (u *Unit) Base() string { return u.base }

// Canonical gives a value in base units, exactly, or where the quotient never ends to 60 digits.
func (u *Unit) Canonical(value fhir.Decimal) fhir.Decimal {
	if u.shifted {
		value = value.Add(u.offset)
	}
	value = value.Mul(u.num)
	if !u.whole {
		value, _ = value.Quo(u.den) // den is above zero
	}
	return value
}

// Convert gives a value of unit from in unit to. ErrIncommensurable, *SyntaxError.
func (t *Table) Convert(value fhir.Decimal, from, to string) (fhir.Decimal, error) {
	a, err := t.Unit(from)
	if err != nil {
		return fhir.Decimal{}, err
	}
	b, err := t.Unit(to)
	if err != nil {
		return fhir.Decimal{}, err
	}
	if a.base != b.base {
		return fhir.Decimal{}, fmt.Errorf("%q is %s, %q is %s: %w", from, a.base, to, b.base, ErrIncommensurable)
	}
	if a.code == b.code {
		return value, nil
	}
	if a.shifted {
		value = value.Add(a.offset)
	}
	value, _ = value.Mul(a.num).Mul(b.den).Quo(a.den.Mul(b.num)) // no factor is zero
	if b.shifted {
		value = value.Sub(b.offset)
	}
	return value, nil
}

// Canonical expresses a value in base units for FHIRPath (path.Units); ok is false for what is not UCUM.
func (t *Table) Canonical(value fhir.Decimal, unit string) (canonical fhir.Decimal, base string, ok bool) {
	u, err := t.Unit(unit)
	if err != nil {
		return fhir.Decimal{}, "", false
	}
	return u.Canonical(value), u.base, true
}
