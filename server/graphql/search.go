package graphql

import (
	"errors"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// The endings of the fields that search a type (R4 graphql.html#searching).
const (
	listEnding       = "List"
	connectionEnding = "Connection"
)

// searched is the type that a field searches.
func (r *run) searched(name string) (typ string, isConnection, ok bool) {
	if typ, ok := strings.CutSuffix(name, connectionEnding); ok && r.definitions.IsResource(typ) {
		return typ, true, true
	}
	typ, ok = strings.CutSuffix(name, listEnding)
	return typ, false, ok && r.definitions.IsResource(typ)
}

func (r *run) isSearch(name string) bool {
	_, _, ok := r.searched(name)
	return ok
}

// system answers the fields at the root of a query on the whole system: Patient(id: ...), PatientList(...), PatientConnection(...).
func (r *run) system(out *object, selections []selection) error {
	fields, err := r.collect(selections, nil)
	if err != nil {
		return err
	}
	for _, f := range fields {
		r.path = append(r.path[:0], f.key)
		switch {
		case f.name == "__typename":
			out.text(f.key, "Query")
			err = r.leaf(f)
		case strings.HasPrefix(f.name, "__"):
			err = problem(f.at, "introspection is not supported")
		case r.isSearch(f.name):
			err = r.search(out, f, nil)
		case r.definitions.IsResource(f.name):
			err = r.byID(out, f)
		default:
			err = problem(f.at, "%s is not a resource type, nor one with List or Connection behind it%s", f.name, search.DidYouMean(f.name, slices.Values(r.definitions.ResourceTypes())))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// byID answers Type(id: ...).
func (r *run) byID(out *object, f *field) error {
	if len(f.arguments) != 1 || f.arguments[0].name != "id" {
		return problem(f.at, "%s takes the argument id; %sList searches", f.name, f.name)
	}
	id, err := r.text(f.arguments[0])
	if err != nil {
		return err
	}
	s, err := r.shape(f)
	if err != nil {
		return err
	}
	if !fhir.IsID(id) {
		return problem(f.arguments[0].at, "%q is not an id", id)
	}
	res, err := r.read(f.at, fhir.Key{Type: f.name, ID: id})
	if err != nil {
		return err
	}
	if res == nil {
		out.field(f.key)
		r.note(f.at, "%s/%s is not there", f.name, id)
		return nil
	}
	return r.put(out, f, s, []item{r.itemOf(res, res)}, false)
}

// parameterName is the search parameter that an argument stands for.
func parameterName(argument string) string {
	if strings.HasPrefix(argument, "_") {
		return argument
	}
	return strings.ReplaceAll(argument, "_", "-")
}

// search answers TypeList and TypeConnection.
func (r *run) search(out *object, f *field, parameters []search.Pair) error {
	s, err := r.shape(f)
	if err != nil {
		return err
	}
	for _, a := range f.arguments {
		if a.name == "_reference" && len(parameters) > 0 {
			continue
		}
		values, err := r.texts(a)
		if err != nil {
			return err
		}
		if len(values) > 0 {
			parameters = append(parameters, search.Pair{Name: parameterName(a.name), Value: strings.Join(values, ",")})
		}
	}
	if err := r.fetch(f.at); err != nil {
		return err
	}
	typ, isConnection, _ := r.searched(f.name)
	page, err := r.source.Search(r.ctx, typ, parameters)
	var refused *fhir.OperationOutcome
	if errors.As(err, &refused) {
		return problem(f.at, "%s: %s", f.name, refused.Error())
	}
	if err != nil {
		return err
	}
	if isConnection {
		return r.connection(out, f, page)
	}
	items := make([]item, len(page.Resources))
	for i, res := range page.Resources {
		items[i] = r.itemOf(res, res)
	}
	if s.first && len(items) > 1 {
		items = items[:1]
	}
	if len(items) == 0 && !s.flatten && s.slice == "" && !s.singleton {
		out.field(f.key).isEmpty = true
	}
	return r.put(out, f, s, items, !s.singleton)
}

// connection answers the fields of a Connection (R4 graphql.html#searching).
func (r *run) connection(out *object, f *field, page *Page) error {
	fields, err := r.collect(f.selection, nil)
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return problem(f.at, "%s has fields: count, pagesize, edges, first, previous, next, last", f.name)
	}
	child := &object{}
	out.field(f.key).values = []outValue{{object: child}}
	for _, inner := range fields {
		r.path = append(r.path, inner.key)
		if inner.name == "edges" {
			err = r.edges(child, inner, page)
		} else if err = r.leaf(inner); err == nil {
			err = connectionField(child, inner, page)
		}
		if err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	return nil
}

func connectionField(out *object, f *field, page *Page) error {
	switch f.name {
	case "count":
		out.field(f.key)
		if page.Total >= 0 {
			out.number(f.key, page.Total)
		}
	case "pagesize":
		out.number(f.key, page.Size)
	case "offset":
		out.field(f.key) // pages are found by cursors
	case "first":
		out.text(f.key, page.First)
	case "previous":
		out.text(f.key, page.Previous)
	case "next":
		out.text(f.key, page.Next)
	case "last":
		out.text(f.key, page.Last)
	case "__typename":
		out.text(f.key, "Connection")
	default:
		return problem(f.at, "a Connection has no field %s", f.name)
	}
	return nil
}

// edges answers the entries of a page.
func (r *run) edges(out *object, f *field, page *Page) error {
	if len(f.selection) == 0 {
		return problem(f.at, "edges has the fields mode, score and resource")
	}
	list := out.field(f.key)
	list.isList, list.isEmpty = true, true
	for _, res := range page.Resources {
		fields, err := r.collect(f.selection, nil)
		if err != nil {
			return err
		}
		edge := &object{}
		for _, inner := range fields {
			switch inner.name {
			case "mode":
				edge.text(inner.key, "match")
			case "score":
				edge.field(inner.key)
			case "resource":
				v, err := r.value(inner, r.itemOf(res, res))
				if err != nil {
					return err
				}
				edge.field(inner.key).values = []outValue{v}
			default:
				return problem(inner.at, "an edge has no field %s", inner.name)
			}
		}
		list.values = append(list.values, outValue{object: edge})
	}
	return nil
}
