package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/firth-health/firth/store"
)

// parameterRecord is kept for each active SearchParameter, under its id.
type parameterRecord struct {
	Digest string                   `json:"digest"` // of what was or is being indexed
	Token  string                   `json:"token"`  // of this time: a parameter that changes and changes back has another
	Types  map[string]typeReadiness `json:"types"`

	revision uint64
}

// typeReadiness is how far a parameter is for one type.
type typeReadiness struct {
	State  readiness `json:"state"`
	Reason string    `json:"reason,omitempty"` // of a failure
}

type readiness string

const (
	isIndexing readiness = "indexing" // a reindex is under way or waits
	isReady    readiness = "ready"
	isFailed   readiness = "failed" // the reindex came to its end without success
)

// adjustRecords gives every custom a record of its digest and types, and forgets records of what is no custom.
func (p *parameters) adjustRecords(ctx context.Context) error {
	for id := range p.snapshot() {
		if p.customs[id] != nil {
			continue
		}
		if err := p.forget(ctx, id); err != nil {
			return err
		}
	}
	all := slices.Collect(maps.Values(p.customs))
	for id, c := range p.customs {
		old, digest := p.records[id], c.Digest(all)
		record := &parameterRecord{Digest: digest, Token: rand.Text(), Types: map[string]typeReadiness{}}
		if old != nil {
			record.revision = old.revision
		}
		isNew := old == nil || old.Digest != digest
		if !isNew {
			record.Token = old.Token
		}
		for _, typ := range p.search.CustomTypes(c) {
			record.Types[typ] = typeReadiness{State: isIndexing}
			if !isNew && old.Types[typ].State != "" {
				record.Types[typ] = old.Types[typ]
			}
		}
		if !isNew && maps.Equal(old.Types, record.Types) {
			continue
		}
		if err := p.save(ctx, id, record); err != nil {
			return err
		}
	}
	return nil
}

// save keeps a record, which must not be changed afterwards.
func (p *parameters) save(ctx context.Context, id string, record *parameterRecord) error {
	value, err := json.Marshal(record)
	if err != nil {
		return err
	}
	if record.revision, err = p.state.PutState(ctx, store.ParameterKind, id, value, record.revision); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records[id] = record
	return nil
}

// forget deletes a record.
func (p *parameters) forget(ctx context.Context, id string) error {
	record := p.records[id]
	if record == nil {
		return nil
	}
	if err := p.state.DeleteState(ctx, store.ParameterKind, id, record.revision); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.records, id)
	return nil
}

// mark changes the readiness of one type.
func (p *parameters) mark(ctx context.Context, id, typ string, to typeReadiness) error {
	p.mu.RLock()
	old := p.records[id]
	p.mu.RUnlock()
	if old == nil || old.Types[typ].State == "" || old.Types[typ] == to {
		return nil
	}
	record := *old
	record.Types = maps.Clone(old.Types)
	record.Types[typ] = to
	return p.save(ctx, id, &record)
}

func (p *parameters) snapshot() map[string]*parameterRecord {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return maps.Clone(p.records)
}

// tokens are those of the parameters of a type, by id. Keys for all of them are made from now on, and have been since before this was called.
func (p *parameters) tokens(typ string) map[string]string {
	p.writing.Lock()
	defer p.writing.Unlock()
	all := map[string]string{}
	for id, record := range p.snapshot() {
		if record.Types[typ].State != "" {
			all[id] = record.Token
		}
	}
	return all
}

// indexed notes how a reindex of a type ended for the parameters that it covered, unless they are others by now. A parameter that was ready stays so; outcome tells
// of others what they are, or false to leave them.
func (p *parameters) indexed(ctx context.Context, typ string, covered map[string]string, outcome func(id string) (typeReadiness, bool)) error {
	if len(covered) == 0 {
		return nil
	}
	return p.exclusively(ctx, func() error { return p.note(ctx, typ, covered, outcome) })
}

func (p *parameters) note(ctx context.Context, typ string, covered map[string]string, outcome func(id string) (typeReadiness, bool)) error {
	changed := false
	for id, token := range covered {
		record := p.snapshot()[id]
		if record == nil || record.Token != token || record.Types[typ].State == isReady {
			continue
		}
		to, known := outcome(id)
		if !known {
			continue
		}
		if err := p.mark(ctx, id, typ, to); err != nil {
			return err
		}
		changed = true
	}
	if changed {
		p.publish()
	}
	return nil
}
