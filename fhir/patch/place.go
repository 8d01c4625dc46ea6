package patch

import (
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// place is where an element stands: a member of an object, or an item of one. An absent place (nil) is that of the resource itself.
type place struct {
	up      *place // of the object
	owner   *value // the object
	typ     *spec.Type
	name    string // JSON name in owner, without underscore
	index   int    // of an item; -1 for an element that is no array
	sibling bool   // what lies below was reached by way of "_name"
}

// element returns the definition, as the type lists it: with all types of a choice.
func (p *place) element() *spec.Element { return p.typ.Child(p.typ.Child(p.name).Name) }

// resourceTree is a resource being changed.
type resourceTree struct {
	defs *spec.Definitions
	res  *fhir.Resource
	root *value
}

// locate finds the value that begins at an offset of the document, and where it stands.
func (t *resourceTree) locate(offset int) (*place, *value, error) {
	v, typ := t.root, t.defs.Type(t.res.Type())
	var p *place
	for {
		if start, _ := v.node.Range(); start == offset {
			return p, v, nil
		}
		i := v.around(offset)
		if v.kind != fhir.Object || typ == nil || i < 0 {
			return nil, nil, problemf(fhir.CodeProcessing, "the path leads to what is not an element of the resource")
		}
		next := &place{up: p, owner: v, typ: typ, name: v.parts[i].name, index: -1}
		if name, found := strings.CutPrefix(next.name, "_"); found {
			next.name, next.sibling = name, true
		}
		v = v.parts[i].value
		if v.kind == fhir.Array {
			if next.index = v.around(offset); next.index < 0 {
				return nil, nil, problemf(fhir.CodeProcessing, "the path leads to an array, not to an element")
			}
			v = v.parts[next.index].value
		}
		e := typ.Child(next.name)
		if e == nil {
			return nil, nil, problemf(fhir.CodeProcessing, "the path leads to what is not an element of the resource")
		}
		p, typ = next, t.typeOf(e, v)
	}
}

// typeOf is the type of an element's value, for a resource the one it says it is.
func (t *resourceTree) typeOf(e *spec.Element, v *value) *spec.Type {
	typ := e.Type()
	if typ != nil && typ.Kind == spec.Resource {
		if own := t.defs.Type(v.node.Get("resourceType").Text()); own != nil {
			return own
		}
	}
	return typ
}

// around returns the part of a container that holds the offset; -1 when none does. It is for values as they were parsed.
func (v *value) around(offset int) int {
	for i, p := range v.open() {
		if start, end := p.value.node.Range(); start <= offset && offset < end {
			return i
		}
	}
	return -1
}

func (p *place) list() (list, error) { return listOf(p.owner, p.name, p.element()) }

// replace puts another value, perhaps of another type of the choice.
func (p *place) replace(c content) error {
	if p.index >= 0 {
		l, err := p.list()
		if err == nil {
			l.set(p.index, c)
		}
		return err
	}
	if c.name != p.name {
		p.owner.rename(p.name, c.name)
		p.owner.rename("_"+p.name, "_"+c.name)
	}
	p.owner.set(c.name, "", c.value)
	p.owner.set("_"+c.name, c.name, c.sibling)
	return nil
}

// remove takes the element out, and what becomes empty by that.
func (p *place) remove() error {
	if p.index >= 0 {
		l, err := p.list()
		if err != nil {
			return err
		}
		l.remove(p.index)
	} else {
		p.owner.set(p.name, "", nil)
		p.owner.set("_"+p.name, "", nil)
	}
	return p.prune()
}

// prune goes on upwards where the object has become empty.
func (p *place) prune() error {
	switch {
	case p.up == nil || !p.owner.isEmpty():
		return nil
	case p.up.sibling:
		return p.up.removeSibling()
	}
	return p.up.remove()
}

// removeSibling takes a primitive's id and extensions out, and the primitive where it has no value.
func (p *place) removeSibling() error {
	v := p.owner.member(p.name)
	if p.index < 0 {
		p.owner.set("_"+p.name, "", nil)
		if v == nil {
			return p.prune()
		}
		return nil
	}
	l, err := p.list()
	if err != nil {
		return err
	}
	if v = v.item(p.index); v == nil {
		return p.remove()
	}
	l.set(p.index, content{value: v})
	return nil
}

// object returns the object that holds the children of a value at this place: for a primitive its sibling, which is made if need be.
func (p *place) object(v *value) (*value, error) {
	if v.kind == fhir.Object {
		return v, nil
	}
	object := newContainer(fhir.Object)
	if p.index < 0 {
		name := "_" + p.name
		if there := p.owner.member(name); there != nil && there.kind == fhir.Object {
			return there, nil
		}
		p.owner.set(name, p.name, object)
		return object, nil
	}
	l, err := p.list()
	if err != nil {
		return nil, err
	}
	if there := p.owner.member("_" + p.name).item(p.index); there != nil && there.kind == fhir.Object {
		return there, nil
	}
	l.set(p.index, content{value: v, sibling: object})
	return object, nil
}
