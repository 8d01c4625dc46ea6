package search

import (
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// Options configure a [Registry].
type Options struct {
	// BaseURL is the service base, "https://example.org/fhir": absolute references on it are the same as relative ones, in
	// resources and in queries. Changing it on existing data asks for a reindex.
	BaseURL string
}

// Registry knows the search parameters of all resource types. Types are compiled when first asked for. Safe for concurrent use.
type Registry struct {
	defs *spec.Definitions
	base string

	mu    sync.RWMutex
	types map[string]*typeIndexes
}

type typeIndexes struct{}
type index struct{ name string }
type part struct{}

// NewRegistry makes a registry over definitions.
func NewRegistry(defs *spec.Definitions, opts Options) (*Registry, error) {
	return &Registry{defs: defs, base: opts.BaseURL}, nil
}

// Params returns the parameters the server answers for a type, sorted by code, those of every resource (_id, _lastUpdated, …) included; nil for
// an unknown type. They are shared: callers must not change them.
func (r *Registry) Params(resourceType string) []*Param { return nil }

// Unsupported returns the parameters of the definitions that are not answered, sorted by code.
func (r *Registry) Unsupported(resourceType string) []Unsupported { return nil }

// Extract returns the index keys of a resource, sorted and unique, without those that only the store knows (_id, _lastUpdated). A
// value that cannot be read (a malformed date) has no key; that is not an error. An unknown resource type is one.
func (r *Registry) Extract(res *fhir.Resource) ([]string, error) { return nil, nil }
