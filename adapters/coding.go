package adapters

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firth-health/firth/adapters/expr"
	"github.com/firth-health/firth/fhir"
)

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
