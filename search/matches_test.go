package search

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestIndexesOfPlans says which indexes are extracted for a plan: those that it asks, and all of them only where one of its ranges has keys of several.
func TestIndexesOfPlans(t *testing.T) {
	whole := Keys{Lo: "code" + Separator, Hi: after("code" + Separator)}
	for _, c := range []struct {
		name string
		plan Plan
		want string
	}{
		{"everything", All{}, ""},
		{"ids", IDs{"a"}, ""},
		{"a key", Keys{Lo: "code\x01ta\x01", Hi: "code\x01ta\x02"}, "code"},
		{"all keys of an index", whole, "code"},
		{"the beginning of an index", Keys{Lo: whole.Lo, Hi: "code\x01t"}, "code"},
		{"a key too many", Keys{Lo: whole.Lo, Hi: whole.Hi + "\x01"}, "all"},
		{"two indexes", Keys{Lo: whole.Lo, Hi: "date\x01"}, "all"},
		{"before an index", Keys{Lo: "code", Hi: whole.Hi}, "all"},
		{"all of", And{whole, Keys{Lo: "date\x01p", Hi: "date\x01q"}}, "code date"},
		{"one of", Or{whole, Keys{Lo: "date\x01p", Hi: "date\x01q"}}, "code date"},
		{"not", Not{Of: whole}, "code"},
		{"a reference", Ref{Index: "subject", Type: "Patient", Of: Keys{Lo: "name\x01", Hi: "name\x02"}}, "subject"},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := indexNames{}
			names.add(c.plan)
			got := strings.Join(slices.Sorted(maps.Keys(names)), " ")
			if names[""] {
				got = "all"
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
