package path

import (
	"strconv"
	"time"

	"github.com/firth-health/firth/fhir"
)

// calendarUnit returns the singular of the word for a calendar duration, empty when it is not one.
func calendarUnit(word string) string {
	switch word {
	case "year", "years":
		return "year"
	case "month", "months":
		return "month"
	case "week", "weeks":
		return "week"
	case "day", "days":
		return "day"
	case "hour", "hours":
		return "hour"
	case "minute", "minutes":
		return "minute"
	case "second", "seconds":
		return "second"
	case "millisecond", "milliseconds":
		return "millisecond"
	}
	return ""
}

// calendarOfUCUM is the calendar duration that R4 fhirpath.html (Use of FHIR Quantity) reads in a quantity's unit.
func calendarOfUCUM(code string) string {
	switch code {
	case "a":
		return "year"
	case "mo":
		return "month"
	case "wk":
		return "week"
	case "d":
		return "day"
	case "h":
		return "hour"
	case "min":
		return "minute"
	case "s":
		return "second"
	case "ms":
		return "millisecond"
	}
	return ""
}

// durationUnit is the word for a quantity's unit of time; definite is false for years and months, whose length varies.
func durationUnit(q *Quantity) (word string, definite bool) {
	word = q.Unit
	if !q.Calendar {
		word = calendarOfUCUM(q.Unit)
	}
	return word, word != "" && word != "year" && word != "month"
}

// milliseconds is the length of a definite unit.
func milliseconds(word string) int64 {
	switch word {
	case "week":
		return 7 * 24 * 3600 * 1000
	case "day":
		return 24 * 3600 * 1000
	case "hour":
		return 3600 * 1000
	case "minute":
		return 60 * 1000
	case "second":
		return 1000
	}
	return 1
}

// addDuration adds a calendar duration, or a definite UCUM duration, to a date or time (FHIRPath N1, Date/Time Arithmetic). Fractions
// count only for calendar seconds and milliseconds; the official tests want 0.1 's' to add nothing. ok is false when the result has no
// place in years 1 to 9999; problem says why the quantity cannot be added at all.
func addDuration(t temporal, q *Quantity, sign int64) (sum temporal, ok bool, problem string) {
	word, definite := durationUnit(q)
	if word == "" || !q.Calendar && !definite {
		return t, false, "only calendar durations and UCUM wk, d, h, min, s and ms can be added to dates and times"
	}
	if t.kind == Time && milliseconds(word) > milliseconds("hour") || t.kind == Time && !definite {
		return t, false, "only hours and shorter durations can be added to a time"
	}
	value := q.Value
	switch {
	case q.Calendar && word == "second":
		value, word = value.Scale10(3), "millisecond"
	case word == "millisecond":
	default:
		value = truncate(value)
	}
	n, err := strconv.ParseInt(truncate(value).String(), 10, 64)
	if err != nil || n > maxDuration || n < -maxDuration {
		return t, false, ""
	}
	sum, ok = addWhole(t, sign*n, word)
	return sum, ok, ""
}

// maxDuration is more milliseconds than the calendar has.
const maxDuration = 10_000 * 366 * 24 * 3600 * 1000

// addWhole adds n units, converted to the precision of t where they are finer.
func addWhole(t temporal, n int64, word string) (temporal, bool) {
	months, millis := int64(0), int64(0)
	switch word {
	case "year":
		months = 12 * n
	case "month":
		months = n
	default:
		if n > maxDuration/milliseconds(word) || n < -maxDuration/milliseconds(word) {
			return t, false
		}
		millis = n * milliseconds(word)
	}
	const day = 24 * 3600 * 1000
	switch t.precision {
	case toYear:
		months, millis = (months/12+millis/(365*day))*12, 0
	case toMonth:
		months, millis = months+millis/(30*day), 0
	case toDay:
		millis -= millis % day
	case toHour:
		millis -= millis % (3600 * 1000)
	case toMinute:
		millis -= millis % (60 * 1000)
	case toSecond:
		millis -= millis % 1000
	}
	if months > 12*10_000 || months < -12*10_000 {
		return t, false
	}
	t.wall = addMonths(t.wall, int(months)).AddDate(0, 0, int(millis/day)).Add(time.Duration(millis%day) * time.Millisecond)
	if millis%1000 != 0 {
		t.digits = max(t.digits, 3)
	}
	if t.kind == Time {
		hour, minute, second := t.wall.Clock()
		t.wall = time.Date(1, 1, 1, hour, minute, second, t.wall.Nanosecond(), time.UTC)
	}
	return t, t.wall.Year() >= 1 && t.wall.Year() <= 9999
}

// addMonths keeps the day of the month, or takes the last one of a shorter month.
func addMonths(t time.Time, months int) time.Time {
	if months == 0 {
		return t
	}
	sum := t.AddDate(0, months, 0)
	if sum.Day() != t.Day() {
		sum = sum.AddDate(0, 0, -sum.Day())
	}
	return sum
}

// truncate drops the fraction.
func truncate(d fhir.Decimal) fhir.Decimal {
	if d.Scale() <= 0 {
		return d
	}
	r := d.Round(0)
	if one := fhir.NewDecimal(int64(d.Sign()), 0); r.Sub(d).Sign() == d.Sign() {
		r = r.Sub(one)
	}
	return r
}
