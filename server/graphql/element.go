package graphql

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
)

// item is a value that fields are selected from: an element with its type and the resource that has it.
type item struct {
	node fhir.Node
	typ  *spec.Type
	in   *fhir.Resource
}

// resource answers the selections on a resource.
func (r *run) resource(out *object, selections []selection, res *fhir.Resource) error {
	return r.object(out, selections, r.itemOf(res, res), false)
}

// itemOf is a resource, which may be contained in another.
func (r *run) itemOf(res, in *fhir.Resource) item {
	return item{res.Root(), r.definitions.Type(res.Type()), in}
}

// object answers the selections on an item. Under @flatten all fields are lists.
func (r *run) object(out *object, selections []selection, it item, flat bool) error {
	fields, err := r.collect(selections, it.typ)
	if err != nil {
		return err
	}
	for _, f := range fields {
		r.path = append(r.path, f.key)
		if err := r.field(out, f, it, flat); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	return nil
}

// field answers one field of an item.
func (r *run) field(out *object, f *field, it item, flat bool) error {
	s, err := r.shape(f)
	if err != nil {
		return err
	}
	isResource := it.typ.Kind == spec.Resource
	switch {
	case f.name == "__typename" || f.name == "resourceType" && isResource:
		out.text(f.key, it.typ.Name)
		out.field(f.key).isList = flat && !s.singleton
		return r.leaf(f)
	case strings.HasPrefix(f.name, "__"):
		return problem(f.at, "introspection is not supported")
	case f.name == "resource" && it.typ.Is("Reference"):
		return r.reference(out, f, s, it, flat)
	case isResource && it.typ.Child(f.name) == nil && r.isSearch(f.name):
		return r.reverse(out, f, it)
	}
	items, element, err := r.children(f, it)
	if err != nil {
		return err
	}
	if items, err = r.filter(f, it, element, items); err != nil {
		return err
	}
	if s.first && len(items) > 1 {
		items = items[:1]
	}
	isList := flat && !s.singleton || !flat && element.Repeats()
	return r.put(out, f, s, items, isList)
}

// leaf refuses a selection on what has no fields.
func (r *run) leaf(f *field) error {
	if len(f.selection) > 0 {
		return problem(f.at, "%s has no fields to select", f.name)
	}
	if len(f.arguments) > 0 {
		return problem(f.arguments[0].at, "%s takes no arguments", f.name)
	}
	return nil
}

// children are the values of an element. _name is what extends the primitive element name.
func (r *run) children(f *field, it item) ([]item, *spec.Element, error) {
	name, isBeside := strings.CutPrefix(f.name, "_")
	element := it.typ.Child(name)
	if element == nil {
		return nil, nil, problem(f.at, "%s has no element %s%s", it.typ.Name, f.name, search.DidYouMean(name, fieldsOf(it.typ)))
	}
	typ := element.Type()
	if element.Choice && len(element.Types) > 1 {
		return nil, nil, problem(f.at, "%s has one of several types; its name carries the type, as in %s", name, element.Types[0].JSONName)
	}
	if isBeside {
		if typ == nil || typ.Kind != spec.Primitive {
			return nil, nil, problem(f.at, "%s is not a primitive element", name)
		}
		typ = r.definitions.Type("Element")
	}
	var items []item
	add := func(n fhir.Node) {
		if n.Kind() != fhir.Null {
			items = append(items, item{n, r.typeOf(n, typ), it.in})
		}
	}
	if node := it.node.Get(f.name); node.Kind() == fhir.Array {
		for n := range node.Children() {
			add(n)
		}
	} else if node.Ok() {
		add(node)
	}
	return items, element, nil
}

// typeOf is the type of a value; that of a resource is in the resource.
func (r *run) typeOf(n fhir.Node, declared *spec.Type) *spec.Type {
	if declared != nil && declared.Kind == spec.Resource {
		if t := r.definitions.Type(n.Get("resourceType").Text()); t != nil {
			return t
		}
	}
	return declared
}

// filter applies the arguments of a list (R4 graphql.html#searching): fhirpath, _offset and _count, or elements of the items.
func (r *run) filter(f *field, it item, element *spec.Element, items []item) ([]item, error) {
	if len(f.arguments) > 0 && !element.Repeats() {
		return nil, problem(f.arguments[0].at, "%s is not a list and takes no arguments", f.name)
	}
	offset, count := 0, -1
	for _, a := range f.arguments {
		var err error
		switch a.name {
		case "fhirpath":
			items, err = r.where(a, f, it, items)
		case "_offset":
			offset, err = r.number(a)
		case "_count":
			count, err = r.number(a)
		default:
			items, err = r.equal(a, element, items)
		}
		if err != nil {
			return nil, err
		}
	}
	items = items[min(offset, len(items)):]
	if count >= 0 {
		items = items[:min(count, len(items))]
	}
	return items, nil
}

func (r *run) number(a argument) (int, error) {
	text, err := r.text(a)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, problem(a.at, "%s takes a whole number from 0 on", a.name)
	}
	return n, nil
}

// fieldsOf ranges over the names that elements of a type are selected by: one for each type of a choice. A type that is nil has none.
func fieldsOf(typ *spec.Type) iter.Seq[string] {
	return func(yield func(string) bool) {
		if typ == nil {
			return
		}
		for _, element := range typ.Elements() {
			for _, choice := range element.Types {
				name := element.Name
				if element.Choice {
					name = choice.JSONName
				}
				if !yield(name) {
					return
				}
			}
		}
	}
}

// equal keeps the items that have an element of the value, or of one of the values.
func (r *run) equal(a argument, element *spec.Element, items []item) ([]item, error) {
	typ := element.Type()
	if typ == nil || typ.Child(a.name) == nil {
		return nil, problem(a.at, "the items of %s have no element %s%s", element.Name, a.name, search.DidYouMean(a.name, fieldsOf(typ)))
	}
	wanted, err := r.texts(a)
	if err != nil || wanted == nil {
		return items, err
	}
	return slices.DeleteFunc(items, func(it item) bool {
		node := it.node.Get(a.name)
		if node.Kind() != fhir.Array {
			return !slices.Contains(wanted, node.Text()) || !node.Ok()
		}
		for n := range node.Children() {
			if slices.Contains(wanted, n.Text()) {
				return false
			}
		}
		return true
	}), nil
}

// where keeps the items for which a FHIRPath expression holds.
func (r *run) where(a argument, f *field, it item, items []item) ([]item, error) {
	text, err := r.text(a)
	if err != nil {
		return nil, err
	}
	if _, err := r.compile(text); err != nil { // alone, so that it cannot end the where() below
		return nil, problem(a.at, "fhirpath: %v", err)
	}
	found, err := r.evaluate("`"+strings.TrimPrefix(f.name, "_")+"`.where("+text+")", it)
	if err != nil {
		return nil, problem(a.at, "fhirpath: %v", err)
	}
	return slices.DeleteFunc(items, func(one item) bool {
		return !slices.ContainsFunc(found, func(v path.Value) bool { return v.Node() == one.node })
	}), nil
}

// compile compiles an expression once.
func (r *run) compile(text string) (*path.Expression, error) {
	if e := r.expressions[text]; e != nil {
		return e, nil
	}
	e, err := path.Compile(text, r.definitions)
	if err != nil {
		return nil, err
	}
	if r.expressions == nil {
		r.expressions = map[string]*path.Expression{}
	}
	r.expressions[text] = e
	return e, nil
}

// What one evaluation may cost, and what it counts among the values of the answer.
const (
	pathBudget = 20_000
	pathCost   = 20
)

func (r *run) evaluate(text string, it item) (path.Collection, error) {
	r.values += pathCost
	expression, err := r.compile(text)
	if err != nil {
		return nil, err
	}
	return expression.EvalInto(nil, path.ElementOf(it.node, it.typ), &path.Env{Resource: it.in, Budget: pathBudget})
}

// put writes values into a field of the answer as the directives say.
func (r *run) put(out *object, f *field, s shape, items []item, isList bool) error {
	var target *outField
	if !s.flatten && s.slice == "" {
		target = out.field(f.key)
		target.isList = isList
	}
	for i, it := range items {
		if err := r.spend(f.at); err != nil {
			return err
		}
		if s.slice != "" {
			name, err := r.sliceName(s, it, i)
			if err != nil {
				return err
			}
			target = out.field(f.key + "." + name)
		}
		if s.flatten && it.node.Kind() == fhir.Object {
			if err := r.object(out, f.selection, it, true); err != nil {
				return err
			}
			continue
		}
		v, err := r.value(f, it)
		if err != nil {
			return err
		}
		if target == nil {
			target = out.field(f.key)
			target.isList = isList
		}
		if target.values = append(target.values, v); len(target.values) > 1 && !target.isList {
			return problem(f.at, "%s has more than one value, but is said to be single", target.key)
		}
	}
	if len(items) == 0 && f.selection == nil && s.flatten {
		return r.leaf(f)
	}
	return nil
}

// sliceName is what @slice puts behind the name of an item: the value of a FHIRPath expression, or its place.
func (r *run) sliceName(s shape, it item, i int) (string, error) {
	if s.slice == "$index" {
		return strconv.Itoa(i), nil
	}
	found, err := r.evaluate(s.slice, it)
	if err != nil {
		return "", problem(s.at, "@slice: %v", err)
	}
	if len(found) != 1 {
		return strconv.Itoa(i), nil
	}
	return found[0].Text(), nil
}

// value is a primitive as it stands, or an object of what is selected.
func (r *run) value(f *field, it item) (outValue, error) {
	isObject := it.node.Kind() == fhir.Object
	switch {
	case isObject && len(f.selection) == 0:
		return outValue{}, problem(f.at, "%s is %s; select fields of it", f.name, fhir.Indefinite(it.typ.Name))
	case !isObject && len(f.selection) > 0:
		return outValue{}, problem(f.at, "%s has no fields to select", f.name)
	case !isObject:
		return outValue{json: it.node.Raw()}, nil
	}
	child := &object{}
	err := r.object(child, f.selection, it, false)
	return outValue{object: child}, err
}
