package server

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// meta answers the meta of an instance or of one version, or what is in use in a type or the whole system (R4 resource-operation-meta.html).
func (s *Server) meta(x *exchange, _ *arguments) (reply, error) {
	if x.interaction.level != instanceLevel {
		return s.metaInUse(x)
	}
	v, err := s.readable(x, x.key)
	if err != nil {
		return reply{}, err
	}
	return metaReply(v)
}

// metaReply is Parameters with the meta of a stored resource.
func metaReply(v *store.Version) (reply, error) {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return reply{}, err
	}
	body := append([]byte(`{"resourceType":"Parameters","parameter":[{"name":"return","valueMeta":`), res.Root().Get("meta").Raw()...)
	return reply{status: http.StatusOK, version: v.Key.Version, lastModified: v.LastUpdated, body: append(body, "}]}"...)}, nil
}

// metaChanged answers a change of the meta, without it when the caller may change the resource but not see it.
func (s *Server) metaChanged(x *exchange, v *store.Version) (reply, error) {
	if !s.mayShow(x, v) {
		return reply{status: http.StatusOK, version: v.Key.Version, lastModified: v.LastUpdated}, nil
	}
	return metaReply(v)
}

// metaAdd adds profiles, tags and security labels (R4 resource-operation-meta-add.html). R4 leaves open whether that makes a version; here it does, so that the
// history tells who changed what. Nothing new makes none.
func (s *Server) metaAdd(x *exchange, in *arguments) (reply, error) {
	return s.changeMeta(x, in.node("meta"), func(list *metaList, given []fhir.Node) { list.add(given) })
}

// metaDelete removes profiles, tags and security labels (R4 resource-operation-meta-delete.html). Those that are not there do not matter.
func (s *Server) metaDelete(x *exchange, in *arguments) (reply, error) {
	return s.changeMeta(x, in.node("meta"), func(list *metaList, given []fhir.Node) { list.remove(given) })
}

// metaSets are the elements of Meta that the operations change.
var metaSets = [...]string{"profile", "security", "tag"}

// changeMeta writes a version with another meta, unless there is no change. A race that the client did not care to guard against is tried again.
func (s *Server) changeMeta(x *exchange, given fhir.Node, change func(list *metaList, given []fhir.Node)) (reply, error) {
	if x.key.Version != "" {
		return reply{}, refuse(http.StatusNotFound, fhir.CodeNotSupported, "", "versions never change; $%s is for the resource, at %s/%s/$%[1]s", x.interaction.operation.code, x.key.Type, x.key.ID)
	}
	match, err := x.conditions.matchVersion()
	if err != nil {
		return reply{}, err
	}
	for attempt := 0; ; attempt++ {
		v, err := s.changeable(x, x.key)
		if err != nil {
			return reply{}, err
		}
		if match != "" && match != v.Key.Version {
			return reply{}, store.ErrPrecondition
		}
		changed, err := changedMeta(v, given, change)
		if err != nil {
			return reply{}, err
		}
		if changed == nil {
			return s.metaChanged(x, v)
		}
		op, err := s.write(store.Update, fhir.Key{Type: x.key.Type, ID: x.key.ID}, changed, origin{})
		if err != nil {
			return reply{}, err
		}
		op.IfMatch = v.Key.Version
		results, err := s.commit(x, []store.Op{op})
		if err == nil {
			return s.metaChanged(x, &results[0].Version)
		}
		if match != "" || attempt == conflictRetries {
			return reply{}, err
		}
	}
}

// changedMeta is the resource with its meta changed, nil when nothing changes.
func changedMeta(v *store.Version, given fhir.Node, change func(list *metaList, given []fhir.Node)) (*fhir.Resource, error) {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return nil, err
	}
	old := res.Root().Get("meta")
	var made []byte
	for member := range old.Children() {
		if name := member.Key(); !slices.Contains(metaSets[:], name) && name != "_profile" {
			made = append(append(append(fhir.AppendQuoted(made, name), ':'), member.Raw()...), ',')
		}
	}
	isChanged := false
	for _, name := range metaSets {
		list := metaList{items: slices.Collect(old.Get(name).Children())}
		if name == "profile" {
			list.beside = slices.Collect(old.Get("_profile").Children())
		}
		items := slices.Collect(given.Get(name).Children())
		for _, item := range items {
			if !isMetaItem(name, item) {
				return nil, fhir.Invalidf(fhir.CodeValue, "Meta."+name, "%s must be a list of %s", name, map[bool]string{true: "canonical URLs", false: "Codings with a code"}[name == "profile"])
			}
		}
		change(&list, items)
		isChanged = isChanged || list.changed
		made = list.append(made, name)
	}
	if !isChanged {
		return nil, nil
	}
	made = append([]byte{'{'}, append(bytes.TrimSuffix(made, []byte{','}), '}')...)
	return fhir.ParseResource(res.Apply([]fhir.Splice{fhir.Replace(old, made)}))
}

func isMetaItem(name string, item fhir.Node) bool {
	if name == "profile" {
		return item.Kind() == fhir.String
	}
	return item.Kind() == fhir.Object && item.Get("code").Kind() == fhir.String
}

// metaList is Meta.profile, Meta.security or Meta.tag.
type metaList struct {
	items   []fhir.Node
	beside  []fhir.Node // _profile, item by item
	changed bool
}

// sameLabel compares profiles by URL, and Codings by system and code (R4: version and display do not count).
func sameLabel(a, b fhir.Node) bool {
	if a.Kind() != fhir.Object || b.Kind() != fhir.Object {
		return a.Kind() == fhir.String && b.Kind() == fhir.String && a.Text() == b.Text()
	}
	return a.Get("system").Text() == b.Get("system").Text() && a.Get("code").Text() == b.Get("code").Text()
}

func (l *metaList) has(item fhir.Node) bool {
	return slices.ContainsFunc(l.items, func(old fhir.Node) bool { return sameLabel(old, item) })
}

func (l *metaList) add(given []fhir.Node) {
	for _, item := range given {
		if !l.has(item) {
			l.items, l.changed = append(l.items, item), true
		}
	}
}

func (l *metaList) remove(given []fhir.Node) {
	for i := len(l.items) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(given, func(item fhir.Node) bool { return sameLabel(l.items[i], item) }) {
			continue
		}
		l.items, l.changed = slices.Delete(l.items, i, i+1), true
		if i < len(l.beside) {
			l.beside = slices.Delete(l.beside, i, i+1)
		}
	}
}

// append writes the lists that are not empty, each with a comma behind it.
func (l *metaList) append(dst []byte, name string) []byte {
	for _, list := range []struct {
		name  string
		items []fhir.Node
	}{{name, l.items}, {"_" + name, l.beside}} {
		isEmpty := !slices.ContainsFunc(list.items, func(n fhir.Node) bool { return n.Kind() != fhir.Null })
		if isEmpty && (list.name != name || len(l.items) == 0) {
			continue
		}
		dst = append(fhir.AppendQuoted(dst, list.name), ':', '[')
		for i, item := range list.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, item.Raw()...)
		}
		dst = append(dst, ']', ',')
	}
	return dst
}
