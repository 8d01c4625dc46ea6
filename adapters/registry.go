package adapters

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Registry is the table of adapters by id. It does not change after it has been made.
type Registry struct{ byID map[string]*Adapter }

// ManifestFile is the name of an adapter's manifest in its folder.
const ManifestFile = "adapter.yaml"

// LoadAll loads every folder of a file system that holds a [ManifestFile]: one folder each adapter, named by its id.
func LoadAll(files fs.FS) (*Registry, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var all []*Adapter
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		file := path.Join(entry.Name(), ManifestFile)
		data, err := fs.ReadFile(files, file)
		if err != nil {
			continue // a folder of something else
		}
		a, err := Load(file, data)
		if err != nil {
			return nil, err
		}
		if a.ID() != entry.Name() {
			return nil, &LoadError{File: file, Line: 1, Col: 1, Msg: fmt.Sprintf("the folder of adapter %q must have its name", a.ID())}
		}
		all = append(all, a)
	}
	return NewRegistry(all...)
}

// NewRegistry makes a table of adapters; two of one id are an error.
func NewRegistry(all ...*Adapter) (*Registry, error) {
	r := &Registry{byID: make(map[string]*Adapter, len(all))}
	for _, a := range all {
		if r.byID[a.ID()] != nil {
			return nil, fmt.Errorf("there are two adapters %q", a.ID())
		}
		r.byID[a.ID()] = a
	}
	return r, nil
}

// Get finds an adapter by id; nil when there is none.
func (r *Registry) Get(id string) *Adapter { return r.byID[id] }

// All lists the adapters by id.
func (r *Registry) All() []*Adapter {
	all := make([]*Adapter, 0, len(r.byID))
	for _, a := range r.byID {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *Adapter) int { return strings.Compare(a.ID(), b.ID()) })
	return all
}
