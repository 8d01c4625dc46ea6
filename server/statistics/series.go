package statistics

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
)

// ExtraDigits is how many digits behind the point a rounded result has beyond those of the values.
const ExtraDigits = 6

// Series is a set of measurements in one unit. The zero Series is empty. It is for one goroutine.
type Series struct {
	values integers // × 10^scale, in the order they were added
	times  []int64  // microseconds since 1970
	scale  int      // digits behind the point of the value with the most

	computed bool     // something below is of use
	sorted   integers // the values in order, once a place among them was asked
	powers   [5]*big.Int
}

// integers is a list of whole numbers: of 64 bits where all are well within them, which is nearly always.
type integers struct {
	small []int64
	large []*big.Int // in place of small, when it is not nil
}

// smallBits is what the numbers of integers.small have at most, so that differences stay within 64 bits.
const smallBits = 62

// rank is the i-th number.
func (n *integers) rank(i int64) *big.Int {
	if n.large == nil {
		return big.NewInt(n.small[i])
	}
	return n.large[i]
}

// widen makes the numbers large.
func (n *integers) widen() {
	if n.large != nil {
		return
	}
	n.large = make([]*big.Int, len(n.small), cap(n.small))
	for i, v := range n.small {
		n.large[i] = big.NewInt(v)
	}
	n.small = nil
}

// scaleUp multiplies all numbers by 10^n.
func (n *integers) scaleUp(digits int) {
	if n.large == nil {
		factor, ok := smallPower(digits)
		tooWide := func(v int64) bool {
			_, ok := product(v, factor)
			return !ok
		}
		if ok && !slices.ContainsFunc(n.small, tooWide) {
			for i := range n.small {
				n.small[i] *= factor
			}
			return
		}
		n.widen()
	}
	factor := power(digits)
	for i := range n.large {
		n.large[i] = new(big.Int).Mul(n.large[i], factor)
	}
}

// Add takes a measurement and when it was made, in whole microseconds; the time counts for the regression only.
func (s *Series) Add(value fhir.Decimal, at time.Time) {
	negative, digits, exponent := value.Digits()
	if coefficient, err := strconv.ParseInt(digits, 10, 64); err == nil {
		if negative {
			coefficient = -coefficient
		}
		s.AddSmall(coefficient, -exponent, at.UnixMicro())
		return
	}
	s.begin(value.Scale(), at.UnixMicro())
	s.values.widen()
	s.values.large = append(s.values.large, integer(value, s.scale))
}

// AddSmall takes a measurement of coefficient / 10^scale and when it was made, in microseconds since 1970.
func (s *Series) AddSmall(coefficient int64, scale int, micros int64) {
	s.begin(scale, micros)
	if s.values.large == nil {
		if factor, ok := smallPower(s.scale - scale); ok {
			if value, ok := product(coefficient, factor); ok {
				s.values.small = append(s.values.small, value)
				return
			}
		}
		s.values.widen()
	}
	s.values.large = append(s.values.large, integer(fhir.NewDecimal(coefficient, int32(-scale)), s.scale))
}

// begin prepares for a value of that scale.
func (s *Series) begin(scale int, micros int64) {
	s.times = append(s.times, micros)
	if scale > s.scale {
		s.values.scaleUp(scale - s.scale)
		s.scale = scale
	}
	if s.computed {
		s.computed, s.sorted, s.powers = false, integers{}, [5]*big.Int{}
	}
}

// Len is the number of measurements.
func (s *Series) Len() int { return len(s.times) }

// rank is the i-th of the sorted values.
func (s *Series) rank(i int64) *big.Int {
	if s.sorted.small == nil && s.sorted.large == nil {
		s.computed, s.sorted = true, s.values.sorted()
	}
	return s.sorted.rank(i)
}

// power is the sum of the k-th powers of the values, k up to 4.
func (s *Series) power(k int) *big.Int {
	if s.powers[k] == nil {
		s.computed, s.powers[k] = true, s.values.powerSum(k)
	}
	return s.powers[k]
}

// integer is v × 10^scale.
func integer(v fhir.Decimal, scale int) *big.Int {
	negative, digits, exponent := v.Digits()
	n := new(big.Int)
	if small, err := strconv.ParseInt(digits, 10, 64); err == nil {
		n.SetInt64(small)
	} else {
		n.SetString(digits, 10)
	}
	if scale+exponent > 0 {
		n.Mul(n, power(scale+exponent))
	}
	if negative {
		n.Neg(n)
	}
	return n
}

// power is 10^n.
func power(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// exact writes an integer that stands for n / 10^scale.
func (s *Series) exact(n *big.Int) string {
	return trimmed(new(big.Rat).SetFrac(n, power(s.scale)).FloatString(s.scale))
}

// rounded writes r / 10^(scale × degree): a result made of products of that many values.
func (s *Series) rounded(r *big.Rat, degree int) string {
	divisor := new(big.Rat).SetInt(power(s.scale * degree))
	return trimmed(new(big.Rat).Quo(r, divisor).FloatString(s.scale + ExtraDigits))
}

// trimmed drops zeros at the end of a fraction, and the sign of zero.
func trimmed(text string) string {
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

// root writes the square root of r / 10^(2 × scale × degree).
func (s *Series) root(r *big.Rat, degree int, negative bool) string {
	const guard = 12
	digits := s.scale*degree + s.scale + ExtraDigits + guard
	n := new(big.Int).Mul(r.Num(), power(2*digits))
	n.Sqrt(n.Quo(n, r.Denom()))
	result := new(big.Rat).SetFrac(n, power(digits))
	if negative {
		result.Neg(result)
	}
	return s.rounded(result, degree)
}
