package terminology

import (
	"maps"
	"slices"

	"github.com/firth-health/firth/fhir"
)

// Code is a code with its system.
type Code struct{ System, Code string }

// Codes is the content of a value set. It does not change.
type Codes struct {
	// FoldsCase says that some of the codes are of a code system in which case does not matter, so that a code may be in the value set that is not listed here as it
	// is written.
	FoldsCase bool

	has     map[Code]bool
	order   []Code
	listed  map[Code]fhir.Node // ValueSet.compose.include.concept, of the codes that have one
	systems []canonical        // that codes were taken from
}

// canonical is a URL with a version, empty for any.
type canonical struct{ url, version string }

func newCodes() *Codes { return &Codes{has: map[Code]bool{}} }

// Has reports whether a code is in the value set.
func (c *Codes) Has(code Code) bool { return c.has[code] }

// All lists the codes in the order of the definitions. The caller must not change the slice.
func (c *Codes) All() []Code { return c.order }

func (c *Codes) add(code Code) {
	if !c.has[code] {
		c.has[code] = true
		c.order = append(c.order, code)
	}
}

// list adds a code with what the value set says about it.
func (c *Codes) list(code Code, concept fhir.Node) {
	c.add(code)
	if c.listed == nil {
		c.listed = map[Code]fhir.Node{}
	}
	if !c.listed[code].Ok() {
		c.listed[code] = concept
	}
}

// from notes a code system that codes were taken from.
func (c *Codes) from(system canonical) {
	if !slices.Contains(c.systems, system) {
		c.systems = append(c.systems, system)
	}
}

// adopt takes over what another part says about codes and systems, but no codes.
func (c *Codes) adopt(part *Codes) {
	c.FoldsCase = c.FoldsCase || part.FoldsCase
	for _, system := range part.systems {
		c.from(system)
	}
	for code, concept := range part.listed {
		if c.listed == nil {
			c.listed = map[Code]fhir.Node{}
		}
		if !c.listed[code].Ok() {
			c.listed[code] = concept
		}
	}
}

// keep drops all codes that do not pass.
func (c *Codes) keep(passes func(Code) bool) {
	c.order = slices.DeleteFunc(c.order, func(code Code) bool { return !passes(code) })
	maps.DeleteFunc(c.has, func(code Code, _ bool) bool { return !passes(code) })
}

func (c *Codes) clone() *Codes {
	return &Codes{FoldsCase: c.FoldsCase, has: maps.Clone(c.has), order: slices.Clone(c.order), listed: maps.Clone(c.listed), systems: slices.Clone(c.systems)}
}
