package server

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// searchSystem answers one page of a search in several types (R4 http.html#search): those of _type, or all.
func (s *Server) searchSystem(x *exchange) (reply, error) {
	several, err := s.several(x)
	if err != nil {
		return reply{}, err
	}
	subset, err := s.searchSubset(x, several.requests...)
	if err != nil {
		return reply{}, err
	}
	cursor, _ := lookup(x.query, cursorParameter)
	find, explanation := s.finder(x)
	page, err := several.page(x, find, cursor)
	if err != nil {
		return reply{}, several.costly(err)
	}
	set := searchset{path: x.searchPath(), self: explanation.self(several.self), cursor: cursor, issues: slices.Concat(several.issues, s.parameters.incomplete(), explanation.ofSeveral()), countOnly: several.countOnly(), subset: subset, page: page}
	return reply{status: http.StatusOK, stream: func(w *bufio.Writer) error { return s.writeSearchset(w, x, &set) }}, nil
}

// checkSystemSearch reports what is wrong with a search without running it.
func (s *Server) checkSystemSearch(x *exchange) error {
	several, err := s.several(x)
	if err == nil {
		_, err = s.searchSubset(x, several.requests...)
	}
	return err
}

// several is a search in several types, a request each.
type several struct {
	requests []*search.Request
	self     []search.Pair
	issues   []fhir.Issue
	keys     func(*fhir.Resource) ([]string, error)
}

// several compiles what was asked, in a compartment where the URL names one, and narrows it to what the caller may see: types that are named must be
// allowed, others are left out when they are not.
func (s *Server) several(x *exchange) (*several, error) {
	among := s.definitions.ResourceTypes()
	if x.compartment.Type != "" {
		among = s.search.CompartmentTypes(x.compartment.Type)
	}
	parsed, err := s.search.ParseSeveral(among, s.searchParameters(x), s.parseOptions(x.prefer.strict))
	if err != nil {
		return nil, err
	}
	all := &several{self: parsed.Self, issues: parsed.Issues, keys: s.search.Extract}
	_, named := lookup(x.query, "_type")
	for _, request := range parsed.Requests {
		if err := x.grant.Allow(x.ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: request.Query.Type}}); err != nil {
			if named {
				return nil, err
			}
			continue
		}
		if err := s.narrow(x, request.Query); err != nil {
			return nil, err
		}
		all.requests = append(all.requests, request)
	}
	return all, nil
}

func (m *several) countOnly() bool { return len(m.requests) > 0 && m.requests[0].SummaryCount }

// costly adds a hint to the refusal of a search that costs too much.
func (m *several) costly(err error) error {
	if len(m.requests) == 0 {
		return err
	}
	return costly(m.requests[0], err)
}

// progress is where a page of several types ends. It is the cursor of the next page.
type progress struct {
	Total int           `json:"n"` // of all pages; -1 when it is not known
	Left  []progressRow `json:"t"` // types that are not through, in order
}

type progressRow struct {
	Type   string `json:"r"`           // name of the stream
	Cursor string `json:"c,omitempty"` // of the store; empty at the beginning
}

func (p progress) encode() (string, error) {
	if len(p.Left) == 0 {
		return "", nil
	}
	data, err := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(data), err
}

func decodeProgress(cursor string) (p progress, err error) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil || len(p.Left) == 0 || p.Total < -1 {
		return p, store.ErrBadCursor
	}
	return p, nil
}

// page finds one page of the types in the order of _type or of the alphabet.
func (m *several) page(x *exchange, find finder, cursor string) (*store.Page, error) {
	streams := make([]*typeStream, len(m.requests))
	for i, request := range m.requests {
		streams[i] = &typeStream{name: request.Query.Type, q: request.Query, find: find}
	}
	return gather(x, streams, cursor, m.keys)
}

// gather finds one page of all streams, from a cursor of the page before on. Without _sort they come one after the other, with it they are merged.
func gather(x *exchange, streams []*typeStream, cursor string, keys func(*fhir.Resource) ([]string, error)) (*store.Page, error) {
	p := progress{}
	if cursor != "" {
		var err error
		if p, err = decodeProgress(cursor); err != nil {
			return nil, err
		}
		all := streams
		streams = nil
		for _, row := range p.Left {
			i := slices.IndexFunc(all, func(t *typeStream) bool { return t.name == row.Type })
			if i < 0 {
				return nil, store.ErrBadCursor
			}
			all[i].cursor = row.Cursor
			streams = append(streams, all[i])
		}
	}
	if len(streams) == 0 {
		return &store.Page{}, nil
	}
	g := gatherer{x: x, streams: streams, first: cursor == "", total: p.Total, count: streams[0].q.Count, keys: keys}
	if len(streams[0].q.Sort) > 0 && g.count > 0 {
		return g.merged()
	}
	return g.inTurn()
}
