package hl7v2

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrAmbiguousTime comes with a usable text: the local time happens twice, on the night the clocks go back, and the text is the earlier of the two.
var ErrAmbiguousTime = errors.New("hl7v2: local time happens twice on this date and carries no offset")

// ParseTime turns an HL7 timestamp (DTM and TS.1: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]) into a FHIR dateTime of the precision that was sent.
// FHIR has no dateTime without seconds, so a time of hours or of hours and minutes is filled with zeros. The offset is the one sent, else that of the location
// at that time; offset zero is written Z. hasZone tells that an offset was sent. A time without an offset is an error when the location is nil, when it
// falls into the hour that the clocks skip, and, as ErrAmbiguousTime, when it happens twice. Errors do not quote the text.
func ParseTime(text string, location *time.Location) (dateTime string, hasZone bool, err error) {
	digits, fraction, zone, err := splitTime(text)
	if err != nil {
		return "", false, err
	}
	hasZone = zone != ""
	t, err := wallClock(digits)
	if err != nil {
		return "", hasZone, err
	}
	date := t.Format("2006-01-02")
	switch len(digits) {
	case 4:
		return date[:4], hasZone, nil
	case 6:
		return date[:7], hasZone, nil
	case 8:
		return date, hasZone, nil
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	local := t.Format("2006-01-02T15:04:05") + fraction
	if hasZone {
		offset, err := sentOffset(zone)
		return local + offset, hasZone, err
	}
	offset, err := offsetIn(t, location)
	if err != nil && !errors.Is(err, ErrAmbiguousTime) {
		return "", false, err
	}
	return local + offset, false, err
}

// splitTime takes a timestamp apart and checks that the parts are digits of a possible length.
func splitTime(text string) (digits, fraction, zone string, err error) {
	digits = text
	if i := strings.IndexAny(digits, "+-"); i >= 0 {
		digits, zone = digits[:i], digits[i:]
		if len(zone) != 5 || !allDigits(zone[1:]) {
			return "", "", "", errors.New("hl7v2: offset of a timestamp is not +ZZZZ or -ZZZZ")
		}
	}
	digits, fraction, found := strings.Cut(digits, ".")
	if found && (len(digits) != 14 || len(fraction) < 1 || len(fraction) > 4 || !allDigits(fraction)) {
		return "", "", "", errors.New("hl7v2: timestamp has a fraction that is not one to four digits of a second")
	}
	if len(digits) < 4 || len(digits) > 14 || len(digits)%2 != 0 || !allDigits(digits) {
		return "", "", "", errors.New("hl7v2: timestamp is not YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]")
	}
	return digits, fraction, zone, nil
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// wallClock reads the digits as a time in UTC and refuses dates and times that do not exist.
func wallClock(digits string) (time.Time, error) {
	const first = "00000101000000" // what absent parts read as
	t, err := time.Parse("20060102150405", digits+first[len(digits):])
	if err != nil || t.Year() == 0 {
		return time.Time{}, errors.New("hl7v2: timestamp is not a date and time of the calendar")
	}
	return t, nil
}

// sentOffset writes +ZZZZ as FHIR does.
func sentOffset(zone string) (string, error) {
	value, err := strconv.Atoi(zone[1:])
	if err != nil || value > 1400 || value%100 > 59 {
		return "", errors.New("hl7v2: offset of a timestamp is over 14 hours or has over 59 minutes")
	}
	if value == 0 {
		return "Z", nil
	}
	return zone[:3] + ":" + zone[3:], nil
}

// offsetIn finds the offset of a location at a local time, given as if it were UTC. Both offsets around the time are tried, so that the nights on which
// clocks change are seen.
func offsetIn(wall time.Time, location *time.Location) (string, error) {
	if location == nil {
		return "", errors.New("hl7v2: timestamp has no offset, and there is no default time zone")
	}
	var offsets []int
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(near).In(location).Zone()
		_, then := wall.Add(-time.Duration(offset) * time.Second).In(location).Zone()
		if then == offset && (len(offsets) == 0 || offsets[0] != offset) {
			offsets = append(offsets, offset)
		}
	}
	if len(offsets) == 0 {
		return "", fmt.Errorf("hl7v2: local time does not exist in %s: the clocks skip it", location)
	}
	if offsets[0]%60 != 0 {
		return "", fmt.Errorf("hl7v2: offset of %s at this time has seconds, which FHIR cannot write", location)
	}
	text := wall.Add(0).In(time.FixedZone("", offsets[0])).Format("Z07:00")
	if len(offsets) > 1 {
		return text, ErrAmbiguousTime
	}
	return text, nil
}
