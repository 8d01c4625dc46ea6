// Package adaptertest has what tests of adapters need: a repository in memory with the real semantics. It is no store: nothing but tests and
// demonstrations of a mapping use it.
package adaptertest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/fhir"
)

// Memory keeps resources and their versions. The zero Memory is empty and ready.
type Memory struct {
	mu       sync.Mutex
	versions map[string][][]byte // by Type/id
}

var _ adapters.Repository = (*Memory)(nil)

// Put stores a version as somebody else would, for instance a Patient known before its readings.
func (m *Memory) Put(reference string, json []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(reference, json)
}

func (m *Memory) put(reference string, json []byte) {
	if m.versions == nil {
		m.versions = map[string][][]byte{}
	}
	m.versions[reference] = append(m.versions[reference], slices.Clone(json))
}

// Versions returns the versions of a resource, oldest first.
func (m *Memory) Versions(reference string) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.versions[reference]
}

// References lists what is stored, sorted.
func (m *Memory) References() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for reference := range m.versions {
		all = append(all, reference)
	}
	slices.Sort(all)
	return all
}

// Resolve implements adapters.Repository.
func (m *Memory) Resolve(_ context.Context, resourceType, system, value string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.resolve(resourceType, system, value)
}

func (m *Memory) resolve(resourceType, system, value string) (string, error) {
	found := ""
	for reference, versions := range m.versions {
		key := fhir.ParseReference(reference).Key
		if key.Type != resourceType {
			continue
		}
		root, err := fhir.Parse(versions[len(versions)-1])
		if err != nil {
			return "", err
		}
		for identifier := range root.Get("identifier").Children() {
			if identifier.Get("system").Text() == system && identifier.Get("value").TextIs(value) {
				if found != "" && found != key.ID {
					return "", adapters.ErrAmbiguous
				}
				found = key.ID
			}
		}
	}
	return found, nil
}

// Write implements adapters.Repository.
func (m *Memory) Write(_ context.Context, drafts []adapters.Draft) ([]adapters.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	outcomes := make([]adapters.Outcome, len(drafts))
	bodies := make([][]byte, len(drafts))
	for i := range drafts {
		var err error
		if outcomes[i], bodies[i], err = m.plan(&drafts[i]); err != nil {
			return nil, err
		}
	}
	for i := range drafts {
		if bodies[i] != nil {
			m.put(drafts[i].Reference(), bodies[i])
		}
	}
	return outcomes, nil
}

func (m *Memory) plan(d *adapters.Draft) (adapters.Outcome, []byte, error) {
	if _, err := fhir.ParseResource(d.JSON); err != nil {
		return 0, nil, fmt.Errorf("%s: %w", d.Reference(), err)
	}
	if d.Mode == adapters.CreateIfNoneExist {
		id, err := m.resolve(d.Type, d.System, d.Value)
		switch {
		case err != nil:
			return 0, nil, err
		case id == d.ID:
			return adapters.Existing, nil, nil
		case id != "" || m.versions[d.Reference()] != nil:
			return 0, nil, adapters.ErrConflict
		}
		return adapters.Created, d.JSON, nil
	}
	versions := m.versions[d.Reference()]
	if versions == nil {
		return adapters.Created, d.JSON, nil
	}
	body, changed, err := d.Reconcile(versions[len(versions)-1])
	if err != nil || !changed {
		return adapters.Unchanged, nil, err
	}
	return adapters.Updated, body, nil
}
