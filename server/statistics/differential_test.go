package statistics

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

func every() []string {
	return []string{
		"count", "total-count", "minimum", "maximum", "sum", "average", "median", "20-percent", "80-percent", "4-lower", "4-upper", "4-dev", "5-1", "5-2", "5-3", "5-4",
		"variance", "std-dev", "skew", "kurtosis", "regression",
	}
}

// TestSmallAndLarge computes the same values as integers of 64 bits and as big ones: the results are the same text.
func TestSmallAndLarge(t *testing.T) {
	origin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	shapes := []func(*rand.Rand) string{
		func(r *rand.Rand) string { return fmt.Sprint(40 + r.IntN(100)) },
		func(r *rand.Rand) string { return fmt.Sprintf("%d.%d", r.IntN(10), r.IntN(10)) },
		func(r *rand.Rand) string { return fmt.Sprintf("-%d.%03d", r.IntN(300), r.IntN(1000)) },
		func(r *rand.Rand) string { return fmt.Sprintf("%d.%06d", r.IntN(300)-150, r.IntN(1_000_000)) },
		func(r *rand.Rand) string { return fmt.Sprint(r.Int64() - r.Int64()) },
		func(r *rand.Rand) string { return fmt.Sprintf("%de%d", r.IntN(9), r.IntN(24)-8) },
		func(r *rand.Rand) string { return fmt.Sprintf("%d.%018d", r.IntN(9), r.Int64N(1e18)) },
		func(*rand.Rand) string { return "0" },
		func(*rand.Rand) string { return "-0.00" },
		func(*rand.Rand) string { return "4611686018427387903" },
		func(*rand.Rand) string { return "-4611686018427387904" },
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		n := []int{1, 2, 3, 10, 100, 1500}[r.IntN(6)]
		used := shapes[:1+r.IntN(len(shapes))]
		used = used[r.IntN(len(used)):]
		var small, large Series
		large.values.widen()
		for range n {
			value, err := fhir.ParseDecimal(used[r.IntN(len(used))](r))
			if err != nil {
				t.Fatal(err)
			}
			at := origin.Add(time.Duration(r.Int64N(int64(20 * 365 * 24 * time.Hour))))
			small.Add(value, at)
			large.Add(value, at)
		}
		if large.values.large == nil {
			t.Fatal("what is large became small")
		}
		for _, code := range every() {
			if d := cmp.Diff(large.Compute(code, n, origin), small.Compute(code, n, origin)); d != "" {
				t.Fatalf("seed %d, %d values, %s (-large +small):\n%s", seed, n, code, d)
			}
		}
	}
}

// TestAddAfterCompute shows that what was computed is not taken for the values that come later.
func TestAddAfterCompute(t *testing.T) {
	s := series(t, "1", "5")
	for _, c := range [][2]string{{"median", "3"}, {"sum", "6"}} {
		if got := s.Compute(c[0], 2, time.Time{}); got[0].Value != c[1] {
			t.Errorf("%s: %v", c[0], got)
		}
	}
	s.AddSmall(1000, 2, 0)
	for _, c := range [][2]string{{"median", "5"}, {"sum", "16"}, {"maximum", "10"}, {"average", "5.33333333"}} {
		if got := s.Compute(c[0], 3, time.Time{}); got[0].Value != c[1] {
			t.Errorf("%s: %v", c[0], got)
		}
	}
}

func TestSortedSmall(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		width := 1 + r.IntN(62)
		numbers := make([]int64, fewValues+r.IntN(3000))
		for i := range numbers {
			numbers[i] = (r.Int64() >> (63 - width)) * int64(1-2*r.IntN(2))
		}
		if seed == 0 {
			clear(numbers)
		}
		got, sum := sortedSmall(numbers), int64(0)
		for i, v := range got {
			sum += v
			if i > 0 && got[i-1] > v {
				t.Fatalf("seed %d: %d before %d", seed, got[i-1], v)
			}
		}
		for _, v := range numbers {
			sum -= v
		}
		if sum != 0 || len(got) != len(numbers) {
			t.Errorf("seed %d: other numbers than before", seed)
		}
	}
}
