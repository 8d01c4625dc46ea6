package adapters

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/firth-health/firth/adapters/expr"
	"github.com/firth-health/firth/fhir"
)

// The code systems that manifests name in short.
const (
	loincSystem    = "http://loinc.org"
	mdcSystem      = "urn:iso:std:iso:11073:10101"
	snomedSystem   = "http://snomed.info/sct"
	ucumSystem     = "http://unitsofmeasure.org"
	categorySystem = "http://terminology.hl7.org/CodeSystem/observation-category"
	absentSystem   = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
)

// unit is a UCUM unit as the end of a Quantity.
type unit struct {
	code string
	json []byte // "unit":"kg","system":"http://unitsofmeasure.org","code":"kg"
}

func newUnit(code, print string) *unit {
	if print == "" {
		print = code
	}
	json := append(fhir.AppendQuoted([]byte(`"unit":`), print), `,"system":"`+ucumSystem+`","code":`...)
	return &unit{code: code, json: fhir.AppendQuoted(json, code)}
}

// compileUnits makes the table of vendor units. A code that some row leads to may be sent as it is: that is no guess.
func (c *compiler) compileUnits() error {
	c.out.units = make(map[string]*unit, len(c.m.Units))
	for alias, spec := range c.m.Units {
		if !isUCUMShaped(spec.Code) {
			return c.src.fail(c.node("/units/"+escapeToken(alias)), "%q is not a UCUM code", spec.Code)
		}
		c.out.units[alias] = newUnit(spec.Code, spec.Unit)
	}
	for _, spec := range c.m.Units {
		if c.out.units[spec.Code] == nil {
			c.out.units[spec.Code] = newUnit(spec.Code, spec.Unit)
		}
	}
	return nil
}

// isUCUMShaped accepts the characters UCUM expressions are made of; package fhir/ucum knows more.
func isUCUMShaped(code string) bool {
	for i := range len(code) {
		if code[i] <= ' ' || code[i] >= 0x7F {
			return false
		}
	}
	return code != "" && len(code) <= 100
}

// concept is a compiled [ConceptSpec].
type concept struct {
	name     string
	code     *codeable
	category []byte // "category":[…], or empty
	profiles []string
	unit     *unit
	allowed  []string // UCUM codes
}

func (c *compiler) compileConcepts() error {
	c.out.concepts = make(map[string]*concept, len(c.m.Concepts))
	for name, spec := range c.m.Concepts {
		code, err := c.codeable(&spec.Code)
		if err != nil {
			return err
		}
		k := &concept{name: name, code: code, profiles: spec.Profile, allowed: spec.Units, category: categoryJSON(spec.Category)}
		if spec.Unit != "" {
			if k.unit, err = c.knownUnit(spec.Unit, c.node("/concepts/"+escapeToken(name)+"/unit")); err != nil {
				return err
			}
		}
		if k.unit != nil && !k.allows(k.unit) {
			return c.src.fail(c.node("/concepts/"+escapeToken(name)+"/unit"), "%q is not among the units of the concept", spec.Unit)
		}
		c.out.concepts[name] = k
	}
	return nil
}

// knownUnit finds a literal unit: a row of the unit table, or a UCUM code.
func (c *compiler) knownUnit(text string, n *yaml.Node) (*unit, error) {
	if u := c.out.units[text]; u != nil {
		return u, nil
	}
	if !isUCUMShaped(text) {
		return nil, c.src.fail(n, "%q is neither in units nor a UCUM code", text)
	}
	return newUnit(text, ""), nil
}

func (k *concept) allows(u *unit) bool {
	if k == nil || len(k.allowed) == 0 {
		return true
	}
	for _, code := range k.allowed {
		if code == u.code {
			return true
		}
	}
	return false
}

func categoryJSON(codes []string) []byte {
	if len(codes) == 0 {
		return nil
	}
	parts := make([][]byte, len(codes))
	for i, code := range codes {
		parts[i] = append(append([]byte(`{"coding":[`), newCoding(categorySystem, code, "").json...), `]}`...)
	}
	return append(append([]byte(`"category":[`), bytes.Join(parts, []byte{','})...), ']')
}

// conceptRef finds the concept of an item.
type conceptRef struct {
	fixed    *concept
	rows     map[string]*concept
	key      *scalar
	optional bool
}

func (c *compiler) conceptRef(ref *ConceptRef, pointer string) (*conceptRef, error) {
	if ref == nil {
		return nil, nil
	}
	if ref.Table == "" {
		k := c.out.concepts[ref.Name.Text]
		if k == nil {
			return nil, c.src.fail(c.node(pointer), "there is no concept %q", ref.Name.Text)
		}
		return &conceptRef{fixed: k}, nil
	}
	table, ok := c.m.Tables[ref.Table]
	if !ok {
		return nil, c.src.fail(c.node(pointer+"/table"), "there is no table %q", ref.Table)
	}
	out := &conceptRef{rows: make(map[string]*concept, len(table)), optional: ref.Optional}
	for key, name := range table {
		k := c.out.concepts[name]
		if k == nil {
			return nil, c.src.fail(c.node(fmt.Sprintf("/tables/%s/%s", escapeToken(ref.Table), escapeToken(key))), "there is no concept %q", name)
		}
		out.rows[key] = k
	}
	var err error
	out.key, err = c.scalar(ref.Key)
	return out, err
}

// find gives the item's concept; applies is false when the mapping is not about this item.
func (r *conceptRef) find(s *expr.Scope) (k *concept, applies bool, err error) {
	if r == nil || r.fixed != nil {
		if r != nil {
			k = r.fixed
		}
		return k, true, nil
	}
	key, err := r.key.string(s)
	if err != nil {
		return nil, false, err
	}
	k = r.rows[key]
	return k, k != nil || r.optional, nil
}
