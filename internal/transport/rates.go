package transport

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates bounds how often something may happen, by key. What a key has left is forgotten when it is not used for a while. It is safe for concurrent use.
type Rates struct {
	each  rate.Limit
	burst int

	mu          sync.Mutex
	now, before map[string]*rate.Limiter // each key in one of two generations
	turned      time.Time
}

const (
	rateGeneration = 2 * time.Minute // longer than a burst takes to be earned again
	maxRateKeys    = 100_000         // in one generation
)

// NewRates allows each key a number of times a second, and at first a burst.
func NewRates(perSecond float64, burst int) *Rates {
	return &Rates{each: rate.Limit(perSecond), burst: max(1, burst), now: map[string]*rate.Limiter{}}
}

// Allow reports whether it may happen once more.
func (r *Rates) Allow(key string, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.Sub(r.turned) > rateGeneration || len(r.now) >= maxRateKeys {
		r.before, r.now, r.turned = r.now, map[string]*rate.Limiter{}, at
	}
	one := r.now[key]
	if one == nil {
		if one = r.before[key]; one == nil {
			one = rate.NewLimiter(r.each, r.burst)
		}
		r.now[key] = one
	}
	return one.AllowN(at, 1)
}
