package path

import (
	"fmt"
	"strings"
	"time"
)

// precision says how much of a date or time was written. Unlike FHIR, FHIRPath has times of an hour.
type precision uint8

const (
	toYear precision = iota + 1
	toMonth
	toDay
	toHour
	toMinute
	toSecond
	toFraction
)

// temporal is a Date, DateTime or Time of any precision. Parts that were not written hold their smallest value.
type temporal struct {
	kind      Kind
	precision precision
	digits    int  // of the fraction of a second, at most 9
	hasZone   bool // only DateTime
	// wall is what was written, as if it were UTC; a Time lies on the first of January of year 1.
	wall   time.Time
	offset time.Duration // of the zone
}

// parseTemporal reads the text of a Date, a DateTime (also without T) or a Time.
func parseTemporal(kind Kind, text string) (temporal, bool) {
	p := temporalParser{rest: text, ok: true, t: temporal{kind: kind, precision: toHour}}
	year, month, day := 1, 1, 1
	if kind != Time {
		p.t.precision = toYear
		year = p.digits(4, 1, 9999)
		if p.accept('-') {
			month, p.t.precision = p.digits(2, 1, 12), toMonth
			if p.accept('-') {
				day, p.t.precision = p.digits(2, 1, 31), toDay
			}
		}
	}
	hour, minute, second, nanos := 0, 0, 0, 0
	behindT := p.accept('T') // a Time may begin with T, a partial DateTime may end with it
	if kind == Time || kind == DateTime && behindT && p.rest != "" && p.t.precision == toDay {
		hour, p.t.precision = p.digits(2, 0, 23), toHour
		if p.accept(':') {
			minute, p.t.precision = p.digits(2, 0, 59), toMinute
			if p.accept(':') {
				second, p.t.precision = p.digits(2, 0, 59), toSecond
				if p.accept('.') {
					nanos, p.t.precision = p.fraction(), toFraction
				}
			}
		}
		if kind == DateTime {
			p.zone()
		}
	} else if behindT && kind == Date {
		return temporal{}, false
	}
	p.t.wall = time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	return p.t, p.ok && p.rest == "" && p.t.wall.Day() == day
}

type temporalParser struct {
	rest string
	ok   bool
	t    temporal
}

func (p *temporalParser) accept(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *temporalParser) digits(n, least, most int) int {
	if len(p.rest) < n {
		p.ok = false
		return least
	}
	value := 0
	for i := range n {
		if !isDigit(p.rest[i]) {
			p.ok = false
			return least
		}
		value = value*10 + int(p.rest[i]-'0')
	}
	p.rest = p.rest[n:]
	if value < least || value > most {
		p.ok = false
	}
	return value
}

// fraction reads nanoseconds; digits beyond the ninth are cut.
func (p *temporalParser) fraction() int {
	nanos, unit := 0, 100_000_000
	p.ok = p.ok && p.rest != "" && isDigit(p.rest[0])
	for ; p.rest != "" && isDigit(p.rest[0]); p.rest = p.rest[1:] {
		if p.t.digits < 9 {
			nanos += unit * int(p.rest[0]-'0')
			unit /= 10
			p.t.digits++
		}
	}
	return nanos
}

func (p *temporalParser) zone() {
	sign := time.Duration(1)
	switch {
	case p.accept('Z'):
		p.t.hasZone = true
		return
	case p.accept('-'):
		sign = -1
	case !p.accept('+'):
		return
	}
	p.t.hasZone = true
	hours := p.digits(2, 0, 14)
	p.ok = p.ok && p.accept(':')
	p.t.offset = sign * (time.Duration(hours)*time.Hour + time.Duration(p.digits(2, 0, 59))*time.Minute)
}

// String is the text without @, as FHIR writes it: no T behind a partial DateTime or before a Time.
func (t temporal) String() string {
	layout := ""
	if t.kind != Time {
		layout = [...]string{"2006", "2006-01", "2006-01-02"}[min(t.precision, toDay)-1]
	}
	if t.precision >= toHour {
		if layout != "" {
			layout += "T"
		}
		layout += [...]string{"15", "15:04", "15:04:05", "15:04:05"}[t.precision-toHour]
	}
	if t.precision == toFraction {
		layout += "." + strings.Repeat("0", t.digits)
	}
	text := t.wall.Format(layout)
	switch {
	case !t.hasZone:
		return text
	case t.offset == 0:
		return text + "Z"
	}
	sign, offset := '+', t.offset
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%s%c%02d:%02d", text, sign, offset/time.Hour, offset/time.Minute%60)
}

// Zones reach from UTC-12:00 to UTC+14:00, so a local time without a zone is a span of instants.
const (
	westmost = 12 * time.Hour
	eastmost = 14 * time.Hour
)

// span returns the first and the last instant that t may stand for. A second counts as an instant, with or without a fraction
// (FHIRPath N1: seconds and milliseconds are one precision).
func (t temporal) span(zoned bool) (first, last time.Time) {
	first = t.wall.Add(-t.offset)
	switch last = first; t.precision {
	case toYear:
		last = first.AddDate(1, 0, 0).Add(-1)
	case toMonth:
		last = first.AddDate(0, 1, 0).Add(-1)
	case toDay:
		last = first.AddDate(0, 0, 1).Add(-1)
	case toHour:
		last = first.Add(time.Hour - 1)
	case toMinute:
		last = first.Add(time.Minute - 1)
	}
	if zoned && !t.hasZone {
		return first.Add(-eastmost), last.Add(westmost)
	}
	return first, last
}

// sharePrecision reports whether both are written to the same precision and with or without zones both.
func sharePrecision(a, b *temporal) bool {
	return min(a.precision, toSecond) == min(b.precision, toSecond) && a.hasZone == b.hasZone
}

// compareTemporal orders two dates, or two times. known is false where the precision or a missing zone leaves it open.
func compareTemporal(a, b *temporal) (order int, known bool) {
	if sharePrecision(a, b) {
		return a.wall.Add(-a.offset).Compare(b.wall.Add(-b.offset)), true
	}
	zoned := a.hasZone || b.hasZone
	aFirst, aLast := a.span(zoned)
	bFirst, bLast := b.span(zoned)
	switch {
	case aLast.Before(bFirst):
		return -1, true
	case bLast.Before(aFirst):
		return 1, true
	}
	return 0, false
}

// temporalOf cuts an instant to a precision.
func temporalOf(kind Kind, instant time.Time, p precision) temporal {
	year, month, day := instant.Date()
	hour, minute, second := instant.Clock()
	_, offset := instant.Zone()
	t := temporal{kind: kind, precision: p}
	switch kind {
	case Date:
		hour, minute, second = 0, 0, 0
	case Time:
		year, month, day = 1, 1, 1
	default:
		t.hasZone, t.offset = true, time.Duration(offset)*time.Second
	}
	nanos := 0
	if p == toFraction {
		t.digits = 3
		nanos = instant.Nanosecond() / int(time.Millisecond) * int(time.Millisecond)
	}
	t.wall = time.Date(year, month, day, hour, minute, second, nanos, time.UTC)
	return t
}
