package server

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// exclusively does what changes the set of search parameters or their records, with what is stored known: no other call does so meanwhile, in this process or in another on the store. When it has
// returned the others learn of the change within a beat.
func (p *parameters) exclusively(ctx context.Context, act func() error) error {
	if err := p.writing.take(ctx); err != nil {
		return err
	}
	defer p.writing.Unlock()
	if p.others == nil {
		if p.behind { // what the records say is not known since an earlier change was cut short
			if err := p.reload(ctx); err != nil {
				return err
			}
		}
		return act()
	}
	o, orphaned, err := p.others.await(ctx, parametersID)
	if err != nil {
		return err
	}
	if known, ok := p.others.known(); !ok || known != o.Generation {
		err = p.fetch(ctx)
		if err == nil {
			p.publish()
		}
	}
	if err == nil && orphaned { // whoever was at it may have left things undone
		err = p.reload(ctx)
	}
	if err == nil {
		err = act()
	} else {
		p.behind = true
	}
	p.release(context.WithoutCancel(ctx), &o)
	return err
}

// release lets other processes change the parameters, and see what this one changed.
func (p *parameters) release(ctx context.Context, o *ownership) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	o.Owner = ""
	o.Generation++
	err := p.others.own(ctx, parametersID, o)
	if err == nil && !p.behind {
		err = p.others.acknowledge(ctx, o.Generation)
	}
	if err != nil { // listen makes up for it
		p.log.Warn("the other servers on the store do not know of a change of search parameters yet", "error", err)
	}
}

// join makes the process known to the others, before it reads what they must not change without its knowledge.
func (p *parameters) join(ctx context.Context) error {
	if p.others == nil {
		return nil
	}
	return p.others.join(ctx)
}

// leave is the opposite of join.
func (p *parameters) leave() error {
	if p.others == nil {
		return nil
	}
	p.stopListening()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return p.others.leave(ctx)
}

// listen says at every beat that this process lives, and takes over what others have changed, until leave or the end of the store.
func (p *parameters) listen() {
	if p.others == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	p.stopListening = func() { cancel(); <-ended }
	go func() {
		defer close(ended)
		beat := time.NewTicker(p.others.every)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
			case <-ctx.Done():
				return
			}
			err := p.listenOnce(ctx)
			if errors.Is(err, fs.ErrClosed) {
				return
			}
			if err != nil && ctx.Err() == nil {
				p.log.Warn("what other servers on the store changed is not known", "error", err)
			}
		}
	}()
}

func (p *parameters) listenOnce(ctx context.Context) error {
	err := p.others.renew(ctx)
	if errors.Is(err, errExpelled) {
		p.log.Warn("this server begins anew", "error", err)
		p.jobs.lose()
		err = p.others.join(ctx)
	}
	if err != nil {
		return err
	}
	v, err := p.others.look(ctx)
	if err != nil {
		return err
	}
	leftover, err := p.catchUp(ctx, v)
	if err == nil && leftover {
		err = p.load(ctx)
	}
	if o := v.owners[jobsID]; err == nil && o.Owner != "" && o.Owner != p.others.id {
		err = p.jobs.refresh(ctx) // so that somebody goes on when that process dies
		p.jobs.wake()
	}
	return err
}

// catchUp reads what another process has changed and acknowledges it. It reports whether a process, perhaps this one, has left a change half done.
func (p *parameters) catchUp(ctx context.Context, v *view) (leftover bool, err error) {
	if !p.writing.TryLock() {
		return false, nil // whoever holds it does the same
	}
	defer p.writing.Unlock()
	now := v.owners[parametersID]
	_, dead := v.dead[now.Owner]
	_, lives := v.others[now.Owner]
	leftover = now.Owner != "" && (dead || !lives) || p.behind // this process is not among the others
	known, ok := p.others.known()
	if ok && known == now.Generation {
		return leftover, nil
	}
	if err := p.fetch(ctx); err != nil {
		return false, err
	}
	recorded, revision, err := store.ReadKeying(ctx, p.state)
	if err != nil {
		return false, err
	}
	p.setOutdated(recorded != p.search.Keying())
	p.publish()
	if err := p.jobs.refresh(ctx); err != nil {
		return false, err
	}
	p.jobs.wake()
	if p.behind {
		return true, nil
	}
	leftover = leftover || recorded != p.search.Keying() && !p.jobs.hasKeyingJob(p.search.Keying(), revision)
	return leftover, p.others.acknowledge(ctx, now.Generation)
}

// caughtUp is [processes.caughtUp], and true without other processes.
func (p *parameters) caughtUp(ctx context.Context, keying *search.Keying) (bool, error) {
	if p.others == nil {
		return true, nil
	}
	return p.others.caughtUp(ctx, keying)
}

// beat is how long to wait for other processes.
func (p *processes) beat() time.Duration {
	if p == nil {
		return 0
	}
	return p.every
}

// refresh reads what other processes have made of the jobs.
func (r *reindexing) refresh(ctx context.Context) error {
	if r.p.others == nil {
		return nil
	}
	return r.load(ctx)
}

// hand makes this process the one that performs the jobs, or with idle lets others have them. It waits for a beat when another has them.
func (r *reindexing) hand(idle bool) {
	if idle {
		r.yield()
		return
	}
	_, taken, _, err := r.p.others.take(r.ctx, jobsID)
	if err == nil {
		err = r.load(r.ctx) // what they are now, and until another takes them
	}
	if err != nil && r.ctx.Err() == nil && !errors.Is(err, fs.ErrClosed) {
		r.log.Warn("reindex jobs", "error", err)
	}
	if errors.Is(err, fs.ErrClosed) {
		r.cancel()
	}
	r.mu.Lock()
	r.held = taken && err == nil
	held := r.held
	r.mu.Unlock()
	if !held {
		r.rest(r.p.others.every)
	}
}

// lose forgets that this process performs the jobs.
func (r *reindexing) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = false
}

// yield lets other processes perform jobs.
func (r *reindexing) yield() {
	r.mu.Lock()
	held := r.held
	r.held = false
	r.mu.Unlock()
	if !held {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 5*time.Second)
	defer cancel()
	o, taken, _, err := r.p.others.take(ctx, jobsID)
	if err == nil && taken {
		o.Owner = ""
		err = r.p.others.own(ctx, jobsID, &o)
	}
	if err != nil && !errors.Is(err, fs.ErrClosed) && !errors.Is(err, store.ErrConflict) {
		r.log.Warn("reindex jobs", "error", err)
	}
}
