package storecopy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Options say between what is copied.
type Options struct {
	From, To store.Store
	Registry *search.Registry // makes the index keys

	// Kinds are those of the records ([store.State]) that belong to what is stored, such as accounts and the audit trail; those about the work of servers do not.
	Kinds []string

	// Page is how many versions are moved at once; 0 for 1,000.
	Page int
}

// ErrNoArchive says that a store can not be copied from or to.
var ErrNoArchive = errors.New("the store has no archive of its versions")

// Progress counts while Run runs.
type Progress struct {
	versions, before, copied, verified atomic.Int64
}

// Steps are all that there is to do: each version is copied, and read back from either store. They are 0 until that is known.
func (p *Progress) Steps() int64 { return 3 * p.versions.Load() }

// Done are the steps that are done, those of an earlier run included.
func (p *Progress) Done() int64 { return p.before.Load() + p.copied.Load() + p.verified.Load() }

// Copied is how many versions are in the target, Verified how many have been read back.
func (p *Progress) Copied() int64   { return p.copied.Load() }
func (p *Progress) Verified() int64 { return p.verified.Load() }

// Run copies, and then compares what both stores hold. The target must hold nothing but what an earlier, interrupted run copied: that run is continued. The
// source must not be written to meanwhile.
func Run(ctx context.Context, opts Options, p *Progress) (*Report, error) {
	from, ok := store.Unwrap(opts.From).(store.Archive)
	to, ok2 := store.Unwrap(opts.To).(store.Archive)
	if !ok || !ok2 {
		return nil, ErrNoArchive
	}
	if opts.Page < 1 {
		opts.Page = 1000
	}
	c := &copying{Options: opts, from: from, to: to, progress: p}
	records, err := c.records(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	report, err := c.verify(ctx)
	if err != nil {
		return nil, err
	}
	report.Records = records
	return report, nil
}

// copying is one call of Run.
type copying struct {
	Options
	from, to store.Archive
	progress *Progress
	mark     *mark
}

func (c *copying) run(ctx context.Context) (err error) {
	if c.mark, err = readMark(ctx, c.To); err != nil {
		return err
	}
	if err := store.DoubtParameters(ctx, c.To); err != nil {
		return err
	}
	if err := errors.Join(c.count(ctx), c.recordKeying(ctx)); err != nil {
		return err
	}
	for {
		page, err := c.from.Export(ctx, store.ExportQuery{Cursor: c.mark.Cursor, Limit: c.Page})
		if err != nil {
			return fmt.Errorf("reading the source: %w", err)
		}
		if len(page.Versions) == 0 {
			return c.mark.remove(ctx)
		}
		all, err := c.restorable(ctx, page.Versions)
		if err != nil {
			return err
		}
		if err := c.to.Restore(ctx, all); err != nil {
			return fmt.Errorf("writing the target: %w", refused(all, err))
		}
		c.progress.copied.Add(int64(len(all)))
		if err := c.mark.move(ctx, page.Next); err != nil {
			return err
		}
	}
}

// count finds out how much there is to do.
func (c *copying) count(ctx context.Context) error {
	all, err := c.From.History(ctx, store.HistoryQuery{})
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	there, err := c.To.History(ctx, store.HistoryQuery{})
	if err != nil {
		return fmt.Errorf("reading the target: %w", err)
	}
	c.progress.versions.Store(int64(max(all.Total, 0)))
	if c.mark.Cursor != "" {
		c.progress.before.Store(int64(max(there.Total, 0)))
	}
	return nil
}

// recordKeying notes what the keys in the target are made with, so that a server does not make them anew; not where some of them were made with something else, or nobody knows.
func (c *copying) recordKeying(ctx context.Context) error {
	state, ok := store.Unwrap(c.To).(store.State)
	if !ok {
		return nil
	}
	recorded, revision, err := store.ReadKeying(ctx, state)
	if err != nil {
		return err
	}
	there, err := c.to.Export(ctx, store.ExportQuery{Limit: 1})
	if err != nil {
		return fmt.Errorf("reading the target: %w", err)
	}
	keying := c.Registry.Keying()
	if len(there.Versions) > 0 {
		keying = search.Keying{}
	}
	if recorded == c.Registry.Keying() || recorded == keying {
		return nil
	}
	_, err = store.WriteKeying(ctx, state, keying, revision)
	return err
}

// refused names the version that the target did not take.
func refused(all []store.Restored, err error) error {
	var op *store.OpError
	if errors.As(err, &op) && op.Index < len(all) {
		return fmt.Errorf("%s: %w", all[op.Index].VersionKey(), err)
	}
	return err
}

// restorable makes the index keys of versions, on all cores.
func (c *copying) restorable(ctx context.Context, versions []store.Version) ([]store.Restored, error) {
	all := make([]store.Restored, len(versions))
	group, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() error {
			for i := w; i < len(versions) && ctx.Err() == nil; i += workers {
				if err := c.restore(&versions[i], &all[i]); err != nil {
					return fmt.Errorf("%s: %w", versions[i].Key, err)
				}
			}
			return ctx.Err()
		})
	}
	return all, group.Wait()
}

// restore prepares one version. Its bytes must come out as they came in.
func (c *copying) restore(v *store.Version, r *store.Restored) error {
	*r = store.Restored{Op: store.Op{Method: v.Method, Key: fhir.Key{Type: v.Key.Type, ID: v.Key.ID}}, Version: v.Key.Version, LastUpdated: v.LastUpdated}
	if v.Deleted() {
		return nil
	}
	resource, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return err
	}
	if r.Resource, err = resource.Stamp(v.Key.ID); err != nil {
		return err
	}
	if !bytes.Equal(r.Resource.Render(nil, v.Key.Version, v.LastUpdated), v.JSON) {
		return errors.New("stamping changes the stored bytes")
	}
	r.Measure = search.MeasureOf(resource)
	r.Keys, err = c.Registry.Extract(resource)
	return err
}
