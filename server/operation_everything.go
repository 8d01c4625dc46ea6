package server

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

const (
	// everythingPage is how many times [Limits.MaxCount] resources a page has when the client names no _count: R4 wants all in one Bundle.
	everythingPage = 10

	// maxRemembered is how many supporting resources a next link remembers, so that they come once. Beyond, one may come again.
	maxRemembered = 300
)

// everything answers the record of a Patient, Encounter or Device (R4 patient-operation-everything.html): the resource itself first, all others of its
// compartment type by type, and what they refer to outside of it (mode include), each once. What has a clinical date outside of start and end is left
// out; what has none stays. Pages follow by the next link.
func (s *Server) everything(x *exchange, in *arguments) (reply, error) {
	ofAnyType := *x
	ofAnyType.key = fhir.Key{}
	subset, err := s.subset(&ofAnyType)
	if err != nil {
		return reply{}, err
	}
	if _, err := s.store.Read(x.ctx, x.key); err != nil {
		return reply{}, err
	}
	e := &record{s: s, x: x, in: in}
	if err := e.prepare(); err != nil {
		return reply{}, err
	}
	cursor, _ := lookup(in.search, cursorParameter)
	page, err := e.page(cursor)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, stream: func(w *bufio.Writer) error {
		b := bundleWriter{w: w, links: s.links, subset: subset}
		b.begin("searchset", s.newID(), s.clock())
		if page.Total >= 0 {
			b.total(page.Total)
		}
		list := func(cursor string) string {
			return s.links.list(x.key.Type+"/"+x.key.ID+"/"+x.interaction.name, e.self, x.format, cursor)
		}
		b.link("self", list(cursor))
		b.link("first", list(""))
		if page.Next != "" {
			b.link("next", list(page.Next))
		}
		for i := range page.Matches {
			b.found(&page.Matches[i], "match")
		}
		for i := range page.Included {
			b.found(&page.Included[i], "include")
		}
		return b.end()
	}}, nil
}

// record is one call of $everything.
type record struct {
	s  *Server
	x  *exchange
	in *arguments

	self    []search.Pair
	types   []string // that _type names; none for all
	queries []*search.Query
	sent    map[string]bool // supporting resources of earlier pages, by digest
	order   []string        // the same in the order they were sent
}

// prepare makes the query of each type of the compartment, that of the resource itself first.
func (e *record) prepare() error {
	for _, arg := range e.in.list {
		e.self = append(e.self, search.Pair{Name: arg.name, Value: arg.text})
		switch arg.name {
		case "_offset":
			return fhir.Invalidf(fhir.CodeNotSupported, "http._offset", "_offset is not supported; follow the next link")
		case "_type":
			for typ := range strings.SplitSeq(arg.text, ",") {
				if !e.s.definitions.IsResource(typ) {
					return fhir.Invalidf(fhir.CodeValue, "http._type", "%q is not a resource type", printable(typ))
				}
				e.types = append(e.types, typ)
			}
		}
	}
	count := e.in.number("_count", everythingPage*e.s.limits.MaxCount)
	if count < 1 {
		return fhir.Invalidf(fhir.CodeValue, "http._count", "_count must be a whole number from 1 on")
	}
	typ := e.x.key.Type
	types := slices.DeleteFunc(e.s.search.CompartmentTypes(typ), func(t string) bool { return t == typ })
	for _, t := range append([]string{typ}, types...) {
		if !e.wants(t) || t != typ && e.x.grant.Allow(e.x.ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: t}}) != nil {
			continue
		}
		q, err := e.query(t)
		if err != nil {
			return err
		}
		q.Count, q.Total = count, search.Bounded
		e.queries = append(e.queries, q)
	}
	return nil
}

// wants reports whether resources of a type are asked for.
func (e *record) wants(typ string) bool { return len(e.types) == 0 || slices.Contains(e.types, typ) }

// query finds the members of a type. Of the type of the resource itself that is the one; start, end and _since do not leave it out.
func (e *record) query(typ string) (*search.Query, error) {
	if typ == e.x.key.Type {
		q := &search.Query{Type: typ, Plan: search.IDs{e.x.key.ID}}
		return q, e.x.grant.Restrict(e.x.ctx, q)
	}
	request, err := e.s.search.Parse(typ, e.since(), e.s.parseOptions(true))
	if err != nil {
		return nil, err
	}
	member, err := e.s.search.InCompartment(e.x.key, typ)
	if err != nil {
		return nil, err
	}
	plan := search.And{member, request.Query.Plan}
	dates, err := e.dates(typ)
	if err != nil {
		return nil, err
	}
	request.Query.Plan = append(plan, dates...)
	return request.Query, e.x.grant.Restrict(e.x.ctx, request.Query)
}

func (e *record) since() []search.Pair {
	if since, ok := e.in.text("_since"); ok {
		return []search.Pair{{Name: "_lastUpdated", Value: "ge" + strings.ReplaceAll(since, " ", "+")}}
	}
	return nil
}

// clinicalDates are the codes of the search parameters that say when care was given, the best first. The definitions do not mark them.
var clinicalDates = [...]string{"date", "period", "onset-date", "authored-on", "authoredon", "whenhandedover", "started", "collected", "event-date", "authored", "created", "issued", "sent", "recorded-date"}

// dates are the conditions on the clinical date of a type: it does not end before start, nor begin after end. Types without such a date have none.
func (e *record) dates(typ string) ([]search.Plan, error) {
	start, hasStart := e.in.text("start")
	end, hasEnd := e.in.text("end")
	if !hasStart && !hasEnd {
		return nil, nil
	}
	code := ""
	params := e.s.search.Params(typ)
	for _, candidate := range clinicalDates {
		if slices.ContainsFunc(params, func(p *search.Param) bool { return p.Code == candidate && p.Type == "date" }) {
			code = candidate
			break
		}
	}
	if code == "" {
		return nil, nil
	}
	var plans []search.Plan
	var bounds []search.Pair
	if hasStart {
		bounds = append(bounds, search.Pair{Name: code, Value: "eb" + start})
	}
	if hasEnd {
		bounds = append(bounds, search.Pair{Name: code, Value: "sa" + end})
	}
	for _, bound := range bounds {
		outside, err := e.s.search.Parse(typ, []search.Pair{bound}, e.s.parseOptions(true))
		if err != nil {
			return nil, err
		}
		plans = append(plans, search.Not{Of: outside.Query.Plan})
	}
	return plans, nil
}

// page finds one page of members and what they refer to.
func (e *record) page(cursor string) (*store.Page, error) {
	all := &several{}
	for _, q := range e.queries {
		all.requests = append(all.requests, &search.Request{Query: q})
	}
	members, remembered, _ := strings.Cut(cursor, ".")
	if err := e.remember(remembered); err != nil {
		return nil, err
	}
	page, err := all.page(e.x, e.s.store, members)
	if err != nil {
		return nil, err
	}
	if err := e.support(page); err != nil {
		return nil, err
	}
	if page.Next != "" {
		page.Next += "." + strings.Join(e.order, "")
	}
	return page, nil
}

const digestLen = 8 // characters: 48 bits

// remember reads what earlier pages sent.
func (e *record) remember(text string) error {
	if len(text)%digestLen != 0 || len(text) > maxRemembered*digestLen {
		return store.ErrBadCursor
	}
	e.sent = map[string]bool{}
	for i := 0; i < len(text); i += digestLen {
		e.note(text[i : i+digestLen])
	}
	return nil
}

func (e *record) note(digest string) {
	e.sent[digest] = true
	if len(e.order) < maxRemembered {
		e.order = append(e.order, digest)
	}
}

func digestOf(key fhir.Key) string {
	sum := sha256.Sum256([]byte(key.String()))
	return base64.RawURLEncoding.EncodeToString(sum[:digestLen/4*3])
}

// support adds the resources outside of the compartment that those of the page refer to and that were not sent yet.
func (e *record) support(page *store.Page) error {
	ids := map[string][]string{}
	var types []string
	for i := range page.Matches {
		res, err := fhir.ParseResource(page.Matches[i].JSON)
		if err != nil {
			return err
		}
		for key := range e.s.referenced(res.Root()) {
			digest := digestOf(key)
			if !e.wants(key.Type) || e.sent[digest] {
				continue
			}
			e.note(digest)
			if ids[key.Type] == nil {
				types = append(types, key.Type)
			}
			ids[key.Type] = append(ids[key.Type], key.ID)
		}
	}
	slices.Sort(types)
	for _, typ := range types {
		found, err := e.supporting(e.x.ctx, typ, ids[typ])
		if err != nil {
			return err
		}
		page.Included = append(page.Included, found...)
	}
	return nil
}

// supporting reads resources of a type that are not members of the compartment and that the caller may see.
func (e *record) supporting(ctx context.Context, typ string, ids []string) ([]store.Version, error) {
	if e.x.grant.Allow(ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: typ}}) != nil {
		return nil, nil
	}
	var all []store.Version
	for part := range slices.Chunk(ids, 500) {
		q := &search.Query{Type: typ, Plan: search.IDs(part), Count: len(part), Total: search.NoTotal}
		if slices.Contains(e.s.search.CompartmentTypes(e.x.key.Type), typ) {
			member, err := e.s.search.InCompartment(e.x.key, typ)
			if err != nil {
				return nil, err
			}
			q.Plan = search.And{q.Plan, search.Not{Of: member}}
		}
		if err := e.x.grant.Restrict(ctx, q); err != nil {
			return nil, err
		}
		page, err := e.s.store.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Matches...)
	}
	return all, nil
}
