package auth

import (
	"reflect"
	"slices"

	"github.com/firth-health/firth/search"
)

// unique leaves out alternatives that come again; a single one stands for itself.
func unique(alternatives search.Or) search.Plan {
	var kept search.Or
	seen := map[string][]search.Plan{} // by what they look like
	for _, p := range alternatives {
		text, exact := search.ExactKey(p)
		if !exact {
			text = search.Explain(p)
		}
		if !slices.ContainsFunc(seen[text], func(k search.Plan) bool { return reflect.DeepEqual(k, p) }) {
			seen[text] = append(seen[text], p)
			kept = append(kept, p)
		}
	}
	if len(kept) == 1 {
		return kept[0]
	}
	return kept
}

// manyKeys is from how many on keys are one condition instead of alternatives.
const manyKeys = 16

// oneOf matches any of some keys under a prefix.
func oneOf(prefix string, tails []string) []search.Plan {
	keys := make([]string, len(tails))
	plans := make([]search.Plan, len(tails))
	for i, tail := range tails {
		keys[i] = prefix + tail
		plans[i] = search.OneKey(keys[i])
	}
	if len(keys) < manyKeys {
		return plans
	}
	return []search.Plan{search.Among(keys)}
}
