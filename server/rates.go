package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rates bounds how often something may happen, by key. What a key has left is forgotten when it is not used for a while.
type rates struct {
	each  rate.Limit
	burst int

	mu          sync.Mutex
	now, before map[string]*rate.Limiter // each key in one of two generations
	turned      time.Time
}

const (
	rateGeneration = time.Minute // far longer than a burst takes to be earned again
	maxRateKeys    = 100_000     // in one generation
)

func newRates(perSecond float64) *rates {
	return &rates{each: rate.Limit(perSecond), burst: max(1, int(2*perSecond)), now: map[string]*rate.Limiter{}}
}

// allow reports whether it may happen once more.
func (r *rates) allow(key string, at time.Time) bool {
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
