package statistics

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

func series(t testing.TB, values ...string) *Series {
	t.Helper()
	var s Series
	for i, text := range values {
		d, err := fhir.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Add(d, time.Unix(int64(i)*1800, 0))
	}
	return &s
}

// The expected values were computed by hand or with Python's fractions, statistics and NumPy.
func TestCompute(t *testing.T) {
	odd := []string{"2", "4", "4", "4", "5", "5", "7", "9"}
	for _, c := range []struct {
		name, code string
		values     []string
		want       string
	}{
		{"mean of a third", "average", []string{"1", "1", "2"}, "1.333333"},
		{"exact mean", "average", odd, "5"},
		{"sum keeps what floats lose", "sum", []string{"0.1", "0.2", "1e16"}, "10000000000000000.3"},
		{"long numbers", "median", []string{"123456789012345678901234567890.1", "1", "123456789012345678901234567890.3"}, "123456789012345678901234567890.1"},
		{"minimum", "minimum", []string{"36.50", "-0.5"}, "-0.5"},
		{"maximum", "maximum", []string{"36.50", "-0.5"}, "36.5"},
		{"median of even", "median", []string{"3", "1", "2", "10"}, "2.5"},
		{"median of one", "median", []string{"7.25"}, "7.25"},
		{"20-percent", "20-percent", odd, "4"},
		{"80-percent", "80-percent", odd, "6.2"},
		{"4-lower", "4-lower", odd, "4"},
		{"4-upper", "4-upper", odd, "5.5"},
		{"4-dev", "4-dev", odd, "0.75"},
		{"5-1", "5-1", []string{"1", "2", "3", "4"}, "1.6"},
		{"5-2", "5-2", []string{"1", "2", "3", "4"}, "2.2"},
		{"5-3", "5-3", []string{"1", "2", "3", "4"}, "2.8"},
		{"5-4", "5-4", []string{"1", "2", "3", "4"}, "3.4"},
		{"variance of a sample", "variance", odd, "4.571429"},
		{"std-dev of a sample", "std-dev", odd, "2.13809"},
		{"std-dev of one", "std-dev", []string{"1"}, ""},
		{"variance of fractions", "variance", []string{"0.1", "0.2"}, "0.005"},
		{"skew", "skew", odd, "0.65625"},
		{"skew to the left", "skew", []string{"0", "10", "10"}, "-0.707107"},
		{"skew of equals", "skew", []string{"1", "1"}, ""},
		{"kurtosis", "kurtosis", odd, "2.78125"},
		{"count", "count", odd, "8"},
		{"total-count", "total-count", odd, "11"},
		{"average of nothing", "average", nil, ""},
		{"count of nothing", "count", nil, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := series(t, c.values...).Compute(c.code, len(c.values)+3, time.Unix(0, 0))
			if len(got) != 1 || got[0].Value != c.want || !Known(c.code) {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

func TestRegression(t *testing.T) {
	want := []Result{{"gradient", "4", PerHour}, {"intercept", "1", Same}}
	if d := cmp.Diff(want, series(t, "1", "3", "5", "7").Compute("regression", 0, time.Unix(0, 0))); d != "" {
		t.Error(d)
	}
	want = []Result{{"gradient", "", PerHour}, {"intercept", "", Same}}
	if d := cmp.Diff(want, series(t, "1").Compute("regression", 0, time.Unix(0, 0))); d != "" {
		t.Error(d)
	}
}

// BenchmarkCompute computes all statistics of 100,000 values.
func BenchmarkCompute(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	values := make([]string, 100_000)
	for i := range values {
		values[i] = strconv.Itoa(40+rnd.IntN(100)) + "." + strconv.Itoa(rnd.IntN(10))
	}
	for b.Loop() {
		s := series(b, values...)
		for _, code := range []string{"average", "maximum", "minimum", "median", "std-dev", "4-upper"} {
			s.Compute(code, 0, time.Time{})
		}
	}
}
