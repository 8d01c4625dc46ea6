package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// load is a closed loop: each client sends its next request when the last is answered.
type load struct {
	address  string
	clients  int
	warmup   time.Duration // not counted
	duration time.Duration // counted

	// request appends the next request of a client; it is called from one goroutine a client.
	request func(dst []byte, client int, random *rand.Rand) []byte

	// expect is the status of a good answer.
	expect int
}

// sample is what a load saw.
type sample struct {
	latency Histogram
	elapsed time.Duration
	failed  int
	why     error // the first failure
}

// perSecond is the rate of good answers.
func (s *sample) perSecond() float64 { return float64(s.latency.Count()) / s.elapsed.Seconds() }

// run returns an error only when clients could not work at all; wrong answers are counted.
func (l load) run(ctx context.Context) (*sample, error) {
	begin := time.Now().Add(l.warmup)
	end := begin.Add(l.duration)
	samples := make([]sample, l.clients)
	errs := make([]error, l.clients)
	var clients sync.WaitGroup
	for i := range l.clients {
		clients.Go(func() { errs[i] = l.client(ctx, i, &samples[i], begin, end) })
	}
	clients.Wait()
	total := &sample{elapsed: l.duration}
	for i := range samples {
		total.latency.Merge(&samples[i].latency)
		total.failed += samples[i].failed
		if total.why == nil {
			total.why = samples[i].why
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("load generator: %w", err)
	}
	return total, ctx.Err()
}

func (l load) client(ctx context.Context, client int, s *sample, begin, end time.Time) error {
	w, err := dial(ctx, l.address)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(uint64(client), 1))
	var request []byte
	for sent, asked := time.Now(), false; (!asked || sent.Before(end)) && ctx.Err() == nil; asked = true { // once also where a busy machine comes to it when the time is up: a wrong answer is seen
		request = l.request(request[:0], client, random)
		status, err := w.exchange(request)
		if err != nil {
			return errors.Join(err, w.close())
		}
		answered := time.Now()
		switch {
		case status != l.expect:
			s.failed++
			if s.why == nil {
				s.why = fmt.Errorf("status %d instead of %d: %.300s", status, l.expect, w.body)
			}
		case answered.After(begin) && !answered.After(end): // whenever it was sent: else each client would lose a request of the time that is counted
			s.latency.Add(answered.Sub(sent))
		}
		sent = answered
	}
	return w.close()
}
