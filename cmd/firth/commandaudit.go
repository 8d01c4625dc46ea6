package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// tellOfCommand records that a command worked on a store itself, in the trail of that store. A store without a trail, such as one that only --dev used, stays without. Where the key that signs the trail is not to be
// found, so that nothing can be added that would be believed, a warning says that the command is not recorded.
func tellOfCommand(ctx context.Context, c config.Config, s store.Store, e *audit.Event) error {
	kinds, err := audit.Kinds(ctx, s)
	if err != nil || len(kinds) < 2 { // the list of chains alone
		return err
	}
	if c.Keys == "" && isURI(c.Store) {
		logger(c).Warn("not recorded in the audit trail of the store: give its --keys", "command", e.Query)
		return nil
	}
	files, err := openKeyFiles(c)
	if err != nil {
		return err
	}
	if _, err := os.Stat(files.path(auditKeyFile)); errors.Is(err, fs.ErrNotExist) {
		logger(c).Warn("not recorded in the audit trail of the store: give its --keys", "command", e.Query, "looked for", files.path(auditKeyFile))
		return nil
	}
	p := &auditParts{store: s, base: baseURL(c, c.Listen)}
	t, closeAll, err := p.trail(ctx, c)
	if err != nil {
		return err
	}
	e.Durable = true
	return errors.Join(t.Record(ctx, byCommand(e, machineUser())), closeAll())
}

// allPatients are the ids of all patients of a store.
func allPatients(ctx context.Context, s store.Store) (ids []string, err error) {
	const page = 1000
	for q := (&search.Query{Type: "Patient", Plan: search.And{}, Count: page, Total: search.NoTotal}); ; {
		found, err := s.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range found.Matches {
			ids = append(ids, found.Matches[i].Key.ID)
		}
		if q.Cursor = found.Next; found.Next == "" {
			return ids, nil
		}
	}
}
