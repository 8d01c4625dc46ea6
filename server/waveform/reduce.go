package waveform

import (
	"math/big"

	"github.com/firth-health/firth/fhir"
)

// MinMax reduces a slice of one dimension to at most points samples, 4 or more: of each stretch the smallest and the largest.
func (s *Slice) MinMax(points int) {
	if len(s.Samples) <= points {
		return
	}
	stretch := ceilDiv(len(s.Samples), points/2)
	var kept []string
	values := read(s.Samples)
	for from := 0; from < len(values); from += stretch {
		to := min(from+stretch, len(values))
		low, high := -1, -1
		for i := from; i < to; i++ {
			if values[i] == nil {
				continue
			}
			if low < 0 || values[i].Cmp(values[low]) < 0 {
				low = i
			}
			if high < 0 || values[i].Cmp(values[high]) > 0 {
				high = i
			}
		}
		switch {
		case low < 0:
			kept = append(kept, missing, missing)
		case low <= high:
			kept = append(kept, s.Samples[low], s.Samples[high])
		default:
			kept = append(kept, s.Samples[high], s.Samples[low])
		}
	}
	s.Samples = kept
	s.Format.Period = plain(s.Format.Period.Mul(fhir.NewDecimal(int64(stretch)*5, -1)))
}

// LTTB reduces a slice of one dimension to at most points samples, 4 or more: the first, the last (E does not count), and of each stretch between the one that makes the largest
// triangle with the one kept before and the middle of the stretch that follows.
func (s *Slice) LTTB(points int) {
	if len(s.Samples) <= points {
		return
	}
	stretch := ceilDiv(len(s.Samples), points)
	values := read(s.Samples)
	var kept []string
	last := 0
	for from := 0; from < len(values); from += stretch {
		to := min(from+stretch, len(values))
		var best int
		switch {
		case from == 0:
			best = firstNumber(values, from, to, 1)
		case to == len(values):
			best = firstNumber(values, to-1, from-1, -1)
		default:
			best = largest(values, last, from, to, min(to+stretch, len(values)))
		}
		if best < 0 {
			kept = append(kept, missing)
			continue
		}
		last = best
		kept = append(kept, s.Samples[best])
	}
	s.Samples = kept
	s.Format.Period = plain(s.Format.Period.Mul(fhir.NewDecimal(int64(stretch), 0)))
}

// firstNumber is the place of the first sample from one place on and before another that is not E; -1 when there is none.
func firstNumber(values []*big.Int, from, to, step int) int {
	for i := from; i != to; i += step {
		if values[i] != nil {
			return i
		}
	}
	return -1
}

// largest finds the sample from from on and before to that makes the largest triangle with the one kept last and the middle of those up to next. -1 when
// there is none.
func largest(values []*big.Int, last, from, to, next int) int {
	// The middle of the next stretch times how many it has, so that all stays whole.
	sumX, sumY, count := new(big.Int), new(big.Int), int64(0)
	for i := to; i < next; i++ {
		if values[i] != nil {
			sumX.Add(sumX, big.NewInt(int64(i)))
			sumY.Add(sumY, values[i])
			count++
		}
	}
	best, bestArea := -1, new(big.Int)
	area, other := new(big.Int), new(big.Int)
	for i := from; i < to; i++ {
		if values[i] == nil {
			continue
		}
		if count == 0 || values[last] == nil {
			return i // nothing to compare with
		}
		n := big.NewInt(count)
		// (ax - cx)(by - ay) - (ax - bx)(cy - ay), with a the last, b this one and c the middle
		area.Mul(big.NewInt(int64(last)), n).Sub(area, sumX)
		area.Mul(area, other.Sub(values[i], values[last]))
		other.Mul(values[last], n).Sub(sumY, other)
		other.Mul(other, big.NewInt(int64(last-i)))
		area.Sub(area, other).Abs(area)
		if best < 0 || area.Cmp(bestArea) > 0 {
			best = i
			bestArea.Set(area)
		}
	}
	return best
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// plain drops zeros at the end of a fraction.
func plain(d fhir.Decimal) fhir.Decimal {
	for d.Scale() > 0 {
		shorter := d.Round(d.Scale() - 1)
		if shorter.Cmp(d) != 0 {
			break
		}
		d = shorter
	}
	return d
}

// read gives samples as whole numbers of one scale: nil for E, one below and one above all numbers for L and U.
func read(samples []string) []*big.Int {
	scale := 0
	numbers := make([]fhir.Decimal, len(samples))
	isNumber := make([]bool, len(samples))
	for i, sample := range samples {
		if d, err := fhir.ParseDecimal(sample); err == nil {
			numbers[i], isNumber[i] = d, true
			scale = max(scale, d.Scale())
		}
	}
	values := make([]*big.Int, len(samples))
	low, high := new(big.Int), new(big.Int)
	for i := range samples {
		if !isNumber[i] {
			continue
		}
		v, _ := new(big.Int).SetString(numbers[i].Scale10(scale).Round(0).String(), 10)
		values[i] = v
		if v.Cmp(low) < 0 {
			low = v
		}
		if v.Cmp(high) > 0 {
			high = v
		}
	}
	low, high = new(big.Int).Sub(low, big.NewInt(1)), new(big.Int).Add(high, big.NewInt(1))
	for i, sample := range samples {
		switch sample {
		case "L":
			values[i] = low
		case "U":
			values[i] = high
		}
	}
	return values
}
