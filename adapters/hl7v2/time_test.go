package hl7v2

import (
	"errors"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone database here")
	}
	tests := []struct {
		in       string
		location *time.Location
		want     string
		hasZone  bool
	}{
		{"2012", nil, "2012", false},
		{"201205", nil, "2012-05", false},
		{"20120530", nil, "2012-05-30", false},
		{"20120530+0200", nil, "2012-05-30", true},
		{"2012053011", time.UTC, "2012-05-30T11:00:00Z", false},
		{"201205301123", time.UTC, "2012-05-30T11:23:00Z", false},
		{"20120530112340", time.UTC, "2012-05-30T11:23:40Z", false},
		{"20150617120000.000", time.UTC, "2015-06-17T12:00:00.000Z", false},
		{"20150617120000.1", time.UTC, "2015-06-17T12:00:00.1Z", false},
		{"20150617120000.1234-0530", nil, "2015-06-17T12:00:00.1234-05:30", true},
		{"20150617120000+0000", nil, "2015-06-17T12:00:00Z", true},
		{"20150617120000-0000", nil, "2015-06-17T12:00:00Z", true},
		{"20150617120000+1400", berlin, "2015-06-17T12:00:00+14:00", true},
		{"201506171200+0100", nil, "2015-06-17T12:00:00+01:00", true},
		{"20150617120000", berlin, "2015-06-17T12:00:00+02:00", false},
		{"20150117120000", berlin, "2015-01-17T12:00:00+01:00", false},
		{"20260329015959", berlin, "2026-03-29T01:59:59+01:00", false},
		{"20260329030000", berlin, "2026-03-29T03:00:00+02:00", false},
		{"20261025030000", berlin, "2026-10-25T03:00:00+01:00", false},
		{"20160229", nil, "2016-02-29", false},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, hasZone, err := ParseTime(tt.in, tt.location)
			if err != nil || got != tt.want || hasZone != tt.hasZone {
				t.Errorf("ParseTime = %q, %t, %v; want %q, %t", got, hasZone, err, tt.want, tt.hasZone)
			}
		})
	}
	got, _, err := ParseTime("20261025023000", berlin)
	if !errors.Is(err, ErrAmbiguousTime) || got != "2026-10-25T02:30:00+02:00" {
		t.Errorf("time that happens twice = %q, %v; want the earlier one and ErrAmbiguousTime", got, err)
	}
	for _, in := range []string{"20260329020000", "20260329025959"} {
		if got, _, err := ParseTime(in, berlin); err == nil || got != "" {
			t.Errorf("time that the clocks skip, %s = %q, %v; want an error", in, got, err)
		}
	}
}

func TestParseTimeErrors(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "hl7v2: timestamp is not YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]"},
		{"201", "hl7v2: timestamp is not YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]"},
		{"20120", "hl7v2: timestamp is not YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]"},
		{"2012-05-30", "hl7v2: offset of a timestamp is not +ZZZZ or -ZZZZ"},
		{"20120530T11", "hl7v2: timestamp is not YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]"},
		{"0000", "hl7v2: timestamp is not a date and time of the calendar"},
		{"201213", "hl7v2: timestamp is not a date and time of the calendar"},
		{"20150229", "hl7v2: timestamp is not a date and time of the calendar"},
		{"2015062924", "hl7v2: timestamp is not a date and time of the calendar"},
		{"20150629235960", "hl7v2: timestamp is not a date and time of the calendar"},
		{"20150629235959.", "hl7v2: timestamp has a fraction that is not one to four digits of a second"},
		{"20150629235959.12345", "hl7v2: timestamp has a fraction that is not one to four digits of a second"},
		{"201506292359.1", "hl7v2: timestamp has a fraction that is not one to four digits of a second"},
		{"20150629235959+01", "hl7v2: offset of a timestamp is not +ZZZZ or -ZZZZ"},
		{"20150629235959+01:00", "hl7v2: offset of a timestamp is not +ZZZZ or -ZZZZ"},
		{"20150629235959+1500", "hl7v2: offset of a timestamp is over 14 hours or has over 59 minutes"},
		{"20150629235959+0160", "hl7v2: offset of a timestamp is over 14 hours or has over 59 minutes"},
		{"20150629235959", "hl7v2: timestamp has no offset, and there is no default time zone"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			if got, _, err := ParseTime(tt.in, nil); err == nil || err.Error() != tt.want {
				t.Errorf("ParseTime = %q, %v; want %s", got, err, tt.want)
			}
		})
	}
}
