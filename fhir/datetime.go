package fhir

import (
	"fmt"
	"time"
)

// Precision says how much of a date or time was written.
type Precision uint8

// The precisions of date, dateTime and instant.
const (
	Year Precision = iota + 1
	Month
	Day
	Minute // only in search values (R4 search.html#date) and FHIRPath literals
	Second
	Fraction
)

// DateTime is a date, dateTime or instant (R4 datatypes.html#dateTime) and the interval it stands for.
type DateTime struct {
	Precision Precision
	HasZone   bool
	Digits    int       // digits of the fraction of a second, up to 9
	Low       time.Time // first instant; in the zone written, UTC when none was
}

// High is the first instant behind the interval: 2024-02 ends where March begins.
func (t DateTime) High() time.Time {
	switch t.Precision {
	case Year:
		return t.Low.AddDate(1, 0, 0)
	case Month:
		return t.Low.AddDate(0, 1, 0)
	case Day:
		return t.Low.AddDate(0, 0, 1)
	case Minute:
		return t.Low.Add(time.Minute)
	case Second:
		return t.Low.Add(time.Second)
	}
	step := time.Second
	for range t.Digits {
		step /= 10
	}
	return t.Low.Add(step)
}

// ParseDateTime reads YYYY, YYYY-MM, YYYY-MM-DD, and YYYY-MM-DDThh:mm[:ss[.f…]] with an optional zone (Z or ±hh:mm). Dates without a zone mean UTC.
// Months, days and times must exist; second 60 does not. Digits of a fraction beyond the ninth are cut.
func ParseDateTime(text string) (DateTime, error) {
	p := dateTimeParser{rest: text}
	t, ok := p.parse()
	if !ok {
		return DateTime{}, fmt.Errorf("%q is not a date or time", shorten(text))
	}
	return t, nil
}

type dateTimeParser struct{ rest string }

func (p *dateTimeParser) parse() (t DateTime, ok bool) {
	year, ok := p.digits(4)
	if !ok || year == 0 {
		return t, false
	}
	month, day, hour, minute, second, nanos := 1, 1, 0, 0, 0, 0
	zone := time.UTC
	t.Precision = Year
	if p.skip('-') {
		if month, ok = p.digits(2); !ok || month < 1 || month > 12 {
			return t, false
		}
		t.Precision = Month
		if p.skip('-') {
			if day, ok = p.digits(2); !ok || day < 1 || day > daysIn(year, month) {
				return t, false
			}
			t.Precision = Day
		}
	}
	if t.Precision == Day && p.skip('T') {
		if hour, minute, ok = p.hourMinute(); !ok || hour > 23 {
			return t, false
		}
		t.Precision = Minute
		if p.skip(':') {
			if second, ok = p.digits(2); !ok || second > 59 {
				return t, false
			}
			t.Precision = Second
			if p.skip('.') {
				if nanos, t.Digits, ok = p.fraction(); !ok {
					return t, false
				}
				t.Precision = Fraction
			}
		}
		if zone, t.HasZone, ok = p.zone(); !ok {
			return t, false
		}
	}
	if p.rest != "" {
		return t, false
	}
	t.Low = time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone)
	return t, true
}

func (p *dateTimeParser) skip(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *dateTimeParser) digits(n int) (int, bool) {
	if len(p.rest) < n || !allDigits(p.rest[:n]) {
		return 0, false
	}
	value := 0
	for i := range n {
		value = value*10 + int(p.rest[i]-'0')
	}
	p.rest = p.rest[n:]
	return value, true
}

func (p *dateTimeParser) hourMinute() (hour, minute int, ok bool) {
	if hour, ok = p.digits(2); !ok || !p.skip(':') {
		return 0, 0, false
	}
	minute, ok = p.digits(2)
	return hour, minute, ok && minute < 60
}

func (p *dateTimeParser) fraction() (nanos, digits int, ok bool) {
	unit := 100_000_000
	for ; p.rest != "" && isDigit(p.rest[0]); p.rest = p.rest[1:] {
		ok = true
		if digits < 9 {
			nanos += unit * int(p.rest[0]-'0')
			unit /= 10
			digits++
		}
	}
	return nanos, digits, ok
}

func (p *dateTimeParser) zone() (zone *time.Location, has, ok bool) {
	if p.rest == "" {
		return time.UTC, false, true
	}
	if p.skip('Z') {
		return time.UTC, true, true
	}
	sign := 1
	if p.skip('-') {
		sign = -1
	} else if !p.skip('+') {
		return nil, false, false
	}
	hour, minute, ok := p.hourMinute()
	if !ok || hour > 14 || hour == 14 && minute > 0 {
		return nil, false, false
	}
	if hour == 0 && minute == 0 {
		return time.UTC, true, true
	}
	return time.FixedZone("", sign*(hour*3600+minute*60)), true, true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
