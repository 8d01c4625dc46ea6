package search

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/terminology"
	"github.com/firth-health/firth/fhir/ucum"
)

// Options configure a [Registry].
type Options struct {
	// BaseURL is the service base, "https://example.org/fhir": absolute references on it are the same as relative ones, in
	// resources and in queries. Changing it on existing data asks for a reindex.
	BaseURL string

	// References says that the store follows references: chains, _has, _include and _revinclude are answered. Without it
	// they are parameters like other unknown ones.
	References bool

	// Content says that _content is answered: every distinct word of every string of a resource is an index key, a hundred of them in a typical resource.
	// Turning it on for existing data asks for a reindex.
	Content bool
}

// Registry knows the search parameters of all resource types. Types are compiled when first asked for. Safe for concurrent use.
type Registry struct {
	defs *spec.Definitions
	base string // without the final slash

	references bool
	content    bool
	codes      *terminology.Terminology
	units      *ucum.Table

	custom atomic.Pointer[customSet] // replaced under mu

	mu    sync.RWMutex
	types map[string]*typeIndexes

	extractors sync.Pool
}

// NewRegistry makes a registry over definitions.
func NewRegistry(defs *spec.Definitions, opts Options) (*Registry, error) {
	units, err := ucum.Standard()
	if err != nil {
		return nil, err
	}
	r := &Registry{units: units, defs: defs, base: strings.TrimSuffix(opts.BaseURL, "/"), references: opts.References, content: opts.Content, codes: terminology.New(defs), types: map[string]*typeIndexes{}}
	r.custom.Store(newCustomSet(nil))
	r.extractors.New = func() any { return &extractor{registry: r} }
	return r, nil
}

// indexesOf compiles a type on first use. Errors are *fhir.OperationOutcome for types that do not exist.
func (r *Registry) indexesOf(resourceType string) (*typeIndexes, error) {
	r.mu.RLock()
	x := r.types[resourceType]
	r.mu.RUnlock()
	if x != nil {
		return x, nil
	}
	if !r.defs.IsResource(resourceType) {
		return nil, fhir.Invalidf(fhir.CodeNotSupported, "", "%s is not a resource type", resourceType)
	}
	for {
		customs := r.custom.Load()
		x, err := r.compileType(r.defs.Type(resourceType), customs)
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		if x := r.keep(resourceType, x, customs); x != nil {
			return x, nil
		}
	}
}

// keep stores what a type compiled to, unless another goroutine did. It returns nil when the custom parameters are others by now.
func (r *Registry) keep(resourceType string, x *typeIndexes, customs *customSet) *typeIndexes {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.custom.Load() != customs {
		return nil
	}
	if known := r.types[resourceType]; known != nil {
		return known
	}
	r.types[resourceType] = x
	return x
}

// Params returns the parameters the server answers for a type, sorted by code, those of every resource (_id, _lastUpdated, …) included; nil for
// an unknown type. They are shared: callers must not change them.
func (r *Registry) Params(resourceType string) []*Param {
	x, err := r.indexesOf(resourceType)
	if err != nil {
		return nil
	}
	return x.params
}

// Unsupported returns the parameters of the definitions that are not answered, sorted by code.
func (r *Registry) Unsupported(resourceType string) []Unsupported {
	x, err := r.indexesOf(resourceType)
	if err != nil {
		return nil
	}
	return x.unsupported
}
