package acceptance

import (
	"math/big"
	"slices"
)

// This file puts signals together and reduces them as the documentation of $waveform says it, in plain fractions. It shares nothing with server/waveform.

// signalPart is the SampledData of one Observation. Times are milliseconds.
type signalPart struct {
	id                            string
	start, period, origin, factor *big.Rat
	samples                       []string
}

func (p *signalPart) at(i int) *big.Rat {
	t := new(big.Rat).Mul(p.period, big.NewRat(int64(i), 1))
	return t.Add(t, p.start)
}

// value is a sample on the scale of its unit; nil for E, L and U.
func (p *signalPart) value(sample string) *big.Rat {
	v, ok := new(big.Rat).SetString(sample)
	if !ok {
		return nil
	}
	return v.Add(v.Mul(v, p.factor), p.origin)
}

// signal is a slice: the samples as texts and, when origins or factors differ, as values.
type signal struct {
	start, period *big.Rat
	samples       []string
	values        []*big.Rat
	scaled        bool
	sources       []string
	lead          *signalPart
}

// slice puts together what parts, in the order of creation, have in [start, end); nil for nothing.
func slice(parts []*signalPart, start, end *big.Rat) *signal {
	inside := func(t *big.Rat) bool { return t.Cmp(start) >= 0 && t.Cmp(end) < 0 }
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b *signalPart) int { return a.start.Cmp(b.start) })
	out := &signal{}
	var used []*signalPart
	for _, p := range parts {
		has := false
		for i := range p.samples {
			if t := p.at(i); inside(t) {
				if has = true; out.start == nil || t.Cmp(out.start) < 0 {
					out.start, out.lead = t, p
				}
			}
		}
		if has {
			used = append(used, p)
		}
	}
	if len(used) == 0 {
		return nil
	}
	out.period = out.lead.period
	for _, p := range used {
		out.scaled = out.scaled || p.origin.Cmp(out.lead.origin) != 0 || p.factor.Cmp(out.lead.factor) != 0
	}
	for _, p := range used {
		place, isSource := -1, false
		for i, sample := range p.samples {
			if !inside(p.at(i)) {
				continue
			}
			if place++; place == 0 {
				steps := new(big.Rat).Sub(p.at(i), out.start)
				steps.Add(steps.Quo(steps, out.period), big.NewRat(1, 2))
				place = int(new(big.Int).Quo(steps.Num(), steps.Denom()).Int64())
			}
			for len(out.samples) <= place {
				out.samples, out.values = append(out.samples, "E"), append(out.values, nil)
			}
			if out.samples[place] == "E" {
				out.samples[place], out.values[place], isSource = sample, p.value(sample), true
			}
		}
		if isSource {
			out.sources = append(out.sources, "Observation/"+p.id)
		}
	}
	return out
}

// order gives each sample a number for comparing: L below and U above all others; nil for E.
func (s *signal) order() []*big.Rat {
	far := big.NewRat(1, 1)
	for _, v := range s.values {
		if v != nil && far.Cmp(new(big.Rat).Abs(v)) < 0 {
			far.Abs(v)
		}
	}
	far.Add(far, big.NewRat(1, 1))
	all := slices.Clone(s.values)
	for i, sample := range s.samples {
		switch sample {
		case "U":
			all[i] = far
		case "L":
			all[i] = new(big.Rat).Neg(far)
		}
	}
	return all
}

// keep makes a signal of the samples at some places; -1 stands for E.
func (s *signal) keep(places []int, period *big.Rat) *signal {
	out := *s
	out.samples, out.values, out.period = nil, nil, period
	for _, i := range places {
		if i < 0 {
			out.samples, out.values = append(out.samples, "E"), append(out.values, nil)
			continue
		}
		out.samples, out.values = append(out.samples, s.samples[i]), append(out.values, s.values[i])
	}
	return &out
}

// minMax keeps of each stretch the smallest and the largest sample.
func (s *signal) minMax(points int) *signal {
	n := len(s.samples)
	if n <= points {
		return s
	}
	stretch := (n + points/2 - 1) / (points / 2)
	all := s.order()
	var places []int
	for from := 0; from < n; from += stretch {
		low, high := -1, -1
		for i := from; i < min(from+stretch, n); i++ {
			if all[i] != nil && (low < 0 || all[i].Cmp(all[low]) < 0) {
				low = i
			}
			if all[i] != nil && (high < 0 || all[i].Cmp(all[high]) > 0) {
				high = i
			}
		}
		places = append(places, min(low, high), max(low, high))
	}
	return s.keep(places, new(big.Rat).Mul(s.period, big.NewRat(int64(stretch), 2)))
}

// lttb keeps the first, the last, and of each stretch between the sample with the largest triangle.
func (s *signal) lttb(points int) *signal {
	n := len(s.samples)
	if n <= points {
		return s
	}
	stretch := (n + points - 1) / points
	all, last := s.order(), -1
	var places []int
	for from := 0; from < n; from += stretch {
		to := min(from+stretch, n)
		best := -1
		switch {
		case from == 0:
			best = slices.IndexFunc(all[:to], func(v *big.Rat) bool { return v != nil })
		case to == n:
			for i := from; i < n; i++ {
				if all[i] != nil {
					best = i
				}
			}
		default:
			best = widest(all, last, from, to, min(to+stretch, n))
		}
		if places = append(places, best); best >= 0 {
			last = best
		}
	}
	return s.keep(places, new(big.Rat).Mul(s.period, big.NewRat(int64(stretch), 1)))
}

// widest is the place from from on and before to whose triangle with the last place and the middle of what lies before next is largest; without either the first.
func widest(all []*big.Rat, last, from, to, next int) int {
	middleX, middleY, count := new(big.Rat), new(big.Rat), int64(0)
	for i := to; i < next; i++ {
		if all[i] != nil {
			middleX.Add(middleX, big.NewRat(int64(i), 1))
			middleY.Add(middleY, all[i])
			count++
		}
	}
	best, bestArea := -1, new(big.Rat)
	for i := from; i < to; i++ {
		switch {
		case all[i] == nil:
			continue
		case count == 0 || last < 0:
			return i
		}
		cx, cy := new(big.Rat).Quo(middleX, big.NewRat(count, 1)), new(big.Rat).Quo(middleY, big.NewRat(count, 1))
		ax, ay, bx := big.NewRat(int64(last), 1), all[last], big.NewRat(int64(i), 1)
		left := new(big.Rat).Mul(new(big.Rat).Sub(ax, cx), new(big.Rat).Sub(all[i], ay))
		right := new(big.Rat).Mul(new(big.Rat).Sub(ax, bx), new(big.Rat).Sub(cy, ay))
		area := left.Sub(left, right)
		if area.Abs(area); best < 0 || area.Cmp(bestArea) > 0 {
			best, bestArea = i, area
		}
	}
	return best
}
