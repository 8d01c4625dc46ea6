package path

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSearchExpressionsCompile compiles all search expressions of R4 and those of the components of composites.
func TestSearchExpressionsCompile(t *testing.T) {
	defs := definitions(t)
	parameters, components := 0, 0
	for _, p := range defs.AllSearchParameters() {
		if p.Expression != "" {
			if _, err := Compile(p.Expression, defs, ForSearch()); err != nil {
				t.Errorf("%s: %s: %v", p.URL, p.Expression, err)
			}
		}
		parameters++
		for _, c := range p.Components {
			if _, err := Compile(c.Expression, defs, ForSearch()); err != nil {
				t.Errorf("%s: %s: %v", p.URL, c.Expression, err)
			}
			components++
		}
	}
	if diff := cmp.Diff([]int{1375, 96}, []int{parameters, components}); diff != "" {
		t.Errorf("search parameters and components (-want +got):\n%s", diff)
	}
}

// TestSearchExpressionsAreStrict compiles each expression for each of its bases with the definitions at hand: only elements that
// exist are named.
func TestSearchExpressionsAreStrict(t *testing.T) {
	defs := definitions(t)
	for _, p := range defs.AllSearchParameters() {
		for _, base := range p.Base {
			if p.Expression == "" {
				continue
			}
			if _, err := Compile(p.Expression, defs, ForSearch(), Strict(base)); err != nil {
				t.Errorf("%s on %s: %s: %v", p.URL, base, p.Expression, err)
			}
		}
	}
}
