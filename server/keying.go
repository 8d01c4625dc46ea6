package server

import (
	"context"
	"errors"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// checkKeying compares what the keys in the store were made with to what this process makes them with. An empty store is noted as made with the same. Where they differ, that is taken
// back before anything is written, and a job makes all keys anew (docs/adr/0011). The caller is within exclusively.
func (p *parameters) checkKeying(ctx context.Context) error {
	recorded, revision, err := store.ReadKeying(ctx, p.state)
	if err != nil {
		return err
	}
	present := p.search.Keying()
	if revision == 0 {
		page, err := p.store.History(ctx, store.HistoryQuery{Count: 1})
		if err != nil {
			return err
		}
		if len(page.Versions) == 0 {
			_, err := store.WriteKeying(ctx, p.state, present, 0)
			return err
		}
	}
	p.setOutdated(recorded != present)
	if recorded == present {
		return nil
	}
	mine, another := p.jobs.keyingJobs(present, revision)
	if mine != "" && recorded == (search.Keying{}) && revision != 0 {
		return nil
	}
	if recorded != (search.Keying{}) || revision == 0 || another {
		if revision, err = store.WriteKeying(ctx, p.state, search.Keying{}, revision); err != nil {
			return err
		}
	}
	if err := p.jobs.supersede(ctx, present); err != nil {
		return err
	}
	id, err := p.jobs.queueKeying(ctx, present, revision)
	if err != nil {
		return err
	}
	p.log.Warn("the index keys in the store were made by another release or with other settings; all are made anew, and searches may miss resources until then",
		"job", id, "grammar", recorded.Grammar, "content", recorded.Content, "grammar_now", present.Grammar, "content_now", present.Content)
	return nil
}

// setOutdated notes whether searches may miss resources.
func (p *parameters) setOutdated(is bool) {
	if p.outdated.Swap(is) != is {
		p.changed()
	}
}

// keyed notes that a job has made all keys anew, unless something else was written meanwhile.
func (p *parameters) keyed(ctx context.Context, j *reindexJob) (done bool, err error) {
	err = p.exclusively(ctx, func() error {
		_, err := store.WriteKeying(ctx, p.state, *j.Keying, j.KeyingRevision)
		switch {
		case errors.Is(err, store.ErrConflict):
			recorded, _, err := store.ReadKeying(ctx, p.state)
			if done = err == nil && recorded == *j.Keying; !done { // else by this job, before it was interrupted
				return err
			}
		case err != nil:
			return err
		}
		done = true
		p.setOutdated(false)
		return nil
	})
	return done, err
}

// startKeying is for whoever asks for a reindex of everything while keys are outdated: it returns the job that makes them anew, a new one where the last has ended without success.
func (p *parameters) startKeying(ctx context.Context) (id string, err error) {
	err = p.exclusively(ctx, func() error {
		if err := p.checkKeying(ctx); err != nil {
			return err
		}
		_, revision, err := store.ReadKeying(ctx, p.state)
		id, _ = p.jobs.keyingJobs(p.search.Keying(), revision)
		return err
	})
	return id, err
}

// incomplete is what a search says while keys are outdated. A nil *parameters has nothing to say.
func (p *parameters) incomplete() []fhir.Issue {
	if p == nil || !p.outdated.Load() {
		return nil
	}
	return []fhir.Issue{{Severity: fhir.Warning, Code: fhir.CodeIncomplete, Diagnostics: "index keys are being made anew since the server was upgraded or its settings changed: this search may miss resources" + p.jobs.keyingProgress()}}
}

// caution is what the CapabilityStatement says meanwhile.
func (p *parameters) caution() string {
	if p == nil || !p.outdated.Load() {
		return ""
	}
	return "; index keys are being made anew, and searches may miss resources meanwhile"
}

// keyingJobs finds the job that makes keys anew for a keying since a revision of the record; another reports whether there is one for another keying.
func (r *reindexing) keyingJobs(k search.Keying, revision uint64) (mine string, another bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		switch {
		case j.State.isOver() || j.Keying == nil:
		case *j.Keying != k:
			another = true
		case j.KeyingRevision == revision:
			mine = j.ID
		}
	}
	return mine, another
}

// hasKeyingJob reports whether a job for a keying is not over, or was there since a revision of the record: then another one is begun only by who asks for it, and at the next start.
func (r *reindexing) hasKeyingJob(k search.Keying, revision uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.jobs, func(j *reindexJob) bool {
		return j.Keying != nil && *j.Keying == k && (!j.State.isOver() || j.KeyingRevision == revision)
	})
}

// supersede ends jobs that make keys anew and would come to nothing. Those of another keying are left where other processes may want them.
func (r *reindexing) supersede(ctx context.Context, k search.Keying) error {
	r.mu.Lock()
	jobs := slices.Clone(r.jobs)
	r.mu.Unlock()
	for _, j := range jobs {
		now := r.copy(j)
		if now.State.isOver() || now.Keying == nil || *now.Keying != k && r.p.others != nil {
			continue
		}
		err := r.update(ctx, j, func(j *reindexJob) {
			j.State, j.Reason, j.Ended = jobFailed, "the keys were written by others meanwhile; another job begins anew", r.now()
		})
		if err != nil && !errors.Is(err, errJobOver) {
			return err
		}
	}
	return nil
}

// queueKeying makes the job. Its types are found when it begins.
func (r *reindexing) queueKeying(ctx context.Context, k search.Keying, revision uint64) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := newReindexJob(r.clock(), nil)
	if err := r.keep(ctx, j, func(j *reindexJob) { j.Keying, j.KeyingRevision = &k, revision }); err != nil {
		return "", err
	}
	r.jobs = append(r.jobs, j)
	return j.ID, nil
}

// keyingProgress is how far the job is, as "; 1,200 of 20,000 are done".
func (r *reindexing) keyingProgress() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		if j.Keying == nil || j.State.isOver() || *j.Keying != r.p.search.Keying() {
			continue
		}
		if sum := j.sum(); sum.Total > 0 {
			return "; " + count(sum.Done) + " of " + count(sum.Total) + " are done"
		}
		return ""
	}
	return "; the last attempt failed, and $reindex begins another"
}

// begin finds the types of a job that makes all keys anew, once nobody writes keys of another kind any more. It reports whether the job can go on.
func (r *reindexing) begin(ctx context.Context, j *reindexJob) (bool, error) {
	now := r.copy(j)
	if now.Keying == nil || len(now.Types) > 0 {
		return true, nil
	}
	if ok, err := r.p.caughtUp(ctx, now.Keying); !ok || err != nil {
		return false, err
	}
	var types []*reindexType
	for _, typ := range r.p.types {
		page, err := r.p.reindexer.Walk(ctx, store.WalkQuery{Type: typ, Limit: 1})
		if err != nil {
			return false, err
		}
		if len(page.Versions) == 0 && page.Next == "" {
			continue
		}
		n, err := r.p.total(ctx, typ)
		if err != nil {
			return false, err
		}
		types = append(types, &reindexType{Type: typ, Total: n})
	}
	r.log.Info("all index keys are being made anew", "job", now.ID)
	return true, r.update(ctx, j, func(j *reindexJob) { j.Types = types })
}

// complete ends a job that came through all types.
func (r *reindexing) complete(ctx context.Context, j *reindexJob) error {
	now := r.copy(j)
	state, reason := jobCompleted, ""
	if now.sum().Failed > 0 {
		state = jobFaulty
	}
	if now.Keying != nil {
		unread := 0
		for _, t := range now.Types {
			unread += t.Unread
		}
		done, err := false, error(nil)
		if unread == 0 {
			done, err = r.p.keyed(ctx, now)
		}
		if err != nil {
			return err
		}
		if !done {
			reason = "searches may still miss resources: " + counted(unread, "resource") + " could not be indexed"
		}
		if !done && unread == 0 {
			state, reason = jobFailed, "keys of another kind were written meanwhile"
			defer r.reload() // which begins another
		}
		r.log.Info("all index keys were made anew", "job", now.ID, "resources", now.sum().Done, "changed", now.sum().Changed, "not_indexed", unread, "complete", done)
	}
	return r.finish(ctx, j, state, reason)
}
