package waveform

import (
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

func decimal(t testing.TB, text string) fhir.Decimal {
	t.Helper()
	d, err := fhir.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func at(millis float64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(millis * 1e6))
}

// piece begins so many milliseconds after the beginning of the year.
func piece(t testing.TB, name string, millis float64, period, samples string) Piece {
	t.Helper()
	list, err := ReadSamples(samples, 1)
	if err != nil {
		t.Fatal(err)
	}
	return Piece{Source: name, Start: at(millis), Format: Format{Factor: decimal(t, "1"), Period: decimal(t, period), Dimensions: 1, Unit: "mV"}, Samples: list}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name       string
		pieces     []Piece
		start, end float64
		want       string
		at         float64
		sources    string
	}{
		{"all of one", []Piece{piece(t, "a", 0, "10", "1 2 3")}, 0, 30, "1 2 3", 0, "a"},
		{"the end does not count", []Piece{piece(t, "a", 0, "10", "1 2 3")}, 0, 20, "1 2", 0, "a"},
		{"between samples", []Piece{piece(t, "a", 0, "10", "1 2 3")}, 5, 11, "2", 10, "a"},
		{"two that adjoin", []Piece{piece(t, "b", 30, "10", "4 5.0"), piece(t, "a", 0, "10", "1 2 3")}, 10, 100, "2 3 4 5.0", 10, "a b"},
		{"a gap", []Piece{piece(t, "a", 0, "10", "1 2"), piece(t, "b", 40, "10", "3")}, 0, 100, "1 2 E E 3", 0, "a b"},
		{"nearly on the grid", []Piece{piece(t, "a", 0, "10", "1 2"), piece(t, "b", 20.4, "10", "3")}, 0, 100, "1 2 3", 0, "a b"},
		{"an overlap", []Piece{piece(t, "a", 0, "10", "1 E 3"), piece(t, "b", 10, "10", "7 8 9")}, 0, 100, "1 7 3 9", 0, "a b"},
		{"one within another", []Piece{piece(t, "a", 0, "10", "1 2 3"), piece(t, "b", 10, "10", "7")}, 0, 100, "1 2 3", 0, "a"},
		{"an overlap whose beginnings are not in the slice", []Piece{piece(t, "b", 10, "10", "7 8 9 6"), piece(t, "a", 0, "10", "1 2 3 4")}, 20, 100, "3 4 6", 20, "a b"},
		{"an overlap off the grid", []Piece{piece(t, "b", 14, "10", "7 8 9"), piece(t, "a", 0, "10", "1 2 3 4")}, 11, 100, "7 3 4", 14, "a b"},
		{"a period of a third", []Piece{piece(t, "a", 0, "3.333333", "1 2 3 4")}, 6, 100, "3 4", 6.666666, "a"},
		{"codes", []Piece{piece(t, "a", 0, "10", "L 0 U")}, 0, 100, "L 0 U", 0, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Cut(c.pieces, at(c.start), at(c.end))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{c.want, at(c.at).String(), c.sources}, []string{strings.Join(got.Samples, " "), got.Start.String(), strings.Join(got.Sources, " ")}); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCutScales(t *testing.T) {
	a, b := piece(t, "a", 0, "10", "1 L"), piece(t, "b", 20, "10", "100 E 0.50")
	a.Format.Factor, a.Format.Origin, a.Format.Lower = decimal(t, "2.5"), decimal(t, "2048"), "-1"
	b.Format.Factor, b.Format.Origin, b.Format.Lower = decimal(t, "0.1"), decimal(t, "-1"), "-1"
	got, err := Cut([]Piece{a, b}, at(0), at(100))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"2050.5 L 9.0 E -0.950", "2045.5", "0", "1"}, []string{strings.Join(got.Samples, " "), got.Format.Lower, got.Format.Origin.String(), got.Format.Factor.String()}); d != "" {
		t.Error(d)
	}
}

func TestCutRefuses(t *testing.T) {
	a := piece(t, "a", 0, "10", "1 U")
	for name, change := range map[string]func(p *Piece){
		"a and b have different periods":                                     func(p *Piece) { p.Format.Period = decimal(t, "20") },
		"a and b have different units":                                       func(p *Piece) { p.Format.Unit = "uV" },
		"a and b have different dimensions":                                  func(p *Piece) { p.Format.Dimensions = 2 },
		"a and b have different limits of detection and samples beyond them": func(p *Piece) { p.Format.Upper = "9" },
		ErrTooLong.Error():                                                   func(p *Piece) { p.Start = at(1e9) },
	} {
		t.Run(name, func(t *testing.T) {
			b := piece(t, "b", 20, "10", "1 2")
			change(&b)
			if _, err := Cut([]Piece{a, b}, at(0), at(1e10)); err == nil || err.Error() != name {
				t.Error(err)
			}
		})
	}
	if _, err := Cut([]Piece{a}, at(30), at(40)); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	for _, bad := range []string{"1 x", "NaN", "1e"} {
		if _, err := ReadSamples(bad, 1); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := ReadSamples("1 2 3", 2); err == nil {
		t.Error("half a point is taken")
	}
}

func TestReduce(t *testing.T) {
	for _, c := range []struct {
		name, samples, minMax, minMaxPeriod, lttb, lttbPeriod string
		points                                                int
	}{
		{"enough room", "1 2 3 4", "1 2 3 4", "4", "1 2 3 4", "4", 4},
		{"a peak", "0 0 0 9 0 0 0 0", "0 9 0 0", "8", "0 9 0 0", "8", 4},
		{"a dip and a peak", "5 1 5 5 9 5 5 5 5 5 5 5", "1 9 5 5", "12", "5 9 5 5", "12", 4},
		{"nothing in a stretch", "1 2 E E E E 3 4", "1 2 3 4", "8", "1 E E 4", "8", 4},
		{"nothing in a long stretch", "1 E E E E E E E", "1 1 E E", "8", "1 E E E", "8", 4},
		{"nothing at the ends", "E 1 5 5 5 5 6 E", "1 5 5 6", "8", "1 5 5 6", "8", 4},
		{"limits", "1 L 3 U 5 6 7 8", "L U 5 8", "8", "1 U 5 8", "8", 4},
		{"digits stay", "1.50 1.5 1.500 2.0 3 3 3 3", "1.50 2.0 3 3", "8", "1.50 1.500 3 3", "8", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, method := range []struct {
				reduce       func(*Slice, int)
				want, period string
			}{{(*Slice).MinMax, c.minMax, c.minMaxPeriod}, {(*Slice).LTTB, c.lttb, c.lttbPeriod}} {
				p := piece(t, "a", 0, "4", c.samples)
				s := &Slice{Start: p.Start, Format: p.Format, Samples: p.Samples}
				method.reduce(s, c.points)
				if d := cmp.Diff(method.want+" @"+method.period, strings.Join(s.Samples, " ")+" @"+s.Format.Period.String()); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// TestReduceRandom holds the methods against plain definitions with floating point.
func TestReduceRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		n, points := 5+rnd.IntN(200), 4+rnd.IntN(30)
		samples, values := make([]string, n), make([]float64, n)
		for i := range samples {
			v := rnd.IntN(2000) - 1000
			values[i], samples[i] = float64(v), strconv.Itoa(v)
		}
		a, b := &Slice{Samples: samples, Format: Format{Period: decimal(t, "1")}}, &Slice{Samples: samples, Format: Format{Period: decimal(t, "1")}}
		a.MinMax(points)
		b.LTTB(points)
		if len(a.Samples) > points || len(b.Samples) > points {
			t.Fatalf("%d and %d of %d", len(a.Samples), len(b.Samples), points)
		}
		if n > points {
			checkMinMax(t, values, a.Samples, ceilDiv(n, points/2))
			checkLTTB(t, values, b.Samples, ceilDiv(n, points))
		}
	}
}

func checkMinMax(t *testing.T, values []float64, got []string, stretch int) {
	t.Helper()
	for i := 0; i*stretch < len(values); i++ {
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range values[i*stretch : min((i+1)*stretch, len(values))] {
			low, high = min(low, v), max(high, v)
		}
		x, _ := strconv.ParseFloat(got[2*i], 64)
		y, _ := strconv.ParseFloat(got[2*i+1], 64)
		if min(x, y) != low || max(x, y) != high {
			t.Fatalf("stretch %d: %v %v, want %v %v", i, x, y, low, high)
		}
	}
}

func checkLTTB(t *testing.T, values []float64, got []string, stretch int) {
	t.Helper()
	last := 0
	for i := 1; (i+1)*stretch < len(values); i++ {
		sumX, sumY, count := 0.0, 0.0, 0.0
		for j := (i + 1) * stretch; j < min((i+2)*stretch, len(values)); j++ {
			sumX, sumY, count = sumX+float64(j), sumY+values[j], count+1
		}
		best, bestArea := -1, -1.0
		for j := i * stretch; j < (i+1)*stretch; j++ {
			area := math.Abs((float64(last)-sumX/count)*(values[j]-values[last]) - float64(last-j)*(sumY/count-values[last]))
			if area > bestArea+1e-6 {
				best, bestArea = j, area
			}
		}
		if got[i] != strconv.Itoa(int(values[best])) {
			t.Fatalf("stretch %d: %s, want %v", i, got[i], values[best])
		}
		last = best
	}
}
