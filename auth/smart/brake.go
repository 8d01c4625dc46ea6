package smart

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/firth-health/firth/internal/transport"
)

// Brakes on one network address, for what anybody may ask for and costs something: a password check, or a record of a request or a client that nobody may ever come back to. They are this server's
// own and forget when it restarts; accounts have a brake in the store.
const (
	loginBurst     = 20
	loginEvery     = 3 * time.Second
	requestBurst   = 200
	requestEvery   = 100 * time.Millisecond
	registerBurst  = 20
	registerEvery  = 3 * time.Minute
	brakeAddresses = 8192
)

// Registrations brake everybody together as well: who has many addresses fills the store no faster, and what is not used goes after clients.UnusedLife.
const (
	registrationsBurst = 60
	registrationsEvery = time.Minute
	everybody          = "" // stands for all addresses
)

// brake slows down one address, or one network of IPv6.
type brake struct {
	clock func() time.Time
	burst int
	every time.Duration

	mu sync.Mutex
	by map[string]*rate.Limiter
}

func newBrake(clock func() time.Time, burst int, every time.Duration) *brake {
	return &brake{clock: clock, burst: burst, every: every, by: map[string]*rate.Limiter{}}
}

// allow says whether an address may try now.
func (b *brake) allow(address string) bool { return b.wait(address) == 0 }

// wait returns how long it is until an address may try; with zero it may now, and did.
func (b *brake) wait(address string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	address = transport.Network(address)
	now := b.clock()
	limiter, ok := b.by[address]
	if !ok {
		if len(b.by) >= brakeAddresses {
			for other, l := range b.by {
				if l.TokensAt(now) >= float64(b.burst) {
					delete(b.by, other)
				}
			}
			if len(b.by) >= brakeAddresses {
				clear(b.by)
			}
		}
		limiter = rate.NewLimiter(rate.Every(b.every), b.burst)
		b.by[address] = limiter
	}
	turn := limiter.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait > 0 {
		turn.CancelAt(now)
	}
	return wait
}
