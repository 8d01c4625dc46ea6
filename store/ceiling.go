package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// CeilingLoad is what a back end writes to find its ceiling: what no store on its engine can beat.
type CeilingLoad struct {
	Ops      []Op // creations of one type whose content and keys are written, over and over under other ids
	Clients  int  // goroutines that write, each waiting until that is durable
	Batch    int  // resources a write
	Duration time.Duration
}

// Check reports a load that is none.
func (l *CeilingLoad) Check() error {
	if len(l.Ops) == 0 || l.Clients < 1 || l.Batch < 1 {
		return errors.New("nothing to write")
	}
	return nil
}

// Timed lets clients work for a while, over and over until the time is up or one fails, and returns what they did a second. Each works at least once, so that a time that is up before a
// busy machine comes to it does not pass for a success. Work is called from one goroutine a client and says how much it did.
func Timed(ctx context.Context, clients int, duration time.Duration, work func(client int) (int, error)) (perSecond float64, err error) {
	var done atomic.Int64
	var group sync.WaitGroup
	failures := make([]error, clients)
	started := time.Now()
	end := started.Add(duration)
	for i := range clients {
		group.Go(func() {
			for worked := false; !worked || time.Now().Before(end); worked = true {
				if failures[i] = ctx.Err(); failures[i] != nil {
					return
				}
				n, err := work(i)
				if failures[i] = err; err != nil {
					return
				}
				done.Add(int64(n))
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(started).Seconds(), errors.Join(failures...)
}
