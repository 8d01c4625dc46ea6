package server

import (
	"context"
	"errors"
	"slices"

	"github.com/firth-health/firth/store"
)

// willCover reports whether a job that is not over will make a parameter ready for a type.
func (r *reindexing) willCover(id, token, typ string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.jobs, func(j *reindexJob) bool { return j.willCover(id, token, typ) })
}

// cover sees to it that parameters that wait to be indexed, by type, are covered by a job.
func (r *reindexing) cover(ctx context.Context, waiting map[string][]string) error {
	types, ids, err := r.uncovered(ctx, waiting)
	if err != nil {
		return err
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

// uncovered returns what no job will cover. A job that has not begun with a type is written again, so that whoever begins it at this moment, here or in another process, with the parameters of before
// finds that it has changed.
func (r *reindexing) uncovered(ctx context.Context, waiting map[string][]string) (types, ids []string, err error) {
	for range conflictRetries {
		if err = r.refresh(ctx); err != nil {
			return nil, nil, err
		}
		if types, ids, err = r.rely(ctx, waiting); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	return types, ids, err
}

func (r *reindexing) rely(ctx context.Context, waiting map[string][]string) (types, ids []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	relied := map[*reindexJob]bool{}
	for typ, all := range waiting {
		for _, id := range all {
			token := r.p.records[id].Token
			i := slices.IndexFunc(r.jobs, func(j *reindexJob) bool { return j.willCover(id, token, typ) })
			if i < 0 {
				types, ids = append(types, typ), append(ids, id)
			} else if j := r.jobs[i]; !j.of(typ).Begun {
				relied[j] = true
			}
		}
	}
	for j := range relied {
		if err := r.keep(ctx, j, func(*reindexJob) {}); err != nil {
			return nil, nil, err
		}
	}
	return types, ids, nil
}

// queue makes a job, unless the same one waits already. One for parameters joins the last one in the queue that is for parameters, too.
func (r *reindexing) queue(ctx context.Context, types, parameters []string) (id string, err error) {
	for range conflictRetries {
		if err = r.refresh(ctx); err != nil {
			return "", err
		}
		if id, err = r.enqueue(ctx, types, parameters); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	return id, err
}

func (r *reindexing) enqueue(ctx context.Context, types, parameters []string) (id string, err error) {
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
		if j.State == jobQueued && len(parameters)+len(j.Parameters) == 0 && j.Keying == nil && j.isAbout(types) {
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
	for range conflictRetries {
		if err = r.refresh(ctx); err != nil {
			return false, err
		}
		if found, err = r.drop(ctx, id); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	return found, err
}

func (r *reindexing) drop(ctx context.Context, id string) (found bool, err error) {
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
