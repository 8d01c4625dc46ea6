package search

import (
	"time"
)

// The open ends of a period in keys.
const (
	timeMin = "00000000000000000000"
	timeMax = "99999999999999999999"
)

// lastUpdatedIndex holds the one key that the store adds, because only a commit knows it.
const lastUpdatedIndex = "_lastUpdated"

// LastUpdatedKey is the index key of meta.lastUpdated. The store adds it to the keys of [Registry.Extract] when it commits.
func LastUpdatedKey(t time.Time) string {
	return string(appendTime([]byte(lastUpdatedIndex+Separator+string(formLow)), t, false))
}

// appendTime appends t as yyyymmddhhmmssuuuuuu in UTC. What is finer than a microsecond is cut, or with up rounded up. Years beyond 9999 become the
// open end.
func appendTime(dst []byte, t time.Time, up bool) []byte {
	t = t.UTC()
	if rest := t.Nanosecond() % 1000; rest != 0 {
		t = t.Add(time.Duration(-rest))
		if up {
			t = t.Add(time.Microsecond)
		}
	}
	year, month, day := t.Date()
	if year > 9999 {
		return append(dst, timeMax...)
	}
	if year < 0 {
		return append(dst, timeMin...)
	}
	hour, minute, second := t.Clock()
	dst = appendDigits(dst, year, 4)
	dst = appendDigits(dst, int(month), 2)
	dst = appendDigits(dst, day, 2)
	dst = appendDigits(dst, hour, 2)
	dst = appendDigits(dst, minute, 2)
	dst = appendDigits(dst, second, 2)
	return appendDigits(dst, t.Nanosecond()/1000, 6)
}

func appendDigits(dst []byte, n, width int) []byte {
	var digits [20]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	return append(dst, digits[:width]...)
}

// timeText is appendTime for queries.
func timeText(t time.Time, up bool) string { return string(appendTime(nil, t, up)) }
