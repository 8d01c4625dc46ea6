package simulate

import "math/rand/v2"

// Vitals is one set of readings taken together.
type Vitals struct {
	HeartRate   int // beats a minute
	SpO2        int // percent
	Respiration int // breaths a minute
	Temperature int // tenths of a degree Celsius
	Systolic    int // mmHg
	Diastolic   int // mmHg
}

// Person is somebody whose vitals drift around their own rest values, a little up while active. Make one with [New].
type Person struct {
	random *rand.Rand
	rest   Vitals
	state  [signals]int // deviation from rest, in 1/1000 of the unit
	effort int          // 0 at rest to 1000
	goal   int          // where effort is heading
}

const (
	heartRate = iota
	spO2
	respiration
	temperature
	systolic
	diastolic
	signals
)

// signal says how a deviation behaves.
type signal struct {
	noise      int // largest random change a step, 1/1000 of the unit
	slow       int // a deviation loses 1/slow of itself a step
	effort     int // what full effort adds, 1/1000 of the unit
	least, top int // limits of the value
}

// table returns the signals; a step is about a second.
func table() [signals]signal {
	return [signals]signal{
		heartRate:   {900, 24, 45_000, 38, 185},
		spO2:        {160, 16, -1_200, 86, 100},
		respiration: {220, 20, 9_000, 8, 40},
		temperature: {80, 60, 2_500, 350, 405},
		systolic:    {700, 30, 28_000, 80, 210},
		diastolic:   {500, 30, 9_000, 45, 120},
	}
}

// New makes a person with these values at rest.
func New(seed uint64, rest Vitals) *Person {
	return &Person{random: rand.New(rand.NewPCG(seed, 0x666972746821)), rest: rest}
}

// Next is the next second of the person's life.
func (p *Person) Next() Vitals {
	if p.random.IntN(45) == 0 {
		p.goal = []int{0, 0, 0, 250, 600}[p.random.IntN(5)]
	}
	p.effort += (p.goal - p.effort) / 12
	rest := [signals]int{p.rest.HeartRate, p.rest.SpO2, p.rest.Respiration, p.rest.Temperature, p.rest.Systolic, p.rest.Diastolic}
	var v [signals]int
	for i, s := range table() {
		p.state[i] += p.random.IntN(2*s.noise+1) - s.noise - p.state[i]/s.slow
		thousandths := rest[i]*1000 + p.state[i] + s.effort*p.effort/1000
		v[i] = min(max((thousandths+500)/1000, s.least), s.top)
	}
	return Vitals{HeartRate: v[heartRate], SpO2: v[spO2], Respiration: v[respiration], Temperature: v[temperature],
		Systolic: v[systolic], Diastolic: min(v[diastolic], v[systolic]-15)}
}
