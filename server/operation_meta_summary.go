package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

const (
	// maxLabels is how many index keys of profiles, security labels or tags $meta goes through in a type; a Coding has two, a profile with a version too.
	maxLabels = 4000

	// unversionedSample is how many resources are looked at for a profile without a version that others name with one: both are found under one key.
	unversionedSample = 100
)

// metaInUse answers the profiles, security labels and tags that the caller can see in a type or the whole system. They come from the index: one resource is read
// for each, whose spelling of display and version is the one answered.
func (s *Server) metaInUse(x *exchange) (reply, error) {
	lister, ok := store.Unwrap(s.store).(store.KeyLister)
	if !ok {
		return reply{}, store.ErrUnsupported
	}
	types := []string{x.key.Type}
	if x.interaction.level == systemLevel {
		types = s.definitions.ResourceTypes()
	}
	lists := [len(metaSets)]labelSet{}
	for _, typ := range types {
		if err := x.grant.Allow(x.ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: typ}}); err != nil {
			if x.interaction.level == typeLevel {
				return reply{}, err
			}
			continue
		}
		for i, name := range metaSets {
			if err := s.labels(x, lister, typ, name, &lists[i]); err != nil {
				return reply{}, err
			}
		}
	}
	body := []byte(`{"resourceType":"Parameters","parameter":[{"name":"return","valueMeta":{`)
	size := len(body)
	for i, name := range metaSets {
		slices.SortFunc(lists[i].list.items, compareLabels)
		body = lists[i].list.append(body, name)
	}
	if len(body) > size {
		body = body[:len(body)-1] // the comma behind the last list
	}
	return reply{status: http.StatusOK, body: append(body, "}}]}"...)}, nil
}

// labelSet gathers labels, each once. Unlike [metaList] it is for thousands.
type labelSet struct {
	list metaList
	seen map[[2]string]bool // URL, or system and code
}

func (l *labelSet) add(item fhir.Node) {
	name := [2]string{item.Text()}
	if item.Kind() == fhir.Object {
		name = [2]string{item.Get("system").Text(), item.Get("code").Text()}
	}
	if l.seen[name] {
		return
	}
	if l.seen == nil {
		l.seen = map[[2]string]bool{}
	}
	l.seen[name] = true
	l.list.items = append(l.list.items, item)
}

// compareLabels sorts profiles by URL and Codings by system and code.
func compareLabels(a, b fhir.Node) int {
	return cmp.Or(cmp.Compare(a.Text(), b.Text()), cmp.Compare(a.Get("system").Text(), b.Get("system").Text()), cmp.Compare(a.Get("code").Text(), b.Get("code").Text()))
}

// labels adds what resources of a type have in Meta.profile, Meta.security or Meta.tag.
func (s *Server) labels(x *exchange, lister store.KeyLister, typ, name string, list *labelSet) error {
	present, err := s.search.Parse(typ, []search.Pair{{Name: "_" + name + ":missing", Value: "false"}}, s.parseOptions(true))
	if err != nil {
		return err
	}
	within, ok := present.Query.Plan.(search.Keys)
	if !ok {
		return fmt.Errorf("the plan of _%s:missing is a %T", name, present.Query.Plan)
	}
	keys, err := lister.DistinctKeys(x.ctx, typ, within, maxLabels+1)
	if err != nil {
		return err
	}
	if len(keys) > maxLabels {
		return fhir.Invalidf(fhir.CodeTooCostly, "", "%s has more than %d entries of _%s in its index", typ, maxLabels, name)
	}
	for _, key := range keys {
		count := 1
		if next, _ := slices.BinarySearch(keys, key+"|"); next < len(keys) && strings.HasPrefix(keys[next], key+"|") {
			count = unversionedSample
		}
		if err := s.labelsUnder(x.ctx, x.grant, typ, name, key, count, list); err != nil {
			return err
		}
	}
	return nil
}

// labelsUnder adds the labels of the first resources that have an index key.
func (s *Server) labelsUnder(ctx context.Context, grant Grant, typ, name, key string, count int, list *labelSet) error {
	q := &search.Query{Type: typ, Plan: search.Keys{Lo: key, Hi: key + "\x00"}, Count: count, Total: search.NoTotal}
	if err := grant.Restrict(ctx, q); err != nil {
		return err
	}
	page, err := s.store.Search(ctx, q)
	if err != nil {
		return err
	}
	for i := range page.Matches {
		res, err := fhir.ParseResource(page.Matches[i].JSON)
		if err != nil {
			return err
		}
		for item := range res.Root().Path("meta", name).Children() {
			if isMetaItem(name, item) {
				list.add(item)
			}
		}
	}
	return nil
}
