package server

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/firth-health/firth/store"
)

// reindexing runs reindex jobs, one after the other, in one goroutine that is there while there is something to do.
type reindexing struct {
	p     *parameters
	clock func() time.Time
	log   *slog.Logger
	size  int           // resources in a batch
	pause time.Duration // longest pause behind a batch

	ctx    context.Context // ends with the server
	cancel context.CancelFunc
	worker sync.WaitGroup

	mu      sync.Mutex
	jobs    []*reindexJob // in the order of their creation; those that are over included
	stopJob context.CancelFunc
	working bool
	stale   bool // the parameters are to be loaded again
	stopped bool
	held    bool // where several processes share the jobs: this one performs them, as far as it knows

	resources, failures int // looked at and not indexed since the start
}

// The pace of a reindex: after each batch it rests as long as the batch took, but no longer than this, so that whoever waits for an answer goes first.
const (
	reindexBatch = 500
	reindexPause = 100 * time.Millisecond
)

func newReindexing(p *parameters, clock func() time.Time, log *slog.Logger) *reindexing {
	r := &reindexing{p: p, clock: clock, log: log, size: reindexBatch, pause: reindexPause}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// load reads the jobs of earlier runs and of other processes.
func (r *reindexing) load(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	there := map[string]bool{}
	for after := ""; ; {
		page, err := r.p.state.ListState(ctx, jobKind, after, 100)
		if err != nil {
			return err
		}
		for i := range page {
			j := &reindexJob{revision: page[i].Revision}
			if err := json.Unmarshal(page[i].Value, j); err != nil {
				return err
			}
			there[j.ID] = true
			if i := slices.IndexFunc(r.jobs, func(old *reindexJob) bool { return old.ID == j.ID }); i >= 0 {
				*r.jobs[i] = *j // the worker may be at it
			} else {
				r.jobs = append(r.jobs, j)
			}
			after = page[i].ID
		}
		if len(page) == 0 {
			break
		}
	}
	r.jobs = slices.DeleteFunc(r.jobs, func(j *reindexJob) bool { return !there[j.ID] })
	slices.SortStableFunc(r.jobs, func(a, b *reindexJob) int { return a.Created.Compare(b.Created) })
	return nil
}

// wake lets the worker run if there is something to do.
func (r *reindexing) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.working || r.stopped || !r.stale && r.next() == nil {
		return
	}
	r.working = true
	r.worker.Go(r.work)
}

// reload lets the worker load the parameters again.
func (r *reindexing) reload() {
	r.mu.Lock()
	r.stale = true
	r.mu.Unlock()
	r.wake()
}

// stop ends the worker. What it was at goes on when a server is made on the store again.
func (r *reindexing) stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.cancel()
	r.worker.Wait()
	r.yield()
}

// next is the job to go on with; the caller holds mu.
func (r *reindexing) next() *reindexJob {
	for _, state := range []jobState{jobRunning, jobQueued} {
		for _, j := range r.jobs {
			if j.State == state && (j.Keying == nil || *j.Keying == r.p.search.Keying()) {
				return j
			}
		}
	}
	return nil
}

// work performs jobs until none is left.
func (r *reindexing) work() {
	for {
		r.mu.Lock()
		j, stale := r.next(), r.stale
		if r.ctx.Err() != nil || j == nil && !stale && !r.held {
			r.working = false
			r.mu.Unlock()
			return
		}
		if !stale && (j == nil || !r.held && r.p.others != nil) {
			r.mu.Unlock()
			r.hand(j == nil)
			continue
		}
		r.stale = false
		ctx, cancel := context.WithCancel(r.ctx)
		r.stopJob = cancel
		r.mu.Unlock()
		err := r.step(ctx, j, stale)
		cancel()
		if err == nil || r.ctx.Err() != nil {
			continue
		}
		if errors.Is(err, fs.ErrClosed) {
			r.cancel() // the store was closed before the server was told to stop
			continue
		}
		r.log.Error("reindex", "error", err)
		r.mu.Lock()
		r.stale = r.stale || stale
		r.mu.Unlock()
		r.rest(time.Second)
	}
}

// step loads the parameters or performs a job.
func (r *reindexing) step(ctx context.Context, j *reindexJob, stale bool) error {
	if stale {
		return r.p.load(ctx)
	}
	err := r.perform(ctx, j)
	switch {
	case err == nil || r.ctx.Err() != nil || errors.Is(err, fs.ErrClosed):
		return err
	case ctx.Err() != nil || errors.Is(err, errJobOver): // cancelled, and kept as such
		return nil
	case errors.Is(err, store.ErrConflict): // another process changed the job
		r.lose()
		return r.load(ctx)
	case errors.Is(err, store.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		r.rest(time.Second)
		return nil // once more from where it is
	case errors.Is(err, store.ErrUnknown): // once more from where it is by what was kept; to index again what is indexed changes nothing
		r.rest(time.Second)
		return r.load(ctx)
	}
	r.log.Error("reindex gave up", "job", r.copy(j).ID, "error", err)
	return r.finish(ctx, j, jobFailed, "the store reported an error; the log of the server has the details")
}

// errJobOver says that a job was ended by somebody else.
var errJobOver = errors.New("the job is over")

// update changes a job and keeps it. What change does must leave the job as it was when the store fails.
func (r *reindexing) update(ctx context.Context, j *reindexJob, change func(*reindexJob)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j.State.isOver() {
		return errJobOver
	}
	return r.keep(ctx, j, change)
}

// keep applies a change to a copy, stores it, and then to the job; the caller holds mu.
func (r *reindexing) keep(ctx context.Context, j *reindexJob, change func(*reindexJob)) error {
	next := j.clone()
	change(next)
	value, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if next.revision, err = r.p.state.PutState(ctx, jobKind, j.ID, value, j.revision); err != nil {
		return err
	}
	*j = *next
	return nil
}

// perform goes through the types of a job.
func (r *reindexing) perform(ctx context.Context, j *reindexJob) error {
	err := r.update(ctx, j, func(j *reindexJob) {
		if j.State = jobRunning; j.Started.IsZero() {
			j.Started = r.now()
		}
	})
	if err != nil {
		return err
	}
	for {
		if ok, err := r.begin(ctx, j); !ok || err != nil {
			if r.rest(r.p.others.beat()); err != nil || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			continue
		}
		now := r.copy(j)
		i := slices.IndexFunc(now.Types, func(t *reindexType) bool { return !t.Ended })
		if i < 0 {
			return r.complete(ctx, j)
		}
		begun := time.Now()
		if err := r.batch(ctx, j, i, now.Types[i]); err != nil {
			return err
		}
		r.rest(min(time.Since(begun), r.pause))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// copy is a job as it is now.
func (r *reindexing) copy(j *reindexJob) *reindexJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	return j.clone()
}

func (r *reindexing) now() time.Time { return r.clock().UTC().Truncate(time.Millisecond) }

// rest waits, or until the server stops.
func (r *reindexing) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
	}
}

// finish ends a job. Parameters it did not get to are not ready and say so.
func (r *reindexing) finish(ctx context.Context, j *reindexJob, state jobState, reason string) error {
	err := r.update(ctx, j, func(j *reindexJob) { j.State, j.Reason, j.Ended = state, reason, r.now() })
	if err != nil {
		return err
	}
	r.prune(ctx)
	if state == jobCompleted || state == jobFaulty {
		return nil
	}
	ended := r.copy(j)
	why := typeReadiness{State: isFailed, Reason: "indexing was " + string(state) + " before its end; $reindex begins it anew"}
	if state == jobFailed {
		why.Reason = "indexing failed before its end; $reindex begins it anew"
	}
	for _, t := range ended.Types {
		if t.Ended {
			continue
		}
		covered := t.Covers
		if !t.Begun {
			covered = r.p.tokens(t.Type)
		}
		err := r.p.indexed(ctx, t.Type, covered, func(id string) (typeReadiness, bool) {
			return why, slices.Contains(ended.Parameters, id) && !r.willCover(id, covered[id], t.Type)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
