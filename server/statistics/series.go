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
	values []fhir.Decimal
	times  []time.Time
	scale  int // digits behind the point of the value with the most

	sorted integers // values × 10^scale, once something was computed
	at     integers // the same in the order they were added
	powers [5]*big.Int
}

// integers is a list of whole numbers: of 64 bits where all are well within them, which is nearly always.
type integers struct {
	small []int64
	large []*big.Int
}

// rank is the i-th number.
func (n *integers) rank(i int64) *big.Int {
	if n.large == nil {
		return big.NewInt(n.small[i])
	}
	return n.large[i]
}

// Add takes a measurement and when it was made; the time counts for the regression only.
func (s *Series) Add(value fhir.Decimal, at time.Time) {
	s.values, s.times = append(s.values, value), append(s.times, at)
	s.scale = max(s.scale, value.Scale())
	s.sorted, s.powers = integers{}, [5]*big.Int{}
}

// Len is the number of measurements.
func (s *Series) Len() int { return len(s.values) }

// prepare brings all values to one scale.
func (s *Series) prepare() {
	if s.sorted.small != nil || s.sorted.large != nil {
		return
	}
	s.at = integers{small: make([]int64, 0, len(s.values))}
	for i, v := range s.values {
		n := integer(v, s.scale)
		if s.at.large == nil && !(n.IsInt64() && n.BitLen() < 62) {
			s.at.large = make([]*big.Int, 0, len(s.values))
			for _, before := range s.at.small[:i] {
				s.at.large = append(s.at.large, big.NewInt(before))
			}
		}
		if s.at.large != nil {
			s.at.large = append(s.at.large, n)
		} else {
			s.at.small = append(s.at.small, n.Int64())
		}
	}
	if s.sorted.large = slices.Clone(s.at.large); s.sorted.large != nil {
		slices.SortFunc(s.sorted.large, (*big.Int).Cmp)
		return
	}
	s.sorted.small = slices.Clone(s.at.small)
	slices.Sort(s.sorted.small)
}

// power is the sum of the k-th powers of the values, k up to 4.
func (s *Series) power(k int) *big.Int {
	if s.powers[k] == nil {
		sum, one, exponent := new(big.Int), new(big.Int), big.NewInt(int64(k))
		for i := range int64(len(s.values)) {
			sum.Add(sum, one.Exp(s.sorted.rank(i), exponent, nil))
		}
		s.powers[k] = sum
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
