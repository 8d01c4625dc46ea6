package server

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
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

	resources, failures int // looked at and not indexed since the start
}

// The pace of a reindex: after each batch it rests as long as the batch took, but no longer than this, so that whoever waits for an answer goes first.
const (
	reindexBatch = 200
	reindexPause = 50 * time.Millisecond
)

func newReindexing(p *parameters, clock func() time.Time, log *slog.Logger) *reindexing {
	r := &reindexing{p: p, clock: clock, log: log, size: reindexBatch, pause: reindexPause}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// load reads the jobs of earlier runs.
func (r *reindexing) load(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
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
			r.jobs = append(r.jobs, j)
			after = page[i].ID
		}
		if len(page) == 0 {
			break
		}
	}
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
}

// next is the job to go on with; the caller holds mu.
func (r *reindexing) next() *reindexJob {
	for _, state := range []jobState{jobRunning, jobQueued} {
		for _, j := range r.jobs {
			if j.State == state {
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
		if r.ctx.Err() != nil || j == nil && !stale {
			r.working = false
			r.mu.Unlock()
			return
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
	case errors.Is(err, store.ErrBusy):
		r.rest(time.Second)
		return nil // once more from where it is
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
		now := r.copy(j)
		i := slices.IndexFunc(now.Types, func(t *reindexType) bool { return !t.Ended })
		if i < 0 {
			state := jobCompleted
			if now.sum().Failed > 0 {
				state = jobFaulty
			}
			return r.finish(ctx, j, state, "")
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

// batch begins a type, or reindexes some resources of it and ends it behind the last.
func (r *reindexing) batch(ctx context.Context, j *reindexJob, i int, t *reindexType) error {
	if !t.Begun {
		covers := r.p.tokens(t.Type)
		total, err := r.p.total(ctx, t.Type)
		if err != nil {
			return err
		}
		return r.update(ctx, j, func(j *reindexJob) {
			j.Types[i].Begun, j.Types[i].Covers, j.Types[i].Total = true, covers, total
		})
	}
	page, err := r.p.reindexer.Walk(ctx, store.WalkQuery{Type: t.Type, Cursor: t.Cursor, Limit: r.size})
	if err != nil {
		return err
	}
	b := reindexed{}
	if err := b.run(ctx, r.p, page.Versions); err != nil {
		return err
	}
	if page.Next == "" {
		through := *t
		through.FailedFor = maps.Clone(t.FailedFor)
		b.note(&reindexJob{}, &through)
		if err := r.p.indexed(ctx, t.Type, t.Covers, through.outcome); err != nil {
			return err
		}
	}
	err = r.update(ctx, j, func(j *reindexJob) {
		now := j.Types[i]
		now.FailedFor = maps.Clone(now.FailedFor)
		b.note(j, now)
		now.Cursor, now.Ended = page.Next, page.Next == ""
		now.Total = max(now.Total, now.Done)
	})
	r.mu.Lock()
	r.resources += len(page.Versions)
	r.failures += b.failed
	r.mu.Unlock()
	return err
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

// willCover reports whether a job that is not over will make a parameter ready for a type.
func (r *reindexing) willCover(id, token, typ string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.jobs, func(j *reindexJob) bool { return j.willCover(id, token, typ) })
}

// cover sees to it that parameters that wait to be indexed, by type, are covered by a job.
func (r *reindexing) cover(ctx context.Context, waiting map[string][]string) error {
	var types, ids []string
	for typ, all := range waiting {
		for _, id := range all {
			if !r.willCover(id, r.p.records[id].Token, typ) {
				types, ids = append(types, typ), append(ids, id)
			}
		}
	}
	if len(types) > 0 {
		slices.Sort(types)
		slices.Sort(ids)
		if _, err := r.queue(ctx, slices.Compact(types), slices.Compact(ids)); err != nil {
			return err
		}
	}
	r.wake()
	return nil
}

// queue makes a job, unless the same one waits already. One for parameters joins the last one in the queue that is for parameters, too.
func (r *reindexing) queue(ctx context.Context, types, parameters []string) (id string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.jobs); len(parameters) > 0 && n > 0 && r.jobs[n-1].State == jobQueued && len(r.jobs[n-1].Parameters) > 0 {
		return r.jobs[n-1].ID, r.keep(ctx, r.jobs[n-1], func(j *reindexJob) {
			j.extend(types)
			j.Parameters = append(j.Parameters, parameters...)
			slices.Sort(j.Parameters)
			j.Parameters = slices.Compact(j.Parameters)
		})
	}
	for _, j := range r.jobs {
		if j.State == jobQueued && len(parameters)+len(j.Parameters) == 0 && j.isAbout(types) {
			return j.ID, nil
		}
	}
	j := newReindexJob(r.clock(), types)
	if err := r.keep(ctx, j, func(j *reindexJob) { j.Parameters = parameters }); err != nil {
		return "", err
	}
	r.jobs = append(r.jobs, j)
	return j.ID, nil
}

// find returns a job as it is now; nil when there is none of this id.
func (r *reindexing) find(id string) *reindexJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		if j.ID == id {
			return j.clone()
		}
	}
	return nil
}

// abandon cancels a job, or forgets one that is over.
func (r *reindexing) abandon(ctx context.Context, id string) (found bool, err error) {
	r.mu.Lock()
	i := slices.IndexFunc(r.jobs, func(j *reindexJob) bool { return j.ID == id })
	if i < 0 {
		r.mu.Unlock()
		return false, nil
	}
	j := r.jobs[i]
	if j.State.isOver() {
		defer r.mu.Unlock()
		err := r.p.state.DeleteState(ctx, jobKind, id, j.revision)
		if err == nil || errors.Is(err, store.ErrNotFound) {
			r.jobs = slices.Delete(r.jobs, i, i+1)
			err = nil
		}
		return true, err
	}
	if j.State == jobRunning && r.stopJob != nil {
		r.stopJob()
	}
	r.mu.Unlock()
	if err := r.finish(context.WithoutCancel(ctx), j, jobCancelled, ""); !errors.Is(err, errJobOver) {
		return true, err
	}
	return true, nil
}

// progress tells how far the job is that makes a parameter ready for a type, as ": 1,200 of 20,000 Observations"; empty when there is none.
func (r *reindexing) progress(id, token, typ string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		if !j.willCover(id, token, typ) {
			continue
		}
		if t := j.of(typ); t.Begun {
			return ": " + count(t.Done) + " of " + counted(t.Total, typ)
		}
		return ": it waits for its turn"
	}
	return ""
}

// prune forgets jobs that are over for long, or too many.
func (r *reindexing) prune(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	over := 0
	for _, j := range r.jobs {
		if j.State.isOver() {
			over++
		}
	}
	r.jobs = slices.DeleteFunc(r.jobs, func(j *reindexJob) bool {
		if !j.State.isOver() || over <= maxReindexJobs && r.now().Sub(j.Ended) < keepReindexJobs {
			return false
		}
		over--
		if err := r.p.state.DeleteState(ctx, jobKind, j.ID, j.revision); err != nil {
			r.log.Warn("an old reindex job is still kept", "job", j.ID, "error", err)
		}
		return true
	})
}

// reindexed is what became of a batch.
type reindexed struct {
	done, changed, superseded, failed int
	errors                            []failedResource
}

type failedResource struct{ resource, parameter, text string }

// run makes the keys of versions anew.
func (b *reindexed) run(ctx context.Context, p *parameters, versions []store.Version) error {
	all := make([]store.Rekey, 0, len(versions))
	for i := range versions {
		if err := ctx.Err(); err != nil {
			return err
		}
		rekey, failures, err := p.rekey(&versions[i])
		name := fhir.Key{Type: versions[i].Key.Type, ID: versions[i].Key.ID}.String()
		b.done++
		if err != nil || len(failures) > 0 {
			b.failed++
		}
		if err != nil {
			b.errors = append(b.errors, failedResource{resource: name, text: err.Error()})
			continue
		}
		for _, f := range failures {
			b.errors = append(b.errors, failedResource{name, f.Custom.ID, "SearchParameter/" + f.Custom.ID + " (" + f.Custom.Code + "): " + f.Err.Error()})
		}
		all = append(all, rekey)
	}
	results, err := p.reindexer.Rekey(ctx, all)
	for _, result := range results {
		switch result {
		case store.Rekeyed:
			b.changed++
		case store.Superseded:
			b.superseded++
		}
	}
	return err
}

// note adds the batch to a job.
func (b *reindexed) note(j *reindexJob, t *reindexType) {
	t.Done += b.done
	t.Changed += b.changed
	t.Superseded += b.superseded
	t.Failed += b.failed
	for _, e := range b.errors {
		j.fail(t, e.resource, e.parameter, e.text)
	}
}

// rekey makes the keys of one version.
func (p *parameters) rekey(v *store.Version) (store.Rekey, []search.ExtractFailure, error) {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return store.Rekey{}, nil, errors.New("what is stored cannot be read as a resource")
	}
	keys, failures, err := p.search.Reextract(res)
	return store.Rekey{Key: v.Key, Keys: keys}, failures, err
}

// total counts the resources of a type.
func (p *parameters) total(ctx context.Context, typ string) (int, error) {
	page, err := p.store.Search(ctx, &search.Query{Type: typ, Plan: search.All{}, Total: search.Accurate})
	if err != nil {
		return 0, err
	}
	return page.Total, nil
}
