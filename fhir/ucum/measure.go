package ucum

import (
	"errors"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// powers are the exponents of base units, arbitrary ones included; none is zero.
type powers map[string]int

// measure is what a unit is worth: value × factor, in base units, after offset was added to the value.
type measure struct {
	factor *big.Rat
	offset *big.Rat // nil for none
	powers powers
}

func unity() measure { return measure{factor: big.NewRat(1, 1), powers: powers{}} }

func (m measure) clone() measure {
	return measure{factor: new(big.Rat).Set(m.factor), offset: m.offset, powers: maps.Clone(m.powers)}
}

var (
	errScale = errors.New("a temperature scale stands alone, without product or exponent; K measures differences")
	errLarge = errors.New("factor or exponent are too large")
)

// prefix multiplies by a power of ten: 1 mCel is 0.001 Cel.
func (m *measure) prefix(by *big.Rat) {
	m.factor.Mul(m.factor, by)
	if m.offset != nil {
		m.offset = new(big.Rat).Quo(m.offset, by)
	}
}

// times multiplies with sign 1, divides with -1. Unity may stand beside a temperature: Cel/{annotation} is none.
func (m measure) times(by measure, sign int) (measure, error) {
	if m.offset != nil || by.offset != nil {
		return m, errScale
	}
	out := measure{factor: new(big.Rat), powers: maps.Clone(m.powers)}
	if sign > 0 {
		out.factor.Mul(m.factor, by.factor)
	} else {
		out.factor.Quo(m.factor, by.factor)
	}
	for base, n := range by.powers {
		out.powers.add(base, sign*n)
	}
	return out, out.bounded()
}

func (m measure) power(n int) (measure, error) {
	if m.offset != nil {
		return m, errScale
	}
	out := measure{factor: big.NewRat(1, 1), powers: powers{}}
	for range max(n, -n) {
		out.factor.Mul(out.factor, m.factor)
		if err := out.bounded(); err != nil {
			return m, err
		}
	}
	if n < 0 {
		out.factor.Inv(out.factor)
	}
	for base, p := range m.powers {
		out.powers.add(base, n*p)
	}
	return out, out.bounded()
}

func (m measure) bounded() error {
	if m.factor.Num().BitLen() > maxBits || m.factor.Denom().BitLen() > maxBits {
		return errLarge
	}
	for _, n := range m.powers {
		if n > maxExponent || n < -maxExponent {
			return errLarge
		}
	}
	return nil
}

func (p powers) add(base string, n int) {
	if p[base] += n; p[base] == 0 {
		delete(p, base)
	}
}

// code writes the powers as a UCUM code, base units in the order of UCUM and arbitrary ones behind them; "1" for a number.
func (p powers) code() string {
	if len(p) == 0 {
		return "1"
	}
	names := slices.SortedFunc(maps.Keys(p), func(a, b string) int {
		if x, y := rank(a), rank(b); x != y {
			return x - y
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(name)
		if n := p[name]; n != 1 {
			b.WriteString(strconv.Itoa(n))
		}
	}
	return b.String()
}

// rank orders the base units.
func rank(base string) int {
	order := [...]string{"m", "s", "g", "rad", "K", "C", "cd"}
	if i := slices.Index(order[:], base); i >= 0 {
		return i
	}
	return len(order)
}
