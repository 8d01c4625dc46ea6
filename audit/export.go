package audit

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// ExportOptions say what of the trail is wanted: all that they name must hold.
type ExportOptions struct {
	Patient  string    // logical id; empty for all
	From, To time.Time // recorded at or after, and before; zero for no bound
	HTML     bool      // a report for people: an accounting of disclosures; else NDJSON, an AuditEvent a line
}

// exportPage is how many events are read at a time.
const exportPage = 500

// Export writes the events that are wanted, newest first, and returns how many they were.
func (r *Reader) Export(ctx context.Context, opts ExportOptions, registry *search.Registry, w io.Writer) (events int, err error) {
	q, err := opts.query(registry)
	if err != nil {
		return 0, err
	}
	if opts.HTML {
		return r.report(ctx, opts, q, w)
	}
	return r.each(ctx, q, func(v *store.Version) error {
		_, err := w.Write(append(v.JSON[:len(v.JSON):len(v.JSON)], '\n'))
		return err
	})
}

// query is the search for what is wanted.
func (o *ExportOptions) query(registry *search.Registry) (*search.Query, error) {
	var pairs []search.Pair
	if o.Patient != "" {
		pairs = append(pairs, search.Pair{Name: "patient", Value: patientSlash + o.Patient})
	}
	for _, bound := range []struct {
		prefix string
		at     time.Time
	}{{"ge", o.From}, {"lt", o.To}} {
		if !bound.at.IsZero() {
			pairs = append(pairs, search.Pair{Name: "date", Value: bound.prefix + bound.at.UTC().Format("2006-01-02T15:04:05.000Z")})
		}
	}
	request, err := registry.Parse(auditEventType, pairs, search.ParseOptions{Strict: true})
	if err != nil {
		return nil, err
	}
	request.Query.Count, request.Query.Total = exportPage, search.NoTotal
	return request.Query, nil
}

// each visits all matches, newest first.
func (r *Reader) each(ctx context.Context, q *search.Query, visit func(*store.Version) error) (n int, err error) {
	for {
		page, err := r.search(ctx, q)
		if err != nil {
			return n, err
		}
		for i := range page.Matches {
			if err := visit(&page.Matches[i]); err != nil {
				return n, err
			}
			n++
		}
		if page.Next == "" {
			return n, nil
		}
		q.Cursor = page.Next
	}
}

//go:embed report.html
var reportPage string

// report writes the HTML report as it reads.
func (r *Reader) report(ctx context.Context, opts ExportOptions, q *search.Query, w io.Writer) (n int, err error) {
	page, err := template.New("report").Parse(reportPage)
	if err != nil {
		return 0, err
	}
	head := struct {
		Patient, Server string
		From, To, Made  string
	}{opts.Patient, r.base, dateOf(opts.From), dateOf(opts.To), dateOf(time.Now())}
	if err := page.ExecuteTemplate(w, "head", head); err != nil {
		return 0, err
	}
	n, err = r.each(ctx, q, func(v *store.Version) error {
		row, err := rowOfEvent(v.JSON)
		if err != nil {
			return fmt.Errorf("%s: %w", v.Key, err)
		}
		return page.ExecuteTemplate(w, "row", row)
	})
	if err != nil {
		return n, err
	}
	return n, page.ExecuteTemplate(w, "foot", n)
}

func dateOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

// reportRow is an event as the report shows it.
type reportRow struct{ ID, When, Who, By, Where, What, Of, Why, Outcome string }

// exported is what of an AuditEvent the report shows.
type exported struct {
	ID, Recorded, Action, Outcome, OutcomeDesc string
	Type                                       coded
	Subtype                                    []coded
	Agent                                      []struct {
		Requestor    bool
		Who          named
		Network      struct{ Address string }
		PurposeOfUse []struct{ Coding []coded }
	}
	Entity []struct {
		What        named
		Type        coded
		Description string
	}
}

type coded struct{ Code, Display string }

func (c coded) String() string {
	if c.Display != "" {
		return c.Display
	}
	return c.Code
}

type named struct {
	Reference, Display string
	Identifier         struct{ System, Value string }
}

func (n named) String() string {
	var parts []string
	for _, part := range []string{n.Reference, n.Identifier.Value, n.Display} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

func rowOfEvent(data []byte) (*reportRow, error) {
	var e exported
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	row := &reportRow{ID: e.ID, When: strings.NewReplacer("T", " ", "Z", " UTC").Replace(e.Recorded), What: e.Type.String()}
	for i, c := range e.Subtype {
		if i == 0 {
			row.What = c.String()
		} else {
			row.What += ", " + c.String()
		}
	}
	for _, a := range e.Agent {
		if a.Requestor && row.Who == "" {
			row.Who = a.Who.String()
		}
		if a.Network.Address != "" && row.Where == "" {
			row.Where, row.By = a.Network.Address, a.Who.String()
		}
		for _, p := range a.PurposeOfUse {
			for _, c := range p.Coding {
				row.Why = strings.TrimPrefix(row.Why+", "+c.String(), ", ")
			}
		}
	}
	for _, entity := range e.Entity {
		if entity.Type.Code != "2" {
			continue
		}
		row.Of = entity.What.String()
		if entity.Description != "" {
			row.Of = entity.Description
		}
	}
	switch e.Outcome {
	case "0", "":
		row.Outcome = "done"
	default:
		row.Outcome = "refused or failed: " + e.OutcomeDesc
	}
	return row, nil
}

// Describe is the export in the words of a request, for the event that tells of it.
func (o *ExportOptions) Describe() string {
	v := url.Values{}
	if o.Patient != "" {
		v.Set("patient", patientSlash+o.Patient)
	}
	if !o.From.IsZero() {
		v.Add("date", "ge"+o.From.UTC().Format(time.RFC3339))
	}
	if !o.To.IsZero() {
		v.Add("date", "lt"+o.To.UTC().Format(time.RFC3339))
	}
	if len(v) == 0 {
		return auditEventType
	}
	return auditEventType + "?" + v.Encode()
}
