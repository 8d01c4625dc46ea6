package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/version"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// auditParts are what commands about the trail work on.
type auditParts struct {
	store    store.Store
	registry *search.Registry
	base     string
}

// withAudit opens the trail of the store that must be there.
func withAudit(ctx context.Context, c config.Config, f func(*audit.Reader, *auditParts) error) error {
	definitions, err := spec.R4()
	if err != nil {
		return err
	}
	base := baseURL(c, config.Defaults().Listen)
	registry, err := search.NewRegistry(definitions, search.Options{BaseURL: base, References: true})
	if err != nil {
		return err
	}
	return withStore(ctx, c, func(s store.Store) error {
		r, err := audit.OpenReader(s, registry, base)
		if err != nil {
			return err
		}
		return f(r, &auditParts{s, registry, base})
	})
}

// trail opens the trail to write to it, as a server does.
func (p *auditParts) trail(ctx context.Context, c config.Config) (t *audit.Trail, closeAll func() error, err error) {
	files, err := openKeyFiles(c)
	if err != nil {
		return nil, nil, err
	}
	key, err := files.audit()
	if err != nil {
		return nil, nil, err
	}
	checkpoints, err := files.checkpoints()
	if err != nil {
		return nil, nil, err
	}
	t, err = audit.Open(ctx, audit.Options{Store: p.store, BaseURL: p.base, Name: "command", Version: version.Read().Version, Key: key, Checkpoints: checkpoints, Logger: logger(c)})
	if err != nil {
		return nil, nil, errors.Join(err, checkpoints.Close())
	}
	return t, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return errors.Join(t.Close(ctx), checkpoints.Close())
	}, nil
}

// tell records what a command did, nil for nothing, and leaves a checkpoint.
func (p *auditParts) tell(ctx context.Context, c config.Config, e *audit.Event) error {
	t, closeAll, err := p.trail(ctx, c)
	if err != nil {
		return err
	}
	if e != nil {
		err = t.Record(ctx, e)
	}
	return errors.Join(err, closeAll())
}

// prune removes old events.
func (p *auditParts) prune(ctx context.Context, c config.Config, before time.Time, out io.Writer) error {
	t, closeAll, err := p.trail(ctx, c)
	if err != nil {
		return err
	}
	n, err := t.Retain(ctx, before)
	fmt.Fprintf(out, "%d events removed\n", n)
	return errors.Join(err, closeAll())
}
