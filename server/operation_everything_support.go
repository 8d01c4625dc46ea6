package server

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// supportMark begins the cursor of a page behind the last member: the total of the members, and the resource that was sent last, none when members filled the page.
// The cursors of members are base64 and cannot begin with it.
const supportMark = "."

func supportCursor(total int, last fhir.Key) string {
	return fmt.Sprintf("%s%d.%s.%s", supportMark, total, last.Type, last.ID)
}

func readSupportCursor(cursor string) (page *store.Page, after fhir.Key, ok bool) {
	rest, ok := strings.CutPrefix(cursor, supportMark)
	parts := strings.SplitN(rest, ".", 3)
	if !ok || len(parts) != 3 {
		return nil, after, false
	}
	total, err := strconv.Atoi(parts[0])
	return &store.Page{Total: total}, fhir.Key{Type: parts[1], ID: parts[2]}, err == nil && total >= -1
}

// support fills the rest of the page with the resources outside of the compartment that members refer to, in the order of their keys from after on. The
// order does not depend on what changes meanwhile, so that what stays as it is comes once. Members are those of the record where they are known.
func (e *record) support(page *store.Page, after fhir.Key, members []store.Version) error {
	keys, err := e.supporting(members)
	if err != nil {
		return err
	}
	start, found := slices.BinarySearchFunc(keys, after, compareKeys)
	if found {
		start++
	}
	room := e.count - len(page.Matches)
	last := after
	for typ, ids := range byType(keys[start:], e.wants) {
		versions, err := e.visible(typ, ids)
		if err != nil {
			return err
		}
		for i := range versions {
			if room == 0 {
				page.Next = supportCursor(page.Total, last)
				return nil
			}
			room--
			page.Included = append(page.Included, versions[i])
			last = fhir.Key{Type: versions[i].Key.Type, ID: versions[i].Key.ID}
		}
	}
	return nil
}

func compareKeys(a, b fhir.Key) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID))
}

// supportChunk is how many resources are asked for together.
const supportChunk = 500

// byType ranges over the ids of sorted keys, a type at a time.
func byType(keys []fhir.Key, wants func(typ string) bool) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for len(keys) > 0 {
			typ := keys[0].Type
			var ids []string
			for len(keys) > 0 && keys[0].Type == typ && len(ids) < supportChunk {
				ids, keys = append(ids, keys[0].ID), keys[1:]
			}
			if wants(typ) && !yield(typ, ids) {
				return
			}
		}
	}
}

// supporting lists what the members refer to, sorted. With _since it is what changed since or what changed members refer to: the client has the rest.
func (e *record) supporting(members []store.Version) ([]fhir.Key, error) {
	changed := map[fhir.Key]bool{}
	for i := range members {
		if err := e.references(changed, &members[i]); err != nil {
			return nil, err
		}
	}
	for _, q := range e.all {
		if members != nil {
			break
		}
		if err := e.walk(changed, *q); err != nil {
			return nil, err
		}
	}
	keys := make([]fhir.Key, 0, len(changed))
	for key := range changed {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	if e.since.IsZero() {
		return keys, nil
	}
	return e.recent(keys, changed)
}

// walk reads all members of a type.
func (e *record) walk(changed map[fhir.Key]bool, q search.Query) error {
	q.Count, q.Total = supportChunk, search.NoTotal
	for {
		page, err := e.s.store.Search(e.x.ctx, &q)
		if err != nil {
			return err
		}
		for i := range page.Matches {
			if err := e.references(changed, &page.Matches[i]); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

// references notes what a member refers to, and whether it or the record itself changed.
func (e *record) references(changed map[fhir.Key]bool, v *store.Version) error {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return err
	}
	isSent := !v.LastUpdated.Before(e.since) || v.Key.Type == e.x.key.Type && v.Key.ID == e.x.key.ID
	note := func(key fhir.Key) { changed[key] = changed[key] || isSent }
	for key := range e.s.referenced(res.Root()) {
		note(key)
	}
	// R4 wants attachments too. They name a Binary by their url.
	for node := range res.Root().Descendants() {
		if node.KeyIs("url") && node.Kind() == fhir.String {
			ref := fhir.ParseReference(node.Text())
			if ref.Key.Type == "Binary" && ref.Key.ID != "" && (ref.Base == "" || ref.Base == e.s.links.base) {
				note(fhir.Key{Type: ref.Key.Type, ID: ref.Key.ID})
			}
		}
	}
	return nil
}

// recent drops what the client has.
func (e *record) recent(keys []fhir.Key, changed map[fhir.Key]bool) ([]fhir.Key, error) {
	var kept []fhir.Key
	for typ, ids := range byType(keys, e.wants) {
		versions, err := e.visible(typ, ids)
		if err != nil {
			return nil, err
		}
		for i := range versions {
			if key := (fhir.Key{Type: typ, ID: versions[i].Key.ID}); changed[key] || !versions[i].LastUpdated.Before(e.since) {
				kept = append(kept, key)
			}
		}
	}
	return kept, nil
}

// visible reads those of some resources that are not members of the compartment and that the caller may see, by id.
func (e *record) visible(typ string, ids []string) ([]store.Version, error) {
	if e.x.grant.Allow(e.x.ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: typ}}) != nil {
		return nil, nil
	}
	q := &search.Query{Type: typ, Plan: search.IDs(ids), Count: len(ids), Total: search.NoTotal}
	if slices.Contains(e.s.search.CompartmentTypes(e.x.key.Type), typ) {
		member, err := e.members(typ)
		if err != nil {
			return nil, err
		}
		q.Plan = search.And{q.Plan, search.Not{Of: member}}
	}
	if err := e.x.grant.Restrict(e.x.ctx, q); err != nil {
		return nil, err
	}
	page, err := e.s.store.Search(e.x.ctx, q)
	if err != nil {
		return nil, err
	}
	versions := slices.Clone(page.Matches)
	slices.SortFunc(versions, func(a, b store.Version) int { return cmp.Compare(a.Key.ID, b.Key.ID) })
	return versions, nil
}
