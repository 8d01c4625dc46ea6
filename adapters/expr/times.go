package expr

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones must resolve the same on a machine without a zone database

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/firth-health/firth/adapters/hl7v2"
	"github.com/firth-health/firth/fhir"
)

// epoch tells the instant that lies x units behind 1970-01-01T00:00:00Z, as a FHIR dateTime with as many digits of a second as x carries.
func epoch(args []ref.Val) ref.Val {
	seconds, digits, err := epochSeconds(args)
	if err != nil {
		return types.WrapErr(err)
	}
	if seconds == nil {
		return missing
	}
	return types.String(FormatTime(seconds.UTC(), digits))
}

func offsetEpoch(args []ref.Val) ref.Val {
	instant, digits, err := epochSeconds(args[:1])
	offset, ok := whole(args[1])
	if isAbsent(args[1]) || instant == nil && err == nil {
		return missing
	}
	if err != nil || !ok || offset < -14*3600 || offset > 14*3600 || offset%60 != 0 {
		return types.NewErr("needs seconds and an offset of whole minutes, in seconds")
	}
	return types.String(FormatTime(instant.In(time.FixedZone("", offset)), digits))
}

// epochDigits is how many digits of a second a unit holds.
func epochDigits(unit string) (int, bool) {
	switch unit {
	case "s":
		return 0, true
	case "ms":
		return 3, true
	case "us":
		return 6, true
	case "ns":
		return 9, true
	}
	return 0, false
}

// epochSeconds reads (number or digits in a string [, unit]); nil without error for a blank string.
func epochSeconds(args []ref.Val) (*time.Time, int, error) {
	number := decOf(args)
	if isAbsent(number) {
		return nil, 0, nil
	}
	d, ok := asDecimal(number)
	if !ok {
		return nil, 0, fmt.Errorf("needs a number")
	}
	shift := 0
	if len(args) == 2 {
		unit, _ := args[1].(types.String)
		if shift, ok = epochDigits(string(unit)); !ok {
			return nil, 0, fmt.Errorf(`the unit must be "s", "ms", "us" or "ns"`)
		}
	}
	d = d.Scale10(-shift)
	digits := min(max(d.Scale(), 0), 9)
	nanos, ok := wholeNumber18(d.Round(9).Scale10(9))
	if !ok {
		return nil, 0, fmt.Errorf("the time is out of range")
	}
	t := time.Unix(nanos/1e9, nanos%1e9)
	return &t, digits, nil
}

// wholeNumber18 is like wholeNumber for the 18 digits of nanoseconds up to the year 2001 and the 19 behind it.
func wholeNumber18(d fhir.Decimal) (int64, bool) {
	negative, digits, exponent := d.Digits()
	if exponent != 0 || len(digits) > 19 || len(digits) == 19 && digits[0] > '8' {
		return 0, false
	}
	var n int64
	for i := range len(digits) {
		n = n*10 + int64(digits[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// FormatTime writes a FHIR dateTime with the zone of t and that many digits of a second.
func FormatTime(t time.Time, digits int) string {
	layout := "2006-01-02T15:04:05"
	if digits > 0 {
		layout += "." + strings.Repeat("0", digits)
	}
	return t.Format(layout + "Z07:00")
}

func fakeUTC(args []ref.Val) ref.Val {
	wall, digits, err := epochSeconds(args[:1])
	if err != nil {
		return types.WrapErr(err)
	}
	if isAbsent(args[1]) || wall == nil {
		return missing
	}
	text, _ := ofVal(args[1]).Text()
	zone, ok := parseOffset(text)
	if !ok {
		return types.NewErr("the offset must be like -0800 or -08:00")
	}
	return types.String(FormatTime(inZone(wall.UTC(), zone), digits))
}

// parseOffset reads ±hhmm, ±hh:mm, hhmm (as an integer without its plus and leading zeros: -800, 530, 0) and Z.
func parseOffset(text string) (*time.Location, bool) {
	sign := 1
	switch {
	case text == "Z":
		return time.UTC, true
	case strings.HasPrefix(text, "-"):
		sign, text = -1, text[1:]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	}
	text = strings.Replace(text, ":", "", 1)
	if text == "" || len(text) > 4 {
		return nil, false
	}
	n := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return nil, false
		}
		n = n*10 + int(text[i]-'0')
	}
	hours, minutes := n/100, n%100
	if hours > 14 || minutes > 59 {
		return nil, false
	}
	return time.FixedZone("", sign*(hours*3600+minutes*60)), true
}

// inZone keeps the wall clock and changes the zone.
func inZone(t time.Time, zone *time.Location) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
}

// localTime completes a date and time without offset by a zone: an IANA name or an offset. A time that carries its own offset keeps it. A blank
// between date and time, a missing second, a trailing " +0100" are accepted.
func localTime(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	if !ok {
		return types.NewErr("needs a string")
	}
	if blank(string(text)) {
		return missing
	}
	parsed, err := ParseLocal(string(text))
	if err != nil {
		return types.WrapErr(err)
	}
	return placed(parsed, args[1])
}

// ParseLocal reads the shapes that [Scope] function localTime accepts.
func ParseLocal(text string) (fhir.DateTime, error) {
	text = strings.TrimSpace(text)
	if len(text) > 10 && text[10] == ' ' {
		text = text[:10] + "T" + text[11:]
	}
	if date, zone, found := strings.Cut(text, " "); found {
		if len(zone) == 5 {
			zone = zone[:3] + ":" + zone[3:]
		}
		text = date + zone
	}
	return fhir.ParseDateTime(text)
}

// placed writes a parsed time, in the zone given when it has none of its own. Dates stay dates.
func placed(t fhir.DateTime, zoneName ref.Val) ref.Val {
	switch t.Precision {
	case fhir.Year:
		return types.String(t.Low.Format("2006"))
	case fhir.Month:
		return types.String(t.Low.Format("2006-01"))
	case fhir.Day:
		return types.String(t.Low.Format(time.DateOnly))
	}
	if t.HasZone {
		return types.String(FormatTime(t.Low, t.Digits))
	}
	name, _ := zoneName.(types.String)
	zone, err := LoadZone(string(name))
	if err != nil {
		return types.WrapErr(err)
	}
	placed, err := InZone(t.Low, zone)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.String(FormatTime(placed, t.Digits))
}

// InZone keeps the wall clock and changes the zone. On the nights that clocks change, some local times do not exist and some happen twice: both are errors, because
// either choice could be an hour wrong.
func InZone(t time.Time, zone *time.Location) (time.Time, error) {
	placed := inZone(t, zone)
	if placed.Hour() != t.Hour() || placed.Minute() != t.Minute() {
		return placed, fmt.Errorf("the local time does not exist: the clocks were put forward")
	}
	_, offset := placed.Zone()
	for _, other := range []time.Time{placed.Add(-3 * time.Hour), placed.Add(3 * time.Hour)} {
		_, before := other.Zone()
		twin := placed.Add(time.Duration(offset-before) * time.Second)
		if _, twins := twin.Zone(); before != offset && twins == before && twin.Hour() == t.Hour() && twin.Minute() == t.Minute() {
			return placed, fmt.Errorf("the local time happens twice: the clocks were put back")
		}
	}
	return placed, nil
}

// LoadZone finds a zone by IANA name ("Europe/Oslo"), by offset ("+02:00") or "UTC". "Local" is refused: it would depend on the machine.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("a time without offset needs a zone")
	}
	if zone, ok := parseOffset(name); ok {
		return zone, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time zone", name)
	}
	return zone, nil
}

// hl7Time reads the HL7 v2 data types DTM and TS. Without an offset in the text it takes the zone; without a zone it gives the local time as it is, for
// the manifest's time.zone to complete.
func hl7Time(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	if !ok {
		return types.NewErr("needs a string")
	}
	if blank(string(text)) {
		return missing
	}
	zone := time.UTC
	if len(args) == 2 && !isAbsent(args[1]) {
		name, _ := args[1].(types.String)
		var err error
		if zone, err = LoadZone(string(name)); err != nil {
			return types.WrapErr(err)
		}
	}
	dateTime, hasZone, err := hl7v2.ParseTime(strings.TrimSpace(string(text)), zone)
	if err != nil {
		return types.WrapErr(err)
	}
	if !hasZone && (len(args) == 1 || isAbsent(args[1])) {
		dateTime = strings.TrimSuffix(dateTime, "Z")
	}
	return types.String(dateTime)
}

// millis is the time from one dateTime to another, in milliseconds.
func millis(args []ref.Val) ref.Val {
	if isAbsent(args[1]) {
		return missing
	}
	from, okFrom := args[0].(types.String)
	to, okTo := args[1].(types.String)
	start, err := fhir.ParseDateTime(string(from))
	end, errEnd := fhir.ParseDateTime(string(to))
	if !okFrom || !okTo || err != nil || errEnd != nil || start.HasZone != end.HasZone {
		return types.NewErr("needs two times")
	}
	return newDecimal(fhir.NewDecimal(end.Low.Sub(start.Low).Microseconds(), -3))
}
