package server

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// history answers the versions of an instance, a type or everything, newest first (R4 http.html#history), or with _sort=_lastUpdated oldest first.
func (s *Server) history(x *exchange) (reply, error) {
	cursor, _ := lookup(x.query, cursorParameter)
	q, self, err := s.historyQuery(x)
	if err != nil {
		return reply{}, err
	}
	subset, err := s.subset(x)
	if err != nil {
		return reply{}, err
	}
	q.Cursor = cursor
	page, err := s.pastOf(x, q)
	if err != nil {
		return reply{}, err
	}
	path := strings.TrimPrefix(strings.TrimSuffix(x.key.Type+"/"+x.key.ID, "/")+"/_history", "/")
	return reply{status: http.StatusOK, stream: func(w *bufio.Writer) error {
		b := bundleWriter{w: w, links: s.links, subset: subset}
		b.begin("history", s.newID(), s.clock())
		if page.Total >= 0 {
			b.total(page.Total)
		}
		b.link("self", s.links.list(path, self, x.format, cursor))
		b.link("first", s.links.list(path, self, x.format, ""))
		if page.Next != "" {
			b.link("next", s.links.list(path, self, x.format, page.Next))
		}
		for i := range page.Versions {
			b.version(&page.Versions[i])
		}
		return b.end()
	}}, nil
}

// checkHistory reports what is wrong with the parameters without reading anything.
func (s *Server) checkHistory(x *exchange) error {
	if _, _, err := s.historyQuery(x); err != nil {
		return err
	}
	_, err := s.subset(x)
	return err
}

// historyQuery reads _count, _since, _at (a period: R4 http.html#history), _sort and _summary=count. Other parameters are ignored and left out of the self link, or refused under Prefer: handling=strict.
func (s *Server) historyQuery(x *exchange) (q store.HistoryQuery, self []search.Pair, err error) {
	q = store.HistoryQuery{Type: x.key.Type, ID: x.key.ID, Count: s.limits.DefaultCount}
	for _, pair := range x.query {
		switch pair.Name {
		case "_count":
			q.Count, err = s.pageSize(pair.Value)
		case "_summary": // others are about content
			q.Count = 0
		case "_since":
			q.Since, err = historyInstant(pair)
		case "_at":
			q.At, q.Before, err = historyPeriod(pair)
		case "_sort":
			if q.OldestFirst = pair.Value == "_lastUpdated"; !q.OldestFirst && pair.Value != "-_lastUpdated" {
				return q, nil, fhir.Invalidf(fhir.CodeNotSupported, "http._sort", "_sort of a history can be -_lastUpdated, newest first, or _lastUpdated, oldest first")
			}
		case cursorParameter:
			continue
		default:
			if x.prefer.strict {
				return q, nil, fhir.Invalidf(fhir.CodeNotSupported, "http."+printable(pair.Name), "%q is not a parameter of a history", printable(pair.Name))
			}
			continue
		}
		if err != nil {
			return q, nil, err
		}
		self = append(self, pair)
	}
	return q, self, nil
}

func (s *Server) pageSize(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fhir.Invalidf(fhir.CodeValue, "http._count", "_count must be a whole number from 0 on")
	}
	return min(n, s.limits.MaxCount), nil
}

// historyInstant reads an instant, or a date that stands for its beginning.
func historyInstant(pair search.Pair) (time.Time, error) {
	low, _, err := historyPeriod(pair)
	return low, err
}

// historyPeriod reads a date or an instant as the period it stands for. A '+' of the zone that was not escaped arrives as a space.
func historyPeriod(pair search.Pair) (low, high time.Time, err error) {
	t, err := fhir.ParseDateTime(strings.ReplaceAll(pair.Value, " ", "+"))
	if err != nil {
		return low, high, fhir.Invalidf(fhir.CodeValue, "http."+pair.Name, "%s must be an instant such as 2026-01-31T12:00:00Z", pair.Name)
	}
	return t.Low, t.High(), nil
}
