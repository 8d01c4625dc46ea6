package search

import "testing"

func TestAccepts(t *testing.T) {
	circle := &Circle{Latitude: 10, Longitude: 20, Radius: 1000}
	for _, test := range []struct {
		name string
		plan Keys
		key  string
		want bool
	}{
		{"below", Keys{Lo: "a\x01t2", Hi: "a\x01t4"}, "a\x01t1", false},
		{"first", Keys{Lo: "a\x01t2", Hi: "a\x01t4"}, "a\x01t2", true},
		{"end", Keys{Lo: "a\x01t2", Hi: "a\x01t4"}, "a\x01t4", false},
		{"contains", Keys{Lo: "a", Hi: "b", Contains: []string{"x", "y"}}, "a\x01tyx", true},
		{"contains one of two", Keys{Lo: "a", Hi: "b", Contains: []string{"x", "y"}}, "a\x01tx", false},
		{"contains in the index", Keys{Lo: "a", Hi: "b", Contains: []string{"x"}}, "ax\x01t", false},
		{"tail", Keys{Lo: "a", Hi: "b", TailLo: "2", TailHi: "4"}, "a\x01l1\x012", true},
		{"tail below", Keys{Lo: "a", Hi: "b", TailLo: "2", TailHi: "4"}, "a\x01l3\x011", false},
		{"tail end", Keys{Lo: "a", Hi: "b", TailLo: "2", TailHi: "4"}, "a\x01l3\x014", false},
		{"near", Keys{Lo: "a", Hi: "b", Near: circle}, "a\x01g0\x0110.001\x0120", true},
		{"far", Keys{Lo: "a", Hi: "b", Near: circle}, "a\x01g0\x0110.1\x0120", false},
		{"no position", Keys{Lo: "a", Hi: "b", Near: circle}, "a\x01!", false},
		{"near with a tail outside", Keys{Lo: "a", Hi: "b", Near: circle, TailLo: "3", TailHi: "4"}, "a\x01g0\x0110\x0120", false},
	} {
		if got := test.plan.Accepts(test.key); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	if !(Keys{Lo: "a", Hi: "a\x00"}).isExact() || (Keys{Lo: "a", Hi: "a\x00", Near: circle}).isExact() {
		t.Error("a key with a filter is no exact key, one without is")
	}
}

func (k Keys) isExact() bool { _, exact := k.Exact(); return exact }
