package validate

import (
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/terminology"
)

// DefaultMaxIssues is how many issues [Validator.Resource] reports at most where the options do not say.
const DefaultMaxIssues = 100

// Options say how a resource is checked. The zero value is for writes.
type Options struct {
	// MaxIssues bounds the issues reported; 0 means [DefaultMaxIssues]. Where there are more, checking stops and one further
	// issue, an information, says so.
	MaxIssues int
	// Positions adds line and column to the diagnostics. It is meant for documents that the reader has before him: not for JSON made from XML, of which xml.Locate
	// says where the elements stood.
	Positions bool
}

// Validator checks resources. It prepares each type when it first meets it, keeps that, and may be used by many goroutines.
type Validator struct {
	defs      *spec.Definitions
	resources map[string]*table     // by the name of the concrete resource type
	profiled  map[string]*spec.Type // data types that are constraints on others (SimpleQuantity), by URL
	tables    sync.Map              // *spec.Type -> *table
	codes     *terminology.Terminology
	codeSets  sync.Map  // URL of a value set -> *codeSet
	walks     sync.Pool // of *walk
}

// New returns a validator for resources of the given definitions.
func New(defs *spec.Definitions) *Validator {
	v := &Validator{defs: defs, codes: terminology.New(defs), resources: map[string]*table{}, profiled: map[string]*spec.Type{}}
	for _, name := range defs.ResourceTypes() {
		v.resources[name] = v.table(defs.Type(name))
	}
	for _, name := range defs.DataTypes() {
		if t := defs.Type(name); t.Profile {
			v.profiled[t.URL] = t
		}
	}
	v.walks.New = func() any { return &walk{v: v} }
	return v
}

// Resource checks the resource whose object is root and returns what is wrong with it, in document order as far as that goes; nil when
// nothing is. All issues are errors, but for the last when there are more than the options allow.
func (v *Validator) Resource(root fhir.Node, options Options) []fhir.Issue {
	w, ok := v.walks.Get().(*walk)
	if !ok {
		w = &walk{v: v}
	}
	w.limit = options.MaxIssues
	if w.limit <= 0 {
		w.limit = DefaultMaxIssues
	}
	w.root(root)
	issues := w.finish(options.Positions)
	w.reset()
	v.walks.Put(w)
	return issues
}

// table returns the table of a type; all callers get the same one.
func (v *Validator) table(t *spec.Type) *table {
	if known, ok := v.tables.Load(t); ok {
		return asTable(known)
	}
	known, _ := v.tables.LoadOrStore(t, &table{v: v, typ: t})
	return asTable(known)
}

// asTable is what the map of tables holds.
func asTable(value any) *table {
	t, _ := value.(*table)
	return t
}
