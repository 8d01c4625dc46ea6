package search

import "testing"

func TestHotShort(t *testing.T) {
	h := HotIndexes("Observation")[0]
	for rest, want := range map[string]bool{
		"20240101000000000000\x0120240102000000000000": true,
		"20240101000000000000\x0120240101000001000000": true,
		"20240101000000000000\x0120240102000000000001": false,
		"20240101000000000000\x0120240201000000000000": false,
		timeMin + "\x0120240201000000000000":           false,
		"20240101000000000000\x01" + timeMax:           false,
		"20240101000000000000":                         false,
		"2024010100000000000x\x0120240101000001000000": false,
		"": false,
	} {
		if got := h.Short(rest); got != want {
			t.Errorf("%q: %v", rest, got)
		}
	}
}

func TestHotWindow(t *testing.T) {
	h := HotIndexes("Observation")[0]
	const day, next, before = "20240301000000000000", "20240302000000000000", "20240229000000000000"
	low := func(lo, hi string) Keys { return Keys{Lo: h.Time + lo, Hi: h.Time + hi} }
	high := func(lo, hi string) Keys { return Keys{Lo: h.High + lo, Hi: h.High + hi} }
	for _, c := range []struct {
		name   string
		plan   Plan
		lo, hi string
		ok     bool
	}{
		{"low end", low(day, next), day, next, true},
		{"low end, open above", Keys{Lo: h.Time + day, Hi: after(h.Time)}, day, tailMax, true},
		{"low end, all", withPrefix(h.Time), "", tailMax, true},
		{"high end", high(day, next), before, next, true},
		{"high end, open below", high("", next), "", next, true},
		{"high end, open above", Keys{Lo: h.High + day + "\x02", Hi: after(h.High)}, before, tailMax, true},
		{"or", Or{low(day, next), high(day, day+"x")}, before, next, true},
		{"and", And{Keys{Lo: h.Time + day, Hi: after(h.Time)}, low("", next)}, day, next, true},
		{"not", Not{Of: low(day, next)}, "", tailMax, true},
		{"empty range", Keys{Lo: h.Time + day, Hi: h.Time}, day, "", true},
		{"other index", withPrefix("dates"), "", "", false},
		{"wider than the index", Keys{Lo: h.Time, Hi: "e"}, "", "", false},
		{"presence", withPrefix("date" + Separator), "", "", false},
		{"with an id", Or{low(day, next), IDs{"a"}}, "", "", false},
		{"all", All{}, "", "", false},
	} {
		lo, hi, ok := h.Window(c.plan)
		if ok != c.ok || ok && (lo != c.lo || hi != c.hi) {
			t.Errorf("%s: [%q, %q) %v, want [%q, %q) %v", c.name, lo, hi, ok, c.lo, c.hi, c.ok)
		}
	}
}
