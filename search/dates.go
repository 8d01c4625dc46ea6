package search

import (
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
)

// Dates (R4 search.html#date): date, dateTime, instant, Period, Timing. Times without a zone mean UTC.

func (x *extractor) readDate(n fhir.Node) {
	t, ok := dateOf(n)
	if !ok {
		return
	}
	if x.instantOnly() {
		x.add(piece{form: formLow, a: x.time(t.Low, false)})
		return
	}
	x.addInterval(x.time(t.Low, false), x.time(t.High(), true))
}

func dateOf(n fhir.Node) (fhir.DateTime, bool) {
	if n.Kind() != fhir.String {
		return fhir.DateTime{}, false
	}
	t, err := fhir.ParseDateTime(n.Text())
	return t, err == nil && t.Precision != fhir.Minute
}

func (x *extractor) instantOnly() bool {
	if x.part >= 0 {
		return x.ix.parts[x.part].instant
	}
	return x.ix.instant
}

func (x *extractor) time(t time.Time, up bool) extent {
	from := len(x.scratch)
	x.scratch = appendTime(x.scratch, t, up)
	return extent{from, len(x.scratch)}
}

func (x *extractor) raw(s string) extent {
	from := len(x.scratch)
	x.scratch = append(x.scratch, s...)
	return extent{from, len(x.scratch)}
}

func (x *extractor) addInterval(low, high extent) {
	x.add(piece{form: formLow, a: low, b: high, tail: true})
}

// readPeriod takes a missing end as open. A period that ends before it starts has no key.
func (x *extractor) readPeriod(n fhir.Node) {
	start, end := n.Get("start"), n.Get("end")
	from, hasStart := dateOf(start)
	to, hasEnd := dateOf(end)
	if start.Ok() != hasStart || end.Ok() != hasEnd || !hasStart && !hasEnd || hasStart && hasEnd && !to.High().After(from.Low) {
		return
	}
	var low, high extent
	if hasStart {
		low = x.time(from.Low, false)
	} else {
		low = x.raw(timeMin)
	}
	if hasEnd {
		high = x.time(to.High(), true)
	} else {
		high = x.raw(timeMax)
	}
	x.addInterval(low, high)
}

// readTiming takes the outer limits (R4 search.html#date): from the first to the last of the events and the bounds.
func (x *extractor) readTiming(n fhir.Node) {
	bounds := n.Path("repeat", "boundsPeriod")
	if bounds.Ok() {
		x.readPeriod(bounds)
	}
	var low, high time.Time
	for event := n.Get("event").First(); event.Ok(); event = event.Next() {
		t, ok := dateOf(event)
		if !ok {
			continue
		}
		if low.IsZero() || t.Low.Before(low) {
			low = t.Low
		}
		if t.High().After(high) {
			high = t.High()
		}
	}
	if !low.IsZero() {
		x.addInterval(x.time(low, false), x.time(high, true))
	}
}

// dateSpan reads a date of a query. ap widens the range it stands for by its own width on both sides.
func dateSpan(s segment) (span, error) {
	c, value := cutComparator(s.text())
	// A + of the zone that was not escaped in the URL arrives as a blank.
	if i := strings.LastIndexByte(value, ' '); i == len(value)-len("+00:00") && i > 0 {
		value = value[:i] + "+" + value[i+1:]
	}
	t, err := fhir.ParseDateTime(value)
	if err != nil {
		return span{}, s.failf("not a date or time; write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.fff]] with Z or ±hh:mm, after one of the prefixes %s if any",
			strings.Join(comparators, " "))
	}
	low, high := t.Low, t.High()
	if c == approximate {
		width := high.Sub(low)
		low, high = low.Add(-width), high.Add(width)
	}
	return span{c, timeCut(timeText(low, false)), timeCut(timeText(high, true))}, nil
}

// dateKeys gives the conditions on keys of an index of dates, relative to its prefix.
func dateKeys(s segment, instant bool) ([]Keys, error) {
	asked, err := dateSpan(s)
	if err != nil {
		return nil, err
	}
	if instant {
		return asked.points(string(formLow)), nil
	}
	return asked.over(), nil
}
