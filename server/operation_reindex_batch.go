package server

import (
	"context"
	"errors"
	"maps"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// batch begins a type, or reindexes some resources of it and ends it behind the last.
func (r *reindexing) batch(ctx context.Context, j *reindexJob, i int, t *reindexType) error {
	if !t.Begun {
		return r.beginType(ctx, j, i, t.Type)
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

// beginType notes which parameters a type is indexed for: those of which every commit has the keys from now on. When the job or the parameters change meanwhile nothing is noted, and the
// caller comes again: a parameter that came in between may rely on this job (see [reindexing.rely]).
func (r *reindexing) beginType(ctx context.Context, j *reindexJob, i int, typ string) error {
	now, generation := r.copy(j), r.p.others.generation()
	covers := r.p.tokens(typ)
	if ok, err := r.p.caughtUp(ctx, now.Keying); !ok || err != nil {
		r.rest(r.p.others.beat())
		return err
	}
	total, err := r.p.total(ctx, typ)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case j.State.isOver():
		return errJobOver
	case j.revision != now.revision || r.p.others.generation() != generation:
		return nil
	}
	return r.keep(ctx, j, func(j *reindexJob) {
		j.Types[i].Begun, j.Types[i].Covers, j.Types[i].Total = true, covers, total
	})
}

// reindexed is what became of a batch.
type reindexed struct {
	done, changed, superseded, failed int
	errors                            []failedResource
}

type failedResource struct{ resource, parameter, text string }

// run makes the keys of versions anew, of one generation as a commit does.
func (b *reindexed) run(ctx context.Context, p *parameters, versions []store.Version) error {
	ctx, cancel, err := p.others.within(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if err := p.keep(ctx); err != nil {
		return err
	}
	defer p.keys.RUnlock()
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
