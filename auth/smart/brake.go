package smart

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The brake on logins from one network address: a burst, then one every few seconds. It is this server's own and forgets when it restarts; accounts have theirs in the store.
const (
	brakeBurst     = 20
	brakeEvery     = 3 * time.Second
	brakeAddresses = 8192
)

// brake slows down who tries many logins from one address.
type brake struct {
	clock func() time.Time
	mu    sync.Mutex
	by    map[string]*rate.Limiter
}

func newBrake(clock func() time.Time) *brake {
	return &brake{clock: clock, by: map[string]*rate.Limiter{}}
}

// allow says whether an address may try now.
func (b *brake) allow(address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	limiter, ok := b.by[address]
	if !ok {
		if len(b.by) >= brakeAddresses {
			for other, l := range b.by {
				if l.TokensAt(now) >= brakeBurst {
					delete(b.by, other)
				}
			}
			if len(b.by) >= brakeAddresses {
				clear(b.by)
			}
		}
		limiter = rate.NewLimiter(rate.Every(brakeEvery), brakeBurst)
		b.by[address] = limiter
	}
	return limiter.AllowN(now, 1)
}
