package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server/statistics"
	"github.com/firth-health/firth/store"
)

const (
	statisticsSystem = "http://terminology.hl7.org/CodeSystem/observation-statistics"
	unitsSystem      = "http://unitsofmeasure.org"

	// maxMeasured is how many Observations one call of $stats measures.
	maxMeasured = 200_000
)

// coding is a system and a code. Without a system it stands for the code in any.
type coding struct{ system, code string }

func (c coding) matches(other coding) bool {
	return c.code == other.code && (c.system == other.system || c.system == "")
}

// statsRequest is what $stats is asked for.
type statsRequest struct {
	subject    string // reference as it is in the answer
	codings    []coding
	statistics []string
	start, end string // instants; empty for none
	include    int    // how many of the Observations to answer as well
}

// stats computes statistics over the measurements of a subject (R4 observation-operation-stats.html): one Observation for each code and unit, values
// that are exact or rounded as package statistics says. Measured is what has a valueQuantity in UCUM without a comparator; values in different units are never
// mixed. Of a panel, its components and the Observations it refers to by hasMember are measured under their own codes. Observations with a
// modifierExtension are counted in total-count only, because it may change what the value means. The Observations that include=true asks for are parameters
// named source.
func (s *Server) stats(x *exchange, in *arguments) (reply, error) {
	request, err := s.statsRequest(in)
	if err != nil {
		return reply{}, err
	}
	m := measurements{request: request, shapes: map[string]*countedShape{}, seen: map[string]bool{}}
	if err := s.measure(x, &m); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: m.appendParameters(nil)}, nil
}

// statsRequest checks what the definition does not: that there is a code, and statistics that exist.
func (s *Server) statsRequest(in *arguments) (*statsRequest, error) {
	text, _ := in.text("subject")
	ref := fhir.ParseReference(text)
	if ref.Key.ID == "" || ref.Base != "" && ref.Base != s.links.base {
		return nil, fhir.Invalidf(fhir.CodeValue, "http.subject", "subject must be a reference to a resource of this server, such as Patient/123")
	}
	r := &statsRequest{subject: ref.Key.Type + "/" + ref.Key.ID}
	system, _ := in.text("system")
	for _, code := range in.all("code") {
		r.codings = append(r.codings, coding{system, code.text})
	}
	for _, arg := range in.all("coding") {
		r.codings = append(r.codings, coding{arg.node.Get("system").Text(), arg.node.Get("code").Text()})
	}
	if len(r.codings) == 0 || slices.ContainsFunc(r.codings, func(c coding) bool { return c.code == "" }) {
		return nil, fhir.Invalidf(fhir.CodeRequired, "http.code", "$stats needs the parameter code (with system), or coding")
	}
	for _, list := range in.all("statistic") {
		for code := range strings.SplitSeq(list.text, ",") {
			if !statistics.Known(code) {
				return nil, fhir.Invalidf(fhir.CodeCodeInvalid, "http.statistic", "%q is not a statistic; they are the codes of %s", printable(code), statisticsSystem)
			}
			r.statistics = append(r.statistics, code)
		}
	}
	if value, _ := in.text("include"); value == "true" {
		r.include = in.number("limit", s.limits.MaxCount)
	}
	return r, s.statsPeriod(in, r)
}

// statsPeriod reads duration, in hours up to now, or period.
func (s *Server) statsPeriod(in *arguments, r *statsRequest) error {
	if text, ok := in.text("duration"); ok {
		hours, err := fhir.ParseDecimal(text)
		if err != nil || hours.Sign() <= 0 || hours.Cmp(fhir.NewDecimal(1, 7)) > 0 {
			return fhir.Invalidf(fhir.CodeValue, "http.duration", "duration is a number of hours above 0")
		}
		millis := hours.Mul(fhir.NewDecimal(int64(time.Hour/time.Millisecond), 0)).Round(0)
		length, err := time.ParseDuration(millis.String() + "ms")
		if err != nil {
			return fhir.Invalidf(fhir.CodeValue, "http.duration", "duration is a number of hours above 0")
		}
		now := s.clock().UTC()
		r.start, r.end = now.Add(-length).Format(fhir.InstantFormat), now.Format(fhir.InstantFormat)
		return nil
	}
	period := in.node("period")
	r.start, r.end = period.Get("start").Text(), period.Get("end").Text()
	for _, end := range []string{r.start, r.end} {
		if _, err := fhir.ParseDateTime(end); err != nil && end != "" {
			return fhir.Invalidf(fhir.CodeValue, "http.period", "start and end of period must be dates or times")
		}
	}
	return nil
}

// common are the criteria that all the Observations to be measured meet.
func (r *statsRequest) common() []search.Pair {
	pairs := []search.Pair{{Name: "subject", Value: r.subject}}
	if r.start != "" {
		pairs = append(pairs, search.Pair{Name: "date", Value: "ge" + r.start})
	}
	if r.end != "" {
		pairs = append(pairs, search.Pair{Name: "date", Value: "le" + r.end})
	}
	return append(pairs, search.Pair{Name: "_sort", Value: "date"}, search.Pair{Name: "_total", Value: "none"})
}

// content are the criteria that a measure decides: an asked code, of the Observation or of a component, and no error.
func (r *statsRequest) content() []search.Pair {
	tokens := make([]string, len(r.codings))
	for i, c := range r.codings {
		tokens[i] = escaped(c.code)
		if c.system != "" {
			tokens[i] = escaped(c.system) + "|" + tokens[i]
		}
	}
	return []search.Pair{{Name: "combo-code", Value: strings.Join(tokens, ",")}, notInError()}
}

func notInError() search.Pair { return search.Pair{Name: "status:not", Value: "entered-in-error"} }

// measure measures the Observations, and then those that panels among them refer to and that were not measured.
func (s *Server) measure(x *exchange, m *measurements) error {
	common, err := s.statsQuery(m.request.common())
	if err != nil {
		return err
	}
	content, err := s.statsQuery(m.request.content())
	if err != nil {
		return err
	}
	measured := search.And{common.Plan, content.Plan}
	if err := x.grant.Restrict(x.ctx, common); err != nil {
		return err
	}
	if err := s.measureFound(x, m, common, content.Plan); err != nil {
		return err
	}
	for len(m.members) > 0 {
		now := m.members[:min(len(m.members), 500)]
		m.members = m.members[len(now):]
		q, err := s.statsQuery([]search.Pair{{Name: "_id", Value: strings.Join(now, ",")}, notInError(), {Name: "subject", Value: m.request.subject}})
		if err != nil {
			return err
		}
		q.Plan = search.And{q.Plan, search.Not{Of: measured}}
		if err := x.grant.Restrict(x.ctx, q); err != nil {
			return err
		}
		if err := s.eachMatch(x, q, m.addMember); err != nil {
			return err
		}
	}
	return nil
}

// measureFound measures what the search finds: without reading it where the store has measures and no source is asked for.
func (s *Server) measureFound(x *exchange, m *measurements, common *search.Query, content search.Plan) error {
	visit := func(measure search.Measure, v *store.Version) (err error) {
		if v != nil {
			err = m.add(v)
		} else {
			err = m.addMeasure(measure)
		}
		if m.found > maxMeasured {
			return tooManyMeasured()
		}
		return err
	}
	if measurer, ok := store.Unwrap(s.store).(store.Measurer); ok && m.request.include == 0 {
		err := measurer.Measures(x.ctx, store.MeasuresQuery{Type: common.Type, Plan: common.Plan, Content: content}, visit)
		if !errors.Is(err, store.ErrUnsupported) {
			return err
		}
	}
	q := *common
	q.Plan = search.And{common.Plan, content}
	return s.eachMatch(x, &q, func(v *store.Version) error { return visit(nil, v) })
}

func tooManyMeasured() error {
	return fhir.Invalidf(fhir.CodeTooCostly, "", "more than %d resources of type Observation would have to be read; narrow the time or the codes", maxMeasured)
}

// statsQuery compiles criteria for Observations.
func (s *Server) statsQuery(criteria []search.Pair) (*search.Query, error) {
	request, err := s.search.Parse("Observation", criteria, s.parseOptions(true))
	if err != nil {
		return nil, err
	}
	return request.Query, nil
}

// eachMatch calls visit for all matches of a search.
func (s *Server) eachMatch(x *exchange, q *search.Query, visit func(v *store.Version) error) error {
	for q.Count = 1000; ; {
		page, err := s.store.Search(x.ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Matches {
			if err := visit(&page.Matches[i]); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}
