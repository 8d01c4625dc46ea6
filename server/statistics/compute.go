package statistics

import (
	"math/big"
	"strconv"
	"time"
)

// Unit says how the unit of a statistic follows from that of the values.
type Unit uint8

// The units of statistics.
const (
	Same    Unit = iota // that of the values
	Number              // none
	Squared             // that of the values, squared
	PerHour             // that of the values, per hour
)

// Result is the value of a statistic.
type Result struct {
	Name  string // what part of a statistic of several values it is: gradient or intercept; empty for the others
	Value string // decimal number; empty when the statistic is not defined for so few or such values
	Unit  Unit
}

// Known reports whether there is a statistic with this code of http://terminology.hl7.org/CodeSystem/observation-statistics.
func Known(code string) bool {
	_, ok := percent[code]
	switch code {
	case "average", "maximum", "minimum", "count", "total-count", "std-dev", "sum", "variance", "4-dev", "skew", "kurtosis", "regression":
		return true
	}
	return ok
}

// percent are the statistics that are a place among the sorted values.
var percent = map[string]int64{
	"median": 50, "20-percent": 20, "80-percent": 80, "4-lower": 25, "4-upper": 75, "5-1": 20, "5-2": 40, "5-3": 60, "5-4": 80,
}

// Compute computes a statistic. Total is the number of measurements with those that had no valid value, origin where the time of the regression begins.
func (s *Series) Compute(code string, total int, origin time.Time) []Result {
	switch code {
	case "count":
		return []Result{{Value: strconv.Itoa(s.Len()), Unit: Number}}
	case "total-count":
		return []Result{{Value: strconv.Itoa(total), Unit: Number}}
	case "regression":
		return s.regression(origin)
	}
	result := Result{Unit: Same}
	switch code {
	case "variance":
		result.Unit = Squared
	case "skew", "kurtosis":
		result.Unit = Number
	}
	if s.Len() > 0 {
		result.Value = s.one(code)
	}
	return []Result{result}
}

// one computes a statistic of at least one value.
func (s *Series) one(code string) string {
	if p, ok := percent[code]; ok {
		return s.rounded(s.quantile(p), 1)
	}
	n := int64(s.Len())
	switch code {
	case "minimum":
		return s.exact(s.rank(0))
	case "maximum":
		return s.exact(s.rank(n - 1))
	case "sum":
		return s.exact(s.power(1))
	case "average":
		return s.rounded(new(big.Rat).SetFrac(s.power(1), big.NewInt(n)), 1)
	case "4-dev":
		distance := new(big.Rat).Sub(s.quantile(75), s.quantile(25))
		return s.rounded(distance.Quo(distance, big.NewRat(2, 1)), 1)
	case "variance":
		if n > 1 {
			return s.rounded(s.variance(), 2)
		}
	case "std-dev":
		if n > 1 {
			return s.root(s.variance(), 1, false)
		}
	case "skew":
		return s.skew()
	case "kurtosis":
		if m := s.moment(2); m.Sign() > 0 {
			return s.rounded(new(big.Rat).Quo(s.moment(4), m.Mul(m, m)), 0)
		}
	}
	return ""
}

// quantile interpolates at p percent between the closest ranks.
func (s *Series) quantile(p int64) *big.Rat {
	place := (int64(s.Len()) - 1) * p // in hundredths
	rank, rest := place/100, place%100
	low := new(big.Rat).SetInt(s.rank(rank))
	if rest == 0 {
		return low
	}
	step := new(big.Int).Sub(s.rank(rank+1), s.rank(rank))
	return low.Add(low, new(big.Rat).SetFrac(step.Mul(step, big.NewInt(rest)), big.NewInt(100)))
}

// variance is that of a sample of more than one value.
func (s *Series) variance() *big.Rat {
	n := int64(s.Len())
	return new(big.Rat).Mul(s.moment(2), big.NewRat(n, n-1))
}

// moment is the k-th central moment, from sums of powers: no mean is rounded on the way.
func (s *Series) moment(k int) *big.Rat {
	n := int64(s.Len())
	mean := new(big.Rat).SetFrac(s.power(1), big.NewInt(n))
	sum, factor := new(big.Rat), new(big.Rat).SetInt64(1) // (-mean)^j
	for j := range k + 1 {
		term := new(big.Rat).SetInt(new(big.Int).Mul(s.power(k-j), new(big.Int).Binomial(int64(k), int64(j))))
		sum.Add(sum, term.Mul(term, factor))
		factor.Mul(factor, mean).Neg(factor)
	}
	return sum.Quo(sum, new(big.Rat).SetInt64(n))
}

// skew is m3/m2^1.5, the root of m3²/m2³ with the sign of m3.
func (s *Series) skew() string {
	m2, m3 := s.moment(2), s.moment(3)
	if m2.Sign() == 0 {
		return ""
	}
	square := new(big.Rat).Mul(m3, m3)
	cube := new(big.Rat).Mul(m2, new(big.Rat).Mul(m2, m2))
	return s.root(square.Quo(square, cube), 0, m3.Sign() < 0)
}

// regression fits a line through the values over time. It needs two different times.
func (s *Series) regression(origin time.Time) []Result {
	gradient, intercept := Result{Name: "gradient", Unit: PerHour}, Result{Name: "intercept", Unit: Same}
	n := big.NewInt(int64(s.Len()))
	elapsed := integers{small: make([]int64, s.Len())}
	for i, at := range s.times {
		elapsed.small[i] = time.UnixMicro(at).Sub(origin).Microseconds()
	}
	sumX, sumXX, sumXY, sumY := elapsed.powerSum(1), elapsed.powerSum(2), s.values.productSum(&elapsed), s.power(1)
	spread := new(big.Int).Sub(new(big.Int).Mul(n, sumXX), new(big.Int).Mul(sumX, sumX))
	if spread.Sign() != 0 {
		slope := new(big.Rat).SetFrac(new(big.Int).Sub(new(big.Int).Mul(n, sumXY), new(big.Int).Mul(sumX, sumY)), spread)
		start := new(big.Rat).SetInt(sumY)
		start.Sub(start, new(big.Rat).Mul(slope, new(big.Rat).SetInt(sumX)))
		intercept.Value = s.rounded(start.Quo(start, new(big.Rat).SetInt(n)), 1)
		gradient.Value = s.rounded(slope.Mul(slope, new(big.Rat).SetInt64(time.Hour.Microseconds())), 1)
	}
	return []Result{gradient, intercept}
}
