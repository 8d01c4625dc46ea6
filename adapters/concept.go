package adapters

import (
	"bytes"
	"fmt"
	"strings"

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

// coding is one Coding as literal JSON, with what makes two of them the same.
type coding struct {
	system, code string
	json         []byte
}

func newCoding(system, code, display string) coding {
	out := coding{system: system, code: code, json: []byte{'{'}}
	if system != "" {
		out.json = append(fhir.AppendQuoted(append(out.json, `"system":`...), system), ',')
	}
	out.json = fhir.AppendQuoted(append(out.json, `"code":`...), code)
	if display != "" {
		out.json = fhir.AppendQuoted(append(out.json, `,"display":`...), display)
	}
	out.json = append(out.json, '}')
	return out
}

// codeable is a compiled "code": fixed codings, codings from the payload, a text.
type codeable struct {
	codings []codingSource
	text    *scalar
	fixed   []byte // the whole CodeableConcept, when nothing depends on the payload
}

type codingSource struct {
	fixed                 coding
	system, code, display *scalar // when the coding comes from the payload
}

func (c *compiler) codeable(n *yaml.Node) (*codeable, error) {
	if n.IsZero() {
		return nil, nil
	}
	out := &codeable{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i].Value, n.Content[i+1]
		var err error
		switch name {
		case "loinc":
			err = c.codings(out, loincSystem, value)
		case "mdc":
			err = c.codings(out, mdcSystem, value)
		case "snomed":
			err = c.codings(out, snomedSystem, value)
		case "coding":
			err = c.payloadCodings(out, value)
		case "text":
			var s Scalar
			if err = s.UnmarshalYAML(value); err == nil {
				out.text, err = c.scalar(s)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if out.isFixed() {
		fixed, _, err := appendCodeable(nil, nil, out, nil)
		if err != nil {
			return nil, err
		}
		out.fixed = fixed
	}
	return out, nil
}

func (k *codeable) isFixed() bool {
	for _, s := range k.codings {
		if s.code != nil {
			return false
		}
	}
	return k.text == nil || k.text.expr == nil
}

// codings reads "8867-4 Heart rate", or a list of such.
func (c *compiler) codings(out *codeable, system string, n *yaml.Node) error {
	var texts List[string]
	if err := n.Decode(&texts); err != nil {
		return c.src.fail(n, "%v", err)
	}
	for _, text := range texts {
		code, display, _ := strings.Cut(text, " ")
		if code == "" {
			return c.src.fail(n, "a coding is written as code, blank, display")
		}
		out.codings = append(out.codings, codingSource{fixed: newCoding(system, code, strings.TrimSpace(display))})
	}
	return nil
}

func (c *compiler) payloadCodings(out *codeable, n *yaml.Node) error {
	for _, child := range n.Content {
		var spec struct {
			System  Scalar `yaml:"system"`
			Code    Scalar `yaml:"code"`
			Display Scalar `yaml:"display"`
		}
		if err := child.Decode(&spec); err != nil {
			return c.src.fail(child, "%v", err)
		}
		if !spec.System.Expression && !spec.Code.Expression && !spec.Display.Expression {
			out.codings = append(out.codings, codingSource{fixed: newCoding(spec.System.Text, spec.Code.Text, spec.Display.Text)})
			continue
		}
		var s codingSource
		if err := c.scalars(spec.System, &s.system, spec.Code, &s.code, spec.Display, &s.display); err != nil {
			return err
		}
		out.codings = append(out.codings, s)
	}
	return nil
}

// appendCodeable writes a CodeableConcept of the codings of both, in order, each (system, code) once; either may be nil.
func appendCodeable(dst []byte, s *expr.Scope, own, concept *codeable) ([]byte, bool, error) {
	if own == nil && concept != nil && concept.fixed != nil {
		return append(dst, concept.fixed...), true, nil
	}
	if concept == nil && own != nil && own.fixed != nil {
		return append(dst, own.fixed...), true, nil
	}
	mark := len(dst)
	dst = append(dst, `{"coding":[`...)
	var seen [16]coding
	count := 0
	for _, k := range [...]*codeable{own, concept} {
		if k == nil {
			continue
		}
		for i := range k.codings {
			next, err := k.codings[i].resolve(s)
			if err != nil {
				return dst[:mark], false, err
			}
			if next.code == "" || isSeen(seen[:count], next) || count == len(seen) {
				continue
			}
			if count > 0 {
				dst = append(dst, ',')
			}
			seen[count] = next
			count++
			dst = append(dst, next.json...)
		}
	}
	if count == 0 {
		dst = append(dst[:mark], '{')
	} else {
		dst = append(dst, ']')
	}
	return appendCodeText(dst, mark, s, own, concept)
}

func appendCodeText(dst []byte, mark int, s *expr.Scope, own, concept *codeable) ([]byte, bool, error) {
	for _, k := range [...]*codeable{own, concept} {
		if k == nil || k.text == nil {
			continue
		}
		text, err := k.text.string(s)
		if err != nil {
			return dst[:mark], false, err
		}
		if text != "" {
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = fhir.AppendQuoted(append(dst, `"text":`...), text)
			break
		}
	}
	if dst[len(dst)-1] == '{' {
		return dst[:mark], false, nil
	}
	return append(dst, '}'), true, nil
}

func isSeen(seen []coding, c coding) bool {
	for i := range seen {
		if seen[i].code == c.code && seen[i].system == c.system {
			return true
		}
	}
	return false
}

func (s *codingSource) resolve(scope *expr.Scope) (coding, error) {
	if s.code == nil {
		return s.fixed, nil
	}
	code, err := s.code.string(scope)
	if err != nil || code == "" {
		return coding{}, err
	}
	system, err := s.system.string(scope)
	if err != nil {
		return coding{}, err
	}
	display, err := s.display.string(scope)
	if err != nil {
		return coding{}, err
	}
	return newCoding(system, code, display), nil
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
