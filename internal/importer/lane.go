package importer

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/firth-health/firth/fhir"
)

// item is one resource on its way into a transaction.
type item struct {
	place Failure // without a reason
	key   fhir.Key
	data  []byte
}

// lanes collect items of all files into transactions. Each is one goroutine that sends one transaction at a time, and resources of the same id share a
// lane, so that the last line of a file wins.
type lanes struct {
	seed    maphash.Seed
	inputs  []chan item
	workers sync.WaitGroup
	next    chan int // hands out lanes to items without an id
}

func (im *importing) startLanes(ctx context.Context) *lanes {
	l := &lanes{seed: maphash.MakeSeed(), next: make(chan int, 1)}
	l.next <- 0
	for range im.opts.Workers {
		input := make(chan item, 64)
		l.inputs = append(l.inputs, input)
		l.workers.Go(func() { im.lane(ctx, input) })
	}
	return l
}

func (l *lanes) put(ctx context.Context, it item) {
	lane := 0
	if it.key.ID != "" {
		lane = int(maphash.Comparable(l.seed, it.key) % uint64(len(l.inputs)))
	} else {
		lane = <-l.next
		l.next <- (lane + 1) % len(l.inputs)
	}
	select {
	case l.inputs[lane] <- it:
	case <-ctx.Done():
	}
}

// finish sends what is still collected and waits.
func (l *lanes) finish() {
	for _, input := range l.inputs {
		close(input)
	}
	l.workers.Wait()
}

func (im *importing) lane(ctx context.Context, input <-chan item) {
	var chunk []item
	bytes := 0
	held := map[fhir.Key]bool{}
	flush := func() {
		if len(chunk) > 0 && ctx.Err() == nil {
			im.sendItems(ctx, chunk)
		}
		chunk, bytes = nil, 0
		clear(held)
	}
	for it := range input {
		// R4 http.html#trules: a resource may occur once in a transaction.
		if it.key.ID != "" && held[it.key] || len(chunk) > 0 && bytes+len(it.data) > im.opts.ChunkBytes {
			flush()
		}
		chunk = append(chunk, it)
		bytes += len(it.data)
		held[it.key] = true
		if len(chunk) >= im.opts.ChunkEntries {
			flush()
		}
	}
	flush()
}
