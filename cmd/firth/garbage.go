package main

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Go collects garbage when as much was allocated as is alive. A server that keeps little, as one on MongoDB does, would collect many times a second, each time for more processor time than the
// requests in between: it may let garbage gather up to headroom.
const (
	headroom     = 96 << 20
	leastPercent = 100 // Go's default
)

// percentOf is GOGC for so many bytes alive, below a limit of memory (math.MaxInt64: none), of which garbage may be an eighth.
func percentOf(live uint64, limit int64) int {
	if live == 0 {
		return leastPercent // nothing was collected yet
	}
	return max(leastPercent, int(min(headroom, uint64(limit)/8)*100/live))
}

// keepHeadroom follows what is alive until the context ends, unless the environment says when to collect (GOGC).
func keepHeadroom(ctx context.Context, lookup func(string) (string, bool)) {
	if gogc, found := lookup("GOGC"); found && gogc != "" {
		return
	}
	go func() {
		alive := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		set := leastPercent
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			metrics.Read(alive)
			if percent := percentOf(alive[0].Value.Uint64(), debug.SetMemoryLimit(-1)); math.Abs(float64(percent-set)) > float64(set)/8 {
				debug.SetGCPercent(percent) // stops the world for a moment, so not for every little change
				set = percent
			}
			select {
			case <-ctx.Done():
				debug.SetGCPercent(leastPercent)
				return
			case <-tick.C:
			}
		}
	}()
}
