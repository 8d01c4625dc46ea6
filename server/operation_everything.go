package server

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// everythingPage is how many times [Limits.MaxCount] resources a page has when the client names no _count: R4 wants all in one Bundle.
const everythingPage = 10

// everything answers the record of a Patient, Encounter or Device, or the records of all patients the caller may see (R4 patient-operation-everything.html): the
// compartment type by type, that of the record first, and behind it what its members refer to outside of it (mode include), by type and id. What has a
// clinical date outside of start and end is left out with what only it refers to; what has none stays. Pages follow by the next link; every resource comes once.
func (s *Server) everything(x *exchange, in *arguments) (reply, error) {
	ofAnyType := *x
	ofAnyType.key = fhir.Key{}
	subset, err := s.subset(&ofAnyType)
	if err != nil {
		return reply{}, err
	}
	path := x.key.Type
	if x.key.ID != "" {
		if _, err := s.readable(x, x.key); err != nil {
			return reply{}, err
		}
		path += "/" + x.key.ID
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
			return s.links.list(path+"/"+x.interaction.name, e.self, x.format, cursor)
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

// record is one call of $everything. Without an id in the URL it is about all of the type.
type record struct {
	s  *Server
	x  *exchange
	in *arguments

	self    []search.Pair
	types   []string // that _type names; none for all
	count   int      // of a page
	since   time.Time
	queries []*search.Query // of the members that are asked for, a type each
	all     []*search.Query // of all members, whenever they changed: what they refer to supports the record
}

// prepare makes the queries of each type of the compartment, that of the record first.
func (e *record) prepare() error {
	if err := e.read(); err != nil {
		return err
	}
	typ := e.x.key.Type
	types := slices.DeleteFunc(e.s.search.CompartmentTypes(typ), func(t string) bool { return t == typ })
	for _, t := range append([]string{typ}, types...) {
		if err := e.x.grant.Allow(e.x.ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: t}}); err != nil {
			if t == typ && e.x.key.ID == "" {
				return err
			}
			if t != typ {
				continue
			}
		}
		for _, list := range []*[]*search.Query{&e.queries, &e.all} {
			if list == &e.queries && !e.wants(t) {
				continue
			}
			q, err := e.query(t, list == &e.queries)
			if err != nil {
				return err
			}
			*list = append(*list, q)
		}
	}
	return nil
}

// read takes the parameters over.
func (e *record) read() error {
	for _, arg := range e.in.list {
		e.self = append(e.self, search.Pair{Name: arg.name, Value: arg.text})
		switch arg.name {
		case "_offset":
			return fhir.Invalidf(fhir.CodeNotSupported, "http._offset", "_offset is not supported; follow the next link")
		case "_since":
			t, err := fhir.ParseDateTime(strings.ReplaceAll(arg.text, " ", "+"))
			if err != nil {
				return err
			}
			e.since = t.Low
		case "_type":
			for typ := range strings.SplitSeq(arg.text, ",") {
				if !e.s.definitions.IsResource(typ) {
					return fhir.Invalidf(fhir.CodeValue, "http._type", "%q is not a resource type", printable(typ))
				}
				e.types = append(e.types, typ)
			}
		}
	}
	if err := e.in.checkPeriod(); err != nil {
		return err
	}
	most := everythingPage * e.s.limits.MaxCount
	if e.count = e.in.number("_count", most); e.count < 1 {
		return fhir.Invalidf(fhir.CodeValue, "http._count", "_count must be a whole number from 1 on")
	}
	e.count = min(e.count, most)
	return nil
}

// wants reports whether resources of a type are asked for.
func (e *record) wants(typ string) bool { return len(e.types) == 0 || slices.Contains(e.types, typ) }

// query finds the members of a type. The resource that the record is about is not left out by _since.
func (e *record) query(typ string, changed bool) (*search.Query, error) {
	plan, err := e.members(typ)
	if err != nil {
		return nil, err
	}
	dates, err := e.dates(typ)
	if err != nil {
		return nil, err
	}
	plan = append(search.And{plan}, dates...)
	if since, ok := e.in.text("_since"); ok && changed {
		recent, err := e.s.search.Parse(typ, []search.Pair{{Name: "_lastUpdated", Value: "ge" + strings.ReplaceAll(since, " ", "+")}}, e.s.parseOptions(true))
		if err != nil {
			return nil, err
		}
		plan = append(plan.(search.And), recent.Query.Plan)
		if typ == e.x.key.Type && e.x.key.ID != "" {
			plan = search.Or{search.IDs{e.x.key.ID}, plan}
		}
	}
	q := &search.Query{Type: typ, Plan: plan, Count: e.count, Total: search.Bounded}
	return q, e.x.grant.Restrict(e.x.ctx, q)
}

// members is the plan for being in the compartment, or in any compartment of the type.
func (e *record) members(typ string) (search.Plan, error) {
	if e.x.key.ID == "" {
		return e.s.search.InAnyCompartment(e.x.key.Type, typ)
	}
	return e.s.search.InCompartment(e.x.key, typ)
}

// clinicalDates are the codes of the search parameters that say when care was given, not when that was recorded, the best first. The definitions do not mark them.
var clinicalDates = [...]string{
	"authoredon", "onset", "onset-date", "date", "period", "effective", "effective-time", "occurrence", "whenhandedover", "started", "start-date", "collected", "identified", "authored", "authored-on", "datetime", "datewritten",
	"created", "sent", "when",
}

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

// page finds one page: members, and when they end what supports them.
func (e *record) page(cursor string) (*store.Page, error) {
	if page, after, ok := readSupportCursor(cursor); ok {
		return page, e.support(page, after, nil)
	}
	all := &several{}
	for _, q := range e.queries {
		all.requests = append(all.requests, &search.Request{Query: q})
	}
	page, err := all.page(e.x, e.s.store, cursor)
	if err != nil || page.Next != "" {
		return page, err
	}
	if cursor == "" && len(e.types) == 0 && e.since.IsZero() {
		return page, e.support(page, fhir.Key{}, page.Matches) // the page has all members
	}
	return page, e.support(page, fhir.Key{}, nil)
}
