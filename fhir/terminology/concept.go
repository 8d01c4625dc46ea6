package terminology

import (
	"errors"
	"iter"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Concept is a code with what its value set and its code system say about it.
type Concept struct {
	Code
	Display  string // that of the value set before that of the code system; empty when neither has one
	Inactive bool
	Abstract bool // not for use in resources
	IsKnown  bool // whether the code system is known and has the code; if not, Inactive and Abstract say nothing

	listed, defined fhir.Node
}

// Designations ranges over the further names of a concept: language, use and value are members of each (R4 codesystem.html, CodeSystem.concept.designation). Those
// of the value set come first.
func (c *Concept) Designations() iter.Seq[fhir.Node] {
	return func(yield func(fhir.Node) bool) {
		for _, n := range [...]fhir.Node{c.listed, c.defined} {
			for designation := range n.Get("designation").Children() {
				if !yield(designation) {
					return
				}
			}
		}
	}
}

// Defined is the concept of the CodeSystem; absent where that is not known.
func (c *Concept) Defined() fhir.Node { return c.defined }

// Versions lists the code systems that the codes were taken from, as url|version, where the version is known.
func (t *Terminology) Versions(codes *Codes) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []string
	for _, name := range codes.systems {
		version := name.version
		if version == "" {
			system, err := t.systemIfKnown(name)
			if err != nil {
				return nil, err
			}
			if system != nil {
				version = system.version
			}
		}
		if version != "" {
			list = append(list, name.url+"|"+version)
		}
	}
	return list, nil
}

// Member finds a code among codes, as it is written there: where case does not matter to the code system, that may be in another way.
func (t *Terminology) Member(codes *Codes, code Code) (member Code, ok bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if codes.Has(code) {
		return code, true, nil
	}
	for _, name := range codes.systems {
		if name.url != code.System {
			continue
		}
		system, err := t.systemIfKnown(name)
		if err != nil {
			return code, false, err
		}
		if system == nil || !system.foldsCase {
			continue
		}
		for _, member := range codes.order {
			if member.System == code.System && strings.EqualFold(member.Code, code.Code) {
				return member, true, nil
			}
		}
	}
	return code, false, nil
}

// Concept describes a code of some codes.
func (t *Terminology) Concept(codes *Codes, code Code) (Concept, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.concept(codes, code)
}

// Active leaves out the inactive codes. It fails when it is not known which they are.
func (t *Terminology) Active(codes *Codes) (*Codes, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.active(codes)
}

func (t *Terminology) active(codes *Codes) (*Codes, error) {
	active := codes.clone()
	if err := t.spend(len(codes.order)); err != nil {
		return nil, err
	}
	dropped := map[Code]bool{}
	for _, code := range codes.order {
		c, err := t.concept(codes, code)
		if err != nil {
			return nil, err
		}
		if !c.IsKnown {
			return nil, failf(NotWhole, "which codes are inactive is not known: the code system %s is not known, or lacks some", printableURL(code.System))
		}
		dropped[code] = c.Inactive
	}
	active.keep(func(code Code) bool { return !dropped[code] })
	return active, nil
}

func (t *Terminology) concept(codes *Codes, code Code) (Concept, error) {
	c := Concept{Code: code, listed: codes.listed[code]}
	for _, name := range codes.systems {
		if name.url != code.System {
			continue
		}
		system, err := t.systemIfKnown(name)
		if err != nil {
			return c, err
		}
		if system == nil {
			continue
		}
		if found := system.Concept(code.Code); found.IsKnown {
			found.Code, found.listed = code, c.listed
			c = found
			break
		}
	}
	if display := c.listed.Get("display").Text(); display != "" {
		c.Display = display
	}
	return c, nil
}

// systemIfKnown gives nil for a code system that is not known whole.
func (t *Terminology) systemIfKnown(name canonical) (*CodeSystem, error) {
	system, err := t.system(name)
	if problem := (*Error)(nil); errors.As(err, &problem) {
		return nil, nil
	}
	return system, err
}
