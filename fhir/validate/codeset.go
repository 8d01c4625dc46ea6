package validate

import (
	"sync"

	"github.com/firth-health/firth/fhir/terminology"
)

// codeSet is the content of a value set, expanded when the first code is checked against it.
type codeSet struct {
	codes *terminology.Terminology
	url   string // canonical, perhaps with |version
	once  sync.Once
	all   *expansion
}

// expansion is all codes of a value set, ready for checks.
type expansion struct {
	any      map[string]bool            // codes of all systems
	bySystem map[string]map[string]bool // system -> codes
	codes    []string                   // of all systems, in the order of the definition
}

// codeSet returns the set of a value set; all callers get the same one.
func (v *Validator) codeSet(url string) *codeSet {
	if known, ok := v.codeSets.Load(url); ok {
		return asCodeSet(known)
	}
	known, _ := v.codeSets.LoadOrStore(url, &codeSet{codes: v.codes, url: url})
	return asCodeSet(known)
}

// asCodeSet is what the map of code sets holds.
func asCodeSet(value any) *codeSet {
	s, _ := value.(*codeSet)
	return s
}

// known returns all codes of the set, nil when the definitions do not say exactly which they are and how they are written.
func (s *codeSet) known() *expansion {
	s.once.Do(func() {
		if codes, err := s.codes.ValueSet(s.url); err == nil && !codes.FoldsCase {
			s.all = newExpansion(codes.All())
		}
	})
	return s.all
}

func newExpansion(codes []terminology.Code) *expansion {
	x := &expansion{any: make(map[string]bool, len(codes)), bySystem: map[string]map[string]bool{}}
	for _, one := range codes {
		if !x.any[one.Code] {
			x.any[one.Code] = true
			x.codes = append(x.codes, one.Code)
		}
		if x.bySystem[one.System] == nil {
			x.bySystem[one.System] = map[string]bool{}
		}
		x.bySystem[one.System][one.Code] = true
	}
	return x
}
