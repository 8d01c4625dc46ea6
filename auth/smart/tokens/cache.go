package tokens

import (
	"slices"
	"sync"
	"time"

	"github.com/firth-health/firth/auth"
)

const (
	cacheLife = 3 * time.Second // how long a revocation on another server may go unnoticed
	cacheSize = 16_384          // tokens
)

// cache remembers what tokens say.
type cache struct {
	mu      sync.RWMutex
	entries map[string]cached
	cleared uint64
}

type cached struct {
	claims *auth.Claims
	until  time.Time
}

func newCache() *cache { return &cache{entries: map[string]cached{}} }

// get returns what a token says, or nil.
func (c *cache) get(id string, now time.Time) *auth.Claims {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if entry, ok := c.entries[id]; ok && now.Before(entry.until) && now.Before(entry.claims.Expires) {
		return entry.claims
	}
	return nil
}

// epoch counts clearings. What was read before one must not be put after it.
func (c *cache) epoch() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.cleared
}

func (c *cache) put(id string, claims *auth.Claims, now time.Time, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.cleared {
		return
	}
	if len(c.entries) >= cacheSize {
		for other, entry := range c.entries {
			if !now.Before(entry.until) {
				delete(c.entries, other)
			}
		}
		if len(c.entries) >= cacheSize {
			clear(c.entries)
		}
	}
	c.entries[id] = cached{claims: claims, until: now.Add(cacheLife)}
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	c.cleared++
}

func sortNewest(list []Authorization) {
	slices.SortFunc(list, func(x, y Authorization) int { return y.Used.Compare(x.Used) })
}
