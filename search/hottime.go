package search

import (
	"strings"
	"time"
)

// shortTime is how long a time may last to be short. Stores keep short times and others in different places, so changing it needs a new format.
const shortTime = 24 * time.Hour

// Short reports whether a time, the rest of a key behind [HotIndex.Time], lasts at most a day. Then a condition on its high end bounds its low end.
func (h HotIndex) Short(rest string) bool {
	low, high, _ := strings.Cut(rest, Separator)
	from, ok := readTime(low)
	to, closed := readTime(high)
	return ok && closed && to.Sub(from) <= shortTime
}

// Window returns what a plan says of the time: only low ends with lo <= low < hi can belong to a short time that matches. It is ok only for plans
// about nothing but the time, which the two keys of a resource's one time decide.
func (h HotIndex) Window(p Plan) (lo, hi string, ok bool) {
	switch p := p.(type) {
	case Keys:
		return h.keysWindow(p)
	case And:
		hi = tailMax
		for _, part := range p {
			l, u, ok := h.Window(part)
			if !ok {
				return "", "", false
			}
			lo, hi = max(lo, l), min(hi, u)
		}
		return lo, hi, true
	case Or:
		lo = tailMax
		for _, part := range p {
			l, u, ok := h.Window(part)
			if !ok {
				return "", "", false
			}
			lo, hi = min(lo, l), max(hi, u)
		}
		return lo, hi, true
	case Not:
		_, _, ok = h.Window(p.Of)
		return "", tailMax, ok
	}
	return "", "", false
}

func (h HotIndex) keysWindow(p Keys) (lo, hi string, ok bool) {
	for _, prefix := range []string{h.Time, h.High} {
		if !strings.HasPrefix(p.Lo, prefix) || p.Hi > after(prefix) {
			continue
		}
		lo, hi = p.Lo[len(prefix):], tailMax
		if rest, inside := strings.CutPrefix(p.Hi, prefix); inside {
			hi = rest
		} else if p.Hi < prefix {
			hi = ""
		}
		if prefix == h.High {
			lo = dayBefore(lo)
		}
		return lo, hi, true
	}
	return "", "", false
}

// dayBefore is a text at or below the low end of every short time whose high end is at or above text.
func dayBefore(text string) string {
	if len(text) < len(timeMin) {
		return ""
	}
	t, ok := readTime(text[:len(timeMin)])
	if !ok {
		return ""
	}
	return timeText(t.Add(-shortTime), false)
}

// readTime reads what [appendTime] wrote; ok is false for the open ends.
func readTime(text string) (t time.Time, ok bool) {
	if len(text) != len(timeMin) || text == timeMin || text == timeMax {
		return time.Time{}, false
	}
	number := func(from, to int) (n int) {
		for _, c := range []byte(text[from:to]) {
			n = n*10 + int(c-'0')
			ok = ok && '0' <= c && c <= '9'
		}
		return n
	}
	ok = true
	t = time.Date(number(0, 4), time.Month(number(4, 6)), number(6, 8), number(8, 10), number(10, 12), number(12, 14), number(14, 20)*1000, time.UTC)
	return t, ok
}
