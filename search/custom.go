package search

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/fhir/spec"
)

// Bounds on custom parameters.
const (
	// MaxCustom is how many custom parameters a registry is meant to hold: each is evaluated for every resource of its types that is written.
	MaxCustom = 500

	maxCustomExpression = 4096 // bytes
	maxCustomCode       = 64   // bytes
)

// Custom is a search parameter that a SearchParameter resource defines (R4 searchparameter.html). It has one index, named + and its code: no parameter of the
// specification has such a code, so that custom keys and those of the specification never meet. Immutable.
type Custom struct {
	ID   string // logical id of the resource
	URL  string
	Code string

	definition *spec.SearchParameter
	chains     []string // what may follow behind a dot; empty for everything
}

// customPrefix begins the names of the indexes of custom parameters.
const customPrefix = "+"

// reservedCodes are names that queries give another meaning, besides those that begin with an underscore.
var reservedCodes = []string{"id"} // of _filter

// ReadCustom reads a SearchParameter resource. It returns nil for one without effect: its status is not active, or it is about a parameter of the
// specification, which it documents: it has its url, or is derived from it and has its code and type, as those of implementation guides. What it compiles to is for [Registry.CheckCustom] to say. Errors are *fhir.OperationOutcome and name the element.
func (r *Registry) ReadCustom(res *fhir.Resource) (*Custom, error) {
	root := res.Root()
	url := root.Get("url").Text()
	if !root.Get("status").TextIs("active") || r.defs.SearchParameter(url) != nil {
		return nil, nil
	}
	d := &spec.SearchParameter{
		URL: url, Name: root.Get("name").Text(), Code: root.Get("code").Text(), Type: root.Get("type").Text(), Description: root.Get("description").Text(),
		Expression: strings.TrimSpace(root.Get("expression").Text()), XPathUsage: root.Get("xpathUsage").Text(), Base: textsOf(root.Get("base")), Target: textsOf(root.Get("target")),
		Comparators: textsOf(root.Get("comparator")), Modifiers: textsOf(root.Get("modifier")),
		MultipleOr: !root.Get("multipleOr").TextIs("false"), MultipleAnd: !root.Get("multipleAnd").TextIs("false"),
	}
	for c := range root.Get("component").Children() {
		d.Components = append(d.Components, spec.Component{Definition: c.Get("definition").Text(), Expression: c.Get("expression").Text()})
	}
	if of := r.defs.SearchParameter(root.Get("derivedFrom").Text()); of != nil && of.Code == d.Code && of.Type == d.Type {
		return nil, nil
	}
	c := &Custom{ID: res.ID(), URL: url, Code: d.Code, definition: d, chains: textsOf(root.Get("chain"))}
	if err := r.checkDefinition(c, root); err != nil {
		return nil, err
	}
	return c, nil
}

func textsOf(list fhir.Node) []string {
	var all []string
	for n := range list.Children() {
		all = append(all, n.Text())
	}
	return all
}

// checkDefinition checks what can be said without compiling.
func (r *Registry) checkDefinition(c *Custom, root fhir.Node) error {
	d := c.definition
	refuse := func(code fhir.IssueType, element, format string, args ...any) error {
		return fhir.Invalidf(code, "SearchParameter."+element, format, args...)
	}
	switch {
	case !isCustomCode(d.Code):
		return refuse(fhir.CodeValue, "code", "%q cannot be the name of a search parameter: a letter, and then at most %d letters, digits, - and _ are", clip(d.Code), maxCustomCode-1)
	case slices.Contains(reservedCodes, d.Code):
		return refuse(fhir.CodeValue, "code", "%s has another meaning in searches", d.Code)
	case kinds[d.Type] == "":
		return refuse(fhir.CodeNotSupported, "type", "a parameter of type %q cannot be defined; number, date, string, token, reference, composite, quantity and uri can", clip(d.Type))
	case d.XPathUsage != "" && d.XPathUsage != "normal" && d.XPathUsage != "phonetic":
		return refuse(fhir.CodeNotSupported, "xpathUsage", "xpathUsage %s is not supported; normal and phonetic are", clip(d.XPathUsage))
	case d.XPathUsage == "phonetic" && d.Type != string(text):
		return refuse(fhir.CodeValue, "xpathUsage", "only a parameter of type string can be phonetic")
	case len(d.Base) == 0:
		return refuse(fhir.CodeRequired, "base", "the parameter needs a resource type to be about")
	case d.Expression == "" && root.Get("xpath").Ok():
		return refuse(fhir.CodeNotSupported, "expression", "XPath is not evaluated; the parameter needs a FHIRPath expression")
	case d.Expression == "":
		return refuse(fhir.CodeRequired, "expression", "an active parameter needs a FHIRPath expression")
	case len(d.Expression) > maxCustomExpression:
		return refuse(fhir.CodeTooLong, "expression", "the expression has %d bytes; %d are allowed", len(d.Expression), maxCustomExpression)
	case (d.Type == string(composite)) != (len(d.Components) > 0):
		return refuse(fhir.CodeInvalid, "component", "a composite has components, and no other parameter has any")
	}
	for _, name := range slices.Concat(d.Base, d.Target) {
		if t := r.defs.Type(name); t == nil || t.Kind != spec.Resource {
			return refuse(fhir.CodeValue, "base", "%q is not a resource type", clip(name))
		}
	}
	if _, err := path.Compile(d.Expression, r.defs, path.ForSearch()); err != nil {
		return refuse(fhir.CodeValue, "expression", "the expression cannot be read: %s", err.Error())
	}
	return nil
}

// kinds are the types a custom parameter may have.
var kinds = map[string]kind{
	string(number): number, string(date): date, string(text): text, string(token): token, string(reference): reference, string(composite): composite,
	string(quantity): quantity, string(uri): uri,
}

func isCustomCode(code string) bool {
	if code == "" || len(code) > maxCustomCode || !('a' <= code[0]|0x20 && code[0]|0x20 <= 'z') {
		return false
	}
	for i := range len(code) {
		if !isNameByte(code[i]) && code[i] != '-' {
			return false
		}
	}
	return true
}

func clip(s string) string {
	if len(s) > maxCustomCode {
		return strings.ToValidUTF8(s[:maxCustomCode], "") + "..."
	}
	return s
}

// Digest is over all that decides which keys a resource has for the parameter, beside the others, which may define components. What a query may say of them (targets,
// modifiers) does not count.
func (c *Custom) Digest(all []*Custom) string {
	d := c.definition
	h := sha256.New()
	for _, part := range []string{d.Code, d.Type, d.XPathUsage, d.Expression} {
		fmt.Fprintf(h, "%q ", part)
	}
	for _, part := range d.Components {
		fmt.Fprintf(h, "%q %q ", part.Definition, part.Expression)
		for _, other := range all {
			if other.URL == unversioned(part.Definition) {
				fmt.Fprintf(h, "%q %q", other.Code, other.definition.Type)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// IsComposite reports whether the parameter has components, which other custom parameters may define.
func (c *Custom) IsComposite() bool { return c.definition.Type == string(composite) }

// CustomTypes lists the resource types that a custom parameter is about, sorted.
func (r *Registry) CustomTypes(c *Custom) []string {
	var types []string
	for _, name := range r.defs.ResourceTypes() {
		if c.isAbout(r.defs.Type(name)) {
			types = append(types, name)
		}
	}
	return types
}

func (c *Custom) isAbout(t *spec.Type) bool { return slices.ContainsFunc(c.definition.Base, t.Is) }

// CheckCustom compiles a custom parameter beside the others, which may hold it already, for all of its types. Errors are *fhir.OperationOutcome and name the element: an
// expression that leads nowhere, a code that another parameter of one of the types has.
func (r *Registry) CheckCustom(c *Custom, all []*Custom) error {
	for _, other := range all {
		if other.ID == c.ID {
			continue
		}
		if other.URL == c.URL {
			return fhir.Invalidf(fhir.CodeDuplicate, "SearchParameter.url", "SearchParameter/%s is active and has the same url", other.ID)
		}
		if other.Code != c.Code {
			continue
		}
		for _, typ := range r.CustomTypes(c) {
			if other.isAbout(r.defs.Type(typ)) {
				return fhir.Invalidf(fhir.CodeDuplicate, "SearchParameter.code", "%s has a search parameter %s already: SearchParameter/%s", typ, c.Code, other.ID)
			}
		}
	}
	set := newCustomSet(all)
	for _, typ := range r.CustomTypes(c) {
		t := r.defs.Type(typ)
		for _, own := range r.defs.SearchParameters(typ) {
			if own.Code == c.Code {
				return fhir.Invalidf(fhir.CodeDuplicate, "SearchParameter.code", "%s has a search parameter %s already: %s", typ, c.Code, own.URL)
			}
		}
		if _, _, err := r.compileCustom(t, c, set); err != nil {
			element := "expression"
			if c.IsComposite() {
				element = "component"
			}
			return fhir.Invalidf(fhir.CodeValue, "SearchParameter."+element, "the parameter cannot be compiled for %s: it %s", typ, err.Error())
		}
	}
	return nil
}
