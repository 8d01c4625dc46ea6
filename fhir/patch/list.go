package patch

import (
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// list is an element that repeats: the array of its values and, for a primitive, the array beside it with ids and extensions, where null aligns
// (R4 json.html#primitive). Either may be missing.
type list struct {
	owner *value
	names []string // of the arrays
}

// listOf returns the list that the member of owner is, or would be. It fails when what stands there is not an array.
func listOf(owner *value, name string, e *spec.Element) (list, error) {
	l := list{owner, []string{name}}
	if t := e.Type(); t != nil && t.Kind == spec.Primitive {
		l.names = append(l.names, "_"+name)
	}
	for _, name := range l.names {
		if v := owner.member(name); v != nil && v.kind != fhir.Array {
			return l, problemf(fhir.CodeProcessing, "%s is not an array in the resource", e.Path)
		}
	}
	return l, nil
}

func (l list) length() int {
	n := 0
	for _, name := range l.names {
		if v := l.owner.member(name); v != nil {
			n = max(n, len(v.open()))
		}
	}
	return n
}

// change does something to each array, which is made when it is missing and there is something to put into it.
func (l list) change(c content, do func(array, item *value)) {
	for i, name := range l.names {
		item := c.value
		if i > 0 {
			item = c.sibling
		}
		array := l.owner.member(name)
		if array == nil {
			if item == nil {
				continue
			}
			array = newContainer(fhir.Array)
			l.owner.set(name, l.names[0], array)
		}
		array.open()
		if item == nil {
			item = newNull()
		}
		do(array, item)
	}
	l.tidy()
}

func (l list) insert(at int, c content) {
	l.change(c, func(array, item *value) {
		array.pad(at)
		array.insert(at, part{value: item})
	})
}

func (l list) set(at int, c content) {
	l.change(c, func(array, item *value) {
		array.pad(at + 1)
		array.parts[at].value = item
	})
}

func (l list) remove(at int) {
	l.change(content{}, func(array, _ *value) {
		if at < len(array.parts) {
			array.remove(at)
		}
	})
}

func (l list) move(from, to int) {
	n := l.length()
	l.change(content{}, func(array, _ *value) {
		array.pad(n)
		array.insert(to, part{value: array.remove(from)})
	})
}

// tidy removes arrays in which nothing is left, and makes the two equally long.
func (l list) tidy() {
	n := l.length()
	for _, name := range l.names {
		array := l.owner.member(name)
		if array == nil {
			continue
		}
		array.pad(n)
		empty := true
		for i := range array.parts {
			empty = empty && array.item(i) == nil
		}
		if empty {
			l.owner.set(name, "", nil)
		}
	}
}

// pad fills an array with null.
func (v *value) pad(n int) {
	for len(v.open()) < n {
		v.insert(len(v.parts), part{value: newNull()})
	}
}
