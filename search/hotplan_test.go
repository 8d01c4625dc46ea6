package search

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHotDivide(t *testing.T) {
	h := HotIndexes("Observation")[0]
	of1 := OneKey(h.Subject + "Patient/1")
	day := Keys{Lo: h.Time + "20240301000000000000", Hi: h.Time + "20240302000000000000"}
	status, code := OneKey("status\x01tfinal"), OneKey(h.Codes[0]+"hr")
	for _, test := range []struct {
		name string
		plan And
		want HotPlan
		ok   bool
	}{
		{"nobody", And{code, day}, HotPlan{}, false},
		{"all of a patient", And{of1}, HotPlan{Subject: "Patient/1", Hi: tailMax}, true},
		{"a day", And{of1, day}, HotPlan{Subject: "Patient/1", Times: []Plan{day}, Lo: "20240301000000000000", Hi: "20240302000000000000"}, true},
		{"more", And{status, of1, Or{code, of1}, All{}}, HotPlan{Subject: "Patient/1", Hi: tailMax, Rest: []Plan{status}}, true},
		{"all of what follows", And{of1, And{of1, All{}}}, HotPlan{Subject: "Patient/1", Hi: tailMax}, true},
		{"all of what follows and more", And{of1, And{of1, status}}, HotPlan{Subject: "Patient/1", Hi: tailMax, Rest: []Plan{And{of1, status}}}, true},
		{"one of what does not follow", And{of1, Or{code, status}}, HotPlan{Subject: "Patient/1", Hi: tailMax, Rest: []Plan{Or{code, status}}}, true},
		{"not", And{of1, Not{Of: Or{code, of1}}}, HotPlan{Subject: "Patient/1", Hi: tailMax, Rest: []Plan{Not{Of: Or{code, of1}}}}, true},
	} {
		got, ok := h.Divide(test.plan)
		if diff := cmp.Diff(test.want, got); diff != "" || ok != test.ok {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, ok, diff)
		}
	}
}

// TestHotMatchesTimes compares with what Match says of the two keys that a time gives.
func TestHotMatchesTimes(t *testing.T) {
	h := HotIndexes("Observation")[0]
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		all := []string{"", "2024", "20240301000000000000", "20240302000000000000", "20240302000000000001", "~", "20240301000000000000" + Separator, "20240302000000000000\x0120240303000000000000"}
		return all[random.IntN(len(all))]
	}
	var plan func(depth int) Plan
	plan = func(depth int) Plan {
		kind := random.IntN(6)
		switch {
		case depth > 2 || kind > 3:
			prefix := []string{h.Time, h.High}[random.IntN(2)]
			p := Keys{Lo: prefix + text(), Hi: prefix + text()}
			switch random.IntN(6) {
			case 0:
				p.Hi = after(prefix)
			case 1:
				p.TailLo, p.TailHi = text(), text()
			case 2:
				p.Contains = []string{"0302"}
			case 3:
				p.Hi = "a"
			}
			return p
		case kind == 0:
			return And{plan(depth + 1), plan(depth + 1)}
		case kind == 1:
			return Or{plan(depth + 1), plan(depth + 1)}
		}
		return Not{Of: plan(depth + 1)}
	}
	seen := map[bool]int{}
	for range 20_000 {
		p := plan(0)
		if _, _, ok := h.Window(p); !ok {
			t.Fatalf("%#v is not about the time", p)
		}
		var keys []string
		var time []byte
		if random.IntN(10) > 0 {
			low, high := text(), text()
			low, _, _ = strings.Cut(low, Separator)
			high, _, _ = strings.Cut(high, Separator)
			time = []byte(low + Separator + high)
			keys = []string{h.High + high + Separator + low, h.Time + low + Separator + high}
		}
		want := Match(p, "", keys, nil)
		if got := h.MatchesTimes([]Plan{p}, time); got != want {
			t.Fatalf("%#v of %q: %v, want %v", p, time, got, want)
		}
		seen[want]++
	}
	if seen[true] < 1000 || seen[false] < 1000 {
		t.Error(fmt.Sprint(seen))
	}
}
