package waveform

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
)

// MaxFrames is how many points in time a slice may have before it is reduced.
const MaxFrames = 4_000_000

// Errors of [Cut].
var (
	ErrNothing = errors.New("there are no samples in that time")
	ErrTooLong = fmt.Errorf("the slice has more than %d points in time", MaxFrames)
)

// missing is the sample where nothing was measured.
const missing = "E"

// Format is what SampledData says about its samples. A sample stands for sample × Factor + Origin.
type Format struct {
	Origin     fhir.Decimal
	Unit       string       // what else the origin says; equal for equal units
	Factor     fhir.Decimal // 1 when absent
	Period     fhir.Decimal // milliseconds between two points in time
	Dimensions int          // samples a point in time
	Lower      string       // limit of detection as a decimal; empty for none
	Upper      string
}

// Piece is the SampledData of one Observation.
type Piece struct {
	Source  string // name of the Observation
	Start   time.Time
	Format  Format
	Samples []string // decimals, E, L or U; dimensions × points in time
}

// Slice is a part of a signal.
type Slice struct {
	Start   time.Time // of the first sample
	Format  Format
	Samples []string
	Sources []string // of the pieces that have a share, in the order in which they begin
	Lead    int      // which piece has the first sample; its format is that of the slice, unless Scaled
	Scaled  bool     // samples were computed anew, because origin or factor differ
}

// ReadSamples splits SampledData.data and checks it.
func ReadSamples(data string, dimensions int) ([]string, error) {
	samples := strings.Fields(data)
	for i, sample := range samples {
		switch sample {
		case "E", "L", "U":
		default:
			if _, err := fhir.ParseDecimal(sample); err != nil {
				return nil, fmt.Errorf("sample %d is not a decimal, E, L or U", i)
			}
		}
	}
	if dimensions < 1 || len(samples)%dimensions != 0 {
		return nil, fmt.Errorf("%d samples do not make points of %d dimensions", len(samples), dimensions)
	}
	return samples, nil
}

// rational is the exact value of a decimal.
func rational(d fhir.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String())
	return r
}

// periodNanos is the period in nanoseconds.
func (f *Format) periodNanos() *big.Rat {
	return new(big.Rat).Mul(rational(f.Period), big.NewRat(int64(time.Millisecond), 1))
}

// steps is how many periods lie between two times.
func (f *Format) steps(from, to time.Time) *big.Rat {
	return new(big.Rat).Quo(big.NewRat(to.Sub(from).Nanoseconds(), 1), f.periodNanos())
}

// after is the time n periods behind a time, to the nanosecond.
func (f *Format) after(from time.Time, n int64) time.Time {
	nanos := new(big.Rat).Mul(f.periodNanos(), big.NewRat(n, 1))
	return from.Add(time.Duration(nearest(nanos)))
}

// ceiling is the smallest whole number not below r.
func ceiling(r *big.Rat) int64 {
	n := new(big.Int).Neg(r.Num())
	return -new(big.Int).Div(n, r.Denom()).Int64() // Div rounds down for positive divisors
}

// nearest is the whole number next to r, halves up.
func nearest(r *big.Rat) int64 {
	doubled := new(big.Rat).Add(r, big.NewRat(1, 2))
	return new(big.Int).Div(doubled.Num(), doubled.Denom()).Int64()
}

// End is when the sample behind the last one would be.
func (p *Piece) End() time.Time {
	return p.Format.after(p.Start, int64(len(p.Samples)/p.Format.Dimensions))
}

// Reaches reports whether the piece has a sample at a time or later.
func (p *Piece) Reaches(t time.Time) bool {
	return ceiling(p.Format.steps(p.Start, t)) < int64(len(p.Samples)/p.Format.Dimensions)
}

// End is when the sample behind the last one would be.
func (s *Slice) End() time.Time {
	return s.Format.after(s.Start, int64(len(s.Samples)/s.Format.Dimensions))
}

// share is the part of a piece inside of a slice.
type share struct {
	*Piece
	start   time.Time
	samples []string
	no      int // of the piece
}

// Cut puts together what the pieces have from start on and before end. Of pieces that begin at the same time the first counts where they overlap.
func Cut(pieces []Piece, start, end time.Time) (*Slice, error) {
	var shares []share
	for i := range pieces {
		p := &pieces[i]
		frames := int64(len(p.Samples) / p.Format.Dimensions)
		from := max(0, ceiling(p.Format.steps(p.Start, start)))
		to := min(frames, ceiling(p.Format.steps(p.Start, end)))
		if from < to {
			d := int64(p.Format.Dimensions)
			shares = append(shares, share{p, p.Format.after(p.Start, from), p.Samples[from*d : to*d], i})
		}
	}
	if len(shares) == 0 {
		return nil, ErrNothing
	}
	// What counts where pieces overlap must not depend on where the slice begins.
	slices.SortStableFunc(shares, func(a, b share) int { return a.Start.Compare(b.Start) })
	lead := shares[0]
	for _, s := range shares {
		if s.start.Before(lead.start) {
			lead = s
		}
	}
	slice := &Slice{Start: lead.start, Format: lead.Format, Lead: lead.no}
	if err := slice.agree(lead, shares); err != nil {
		return nil, err
	}
	for _, s := range shares {
		if err := slice.put(s); err != nil {
			return nil, err
		}
	}
	return slice, nil
}

// agree finds the format of the slice.
func (s *Slice) agree(lead share, shares []share) error {
	f := &s.Format
	for _, other := range shares {
		o := &other.Format
		switch {
		case f.Period.Cmp(o.Period) != 0:
			return fmt.Errorf("%s and %s have different periods", lead.Source, other.Source)
		case f.Dimensions != o.Dimensions:
			return fmt.Errorf("%s and %s have different dimensions", lead.Source, other.Source)
		case f.Unit != o.Unit:
			return fmt.Errorf("%s and %s have different units", lead.Source, other.Source)
		case (f.Lower != o.Lower || f.Upper != o.Upper) && (hasLimit(lead.samples) || hasLimit(other.samples)):
			return fmt.Errorf("%s and %s have different limits of detection and samples beyond them", lead.Source, other.Source)
		}
		s.Scaled = s.Scaled || f.Origin.Cmp(o.Origin) != 0 || f.Factor.Cmp(o.Factor) != 0
		if f.Lower != o.Lower {
			f.Lower = ""
		}
		if f.Upper != o.Upper {
			f.Upper = ""
		}
	}
	if s.Scaled {
		// Limits are in the scale of the samples, which is not that of the slice.
		f.Lower, f.Upper = scaledLimit(f.Lower, &lead.Format), scaledLimit(f.Upper, &lead.Format)
		f.Origin, f.Factor = fhir.Decimal{}, fhir.NewDecimal(1, 0)
	}
	return nil
}

func hasLimit(samples []string) bool {
	return slices.ContainsFunc(samples, func(sample string) bool { return sample == "L" || sample == "U" })
}

func scaledLimit(limit string, f *Format) string {
	if limit == "" {
		return ""
	}
	return scaled(limit, f)
}

// scaled is sample × factor + origin.
func scaled(sample string, f *Format) string {
	d, err := fhir.ParseDecimal(sample)
	if err != nil {
		return sample // E, L or U
	}
	return d.Mul(f.Factor).Add(f.Origin).String()
}

// put places a share on the grid.
func (s *Slice) put(piece share) error {
	d := s.Format.Dimensions
	at := nearest(s.Format.steps(s.Start, piece.start))
	end := int(at)*d + len(piece.samples)
	if end/d > MaxFrames {
		return ErrTooLong
	}
	for len(s.Samples) < end {
		s.Samples = append(s.Samples, missing)
	}
	isUsed := false
	for i, sample := range piece.samples {
		place := &s.Samples[int(at)*d+i]
		if *place != missing {
			continue
		}
		if isUsed = true; s.Scaled {
			sample = scaled(sample, &piece.Format)
		}
		*place = sample
	}
	if isUsed {
		s.Sources = append(s.Sources, piece.Source)
	}
	return nil
}
