package search

import (
	"bytes"
	"strconv"

	"github.com/firth-health/firth/fhir"
)

// readSamples takes SampledData as the range from its smallest to its largest value, both inclusive: "just search on the bounds of the
// values" (R4 Observation value-quantity). A value is origin + factor × number. L and U, below and above what the device can measure,
// open an end; E, an error, says nothing.
func (x *extractor) readSamples(n fhir.Node) {
	data := n.Get("data")
	origin, err := fhir.ParseDecimal(n.Path("origin", "value").Text())
	if data.Kind() != fhir.String || err != nil {
		return
	}
	factor := fhir.NewDecimal(1, 0)
	if f := n.Get("factor"); f.Ok() {
		if factor, err = fhir.ParseDecimal(f.Text()); err != nil {
			return
		}
	}
	b, ok := boundsOf(data.AppendText(nil))
	if !ok {
		return
	}
	if factor.Sign() < 0 {
		b.low, b.high, b.openLow, b.openHigh = b.high, b.low, b.openHigh, b.openLow
	}
	from, to := end{mark: lowest, open: true}, end{mark: highest, open: true}
	if !b.openLow {
		from = end{number: []byte(origin.Add(b.low.Mul(factor)).String()), mark: "!"}
	}
	if !b.openHigh {
		to = end{number: []byte(origin.Add(b.high.Mul(factor)).String()), mark: "+"}
	}
	x.addQuantity(n.Get("origin"), from, to, true)
}

// sampleBounds are the extremes of the numbers of SampledData.data.
type sampleBounds struct {
	low, high         fhir.Decimal
	openLow, openHigh bool
}

// boundsOf finds the extremes. Most samples are whole numbers, and there can be many thousands: those are compared as integers.
func boundsOf(data []byte) (b sampleBounds, ok bool) {
	var low, high int64
	var whole, fractional bool
	for word := range bytes.FieldsSeq(data) {
		switch string(word) {
		case "E":
			continue
		case "L":
			b.openLow = true
			continue
		case "U":
			b.openHigh = true
			continue
		}
		if v, err := strconv.ParseInt(string(word), 10, 64); err == nil && word[0] != '+' {
			if !whole || v < low {
				low = v
			}
			if !whole || v > high {
				high = v
			}
			whole = true
			continue
		}
		d, err := fhir.ParseDecimal(string(word))
		if err != nil {
			return b, false
		}
		if !fractional || d.Cmp(b.low) < 0 {
			b.low = d
		}
		if !fractional || d.Cmp(b.high) > 0 {
			b.high = d
		}
		fractional = true
	}
	if whole {
		if d := fhir.NewDecimal(low, 0); !fractional || d.Cmp(b.low) < 0 {
			b.low = d
		}
		if d := fhir.NewDecimal(high, 0); !fractional || d.Cmp(b.high) > 0 {
			b.high = d
		}
	}
	if !whole && !fractional {
		// Nothing but L or U: somewhere below, above, or both.
		if b.openLow || b.openHigh {
			b.openLow, b.openHigh = true, true
			return b, true
		}
		return b, false
	}
	return b, true
}
