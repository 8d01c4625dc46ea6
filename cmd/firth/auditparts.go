package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// withAuditor works on the trail of a store: through the server that has it open, when there is one that this command may ask, and else by opening it. Without writes the store stays as it is, so
// that a backup can be looked at.
func withAuditor(ctx context.Context, c config.Config, writes bool, f func(auditor) error) error {
	files, err := openKeyFiles(c)
	if err != nil && writes {
		return err
	}
	if err == nil {
		if client := dialServer(ctx, files); client != nil {
			defer client.CloseIdleConnections()
			return f(remoteAuditor{client})
		}
	}
	err = withAudit(ctx, c, func(r *audit.Reader, p *auditParts) error {
		work := &auditWork{reader: r, registry: p.registry}
		if !writes {
			return f(work.of(machineUser()))
		}
		t, closeAll, err := p.trail(ctx, c)
		if err != nil {
			return err
		}
		work.trail = t
		return errors.Join(f(work.of(machineUser())), closeAll())
	})
	return advised(err, files)
}

// advised says what to do about a store that somebody else has open.
func advised(err error, files keyFiles) error {
	if err == nil || !strings.Contains(err.Error(), "in use by another process") {
		return err
	}
	return fmt.Errorf("%w\nA running server answers this command over %s, which is not there or not for this user: give the --keys of the server, or run it as the server's user. "+
		"Or stop the server, or work on a copy: firth store backup", err, files.path(adminSocket))
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
