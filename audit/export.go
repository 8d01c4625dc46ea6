package audit

import (
	"context"
	"io"
	"net/url"
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
