package auth

import (
	"reflect"
	"slices"

	"github.com/firth-health/firth/search"
)

// unique leaves out alternatives that come again; a single one stands for itself.
func unique(alternatives search.Or) search.Plan {
	var kept search.Or
	for _, p := range alternatives {
		if !slices.ContainsFunc(kept, func(k search.Plan) bool { return reflect.DeepEqual(k, p) }) {
			kept = append(kept, p)
		}
	}
	if len(kept) == 1 {
		return kept[0]
	}
	return kept
}
