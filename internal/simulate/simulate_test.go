package simulate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rested() Vitals {
	return Vitals{HeartRate: 64, SpO2: 97, Respiration: 14, Temperature: 367, Systolic: 124, Diastolic: 78}
}

func TestSameSeedSameLife(t *testing.T) {
	a, b, other := New(7, rested()), New(7, rested()), New(8, rested())
	differs := false
	for range 5000 {
		x, y := a.Next(), b.Next()
		if x != y {
			t.Fatalf("%+v and %+v from the same seed", x, y)
		}
		differs = differs || x != other.Next()
	}
	if !differs {
		t.Error("another seed gives the same values")
	}
}

func TestFirstSecondsAreFixed(t *testing.T) {
	p := New(1, rested())
	var got []Vitals
	for range 3 {
		got = append(got, p.Next())
	}
	want := []Vitals{
		{HeartRate: 65, SpO2: 97, Respiration: 14, Temperature: 367, Systolic: 124, Diastolic: 78},
		{HeartRate: 65, SpO2: 97, Respiration: 14, Temperature: 367, Systolic: 124, Diastolic: 77},
		{HeartRate: 66, SpO2: 97, Respiration: 14, Temperature: 367, Systolic: 123, Diastolic: 77},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("first values (-want +got):\n%s", diff)
	}
}

// A day of one person: every value is one a monitor could show, moves by small steps, and stays around the rest values.
func TestADayIsPlausible(t *testing.T) {
	p := New(42, rested())
	last := p.Next()
	const day = 86_400
	var sum Vitals
	for range day {
		v := p.Next()
		for _, c := range []struct {
			name                      string
			value, last, low, up, hop int
		}{
			{"heart rate", v.HeartRate, last.HeartRate, 40, 130, 6},
			{"SpO2", v.SpO2, last.SpO2, 90, 100, 2},
			{"respiration", v.Respiration, last.Respiration, 8, 30, 3},
			{"temperature", v.Temperature, last.Temperature, 360, 385, 2},
			{"systolic", v.Systolic, last.Systolic, 100, 165, 5},
			{"diastolic", v.Diastolic, last.Diastolic, 60, 105, 4},
		} {
			if c.value < c.low || c.value > c.up || c.value-c.last > c.hop || c.last-c.value > c.hop {
				t.Fatalf("%s: %d after %d", c.name, c.value, c.last)
			}
		}
		sum.HeartRate += v.HeartRate
		sum.Systolic += v.Systolic
		last = v
	}
	if mean := sum.HeartRate / day; mean < 60 || mean > 75 {
		t.Errorf("mean heart rate %d", mean)
	}
	if mean := sum.Systolic / day; mean < 120 || mean > 132 {
		t.Errorf("mean systolic %d", mean)
	}
}
