package audit

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

//go:embed report.html
var reportPage string

// reporter writes the HTML report as it reads.
type reporter struct {
	*Reader
	page  *template.Template
	out   io.Writer
	names map[string]string // of people, by reference; what cannot be read has none
	day   string            // of the row before
	who   map[string]*reportParty
}

// reportParty is somebody who did something, in the summary at the end.
type reportParty struct {
	Who, Title  string
	Events      int
	Refused     int
	First, Last string
}

// maxParties bounds the summary.
const maxParties = 1000

// report writes what a query finds, for people to read and print.
func (r *Reader) report(ctx context.Context, opts ExportOptions, q *search.Query, w io.Writer) (n int, err error) {
	page, err := template.New("report").Parse(reportPage)
	if err != nil {
		return 0, err
	}
	p := &reporter{Reader: r, page: page, out: w, names: map[string]string{}, who: map[string]*reportParty{}}
	head := struct {
		Patient, Name, Server string
		From, To, Made        string
	}{opts.Patient, "", r.base, dateOf(opts.From), dateOf(opts.To), dateOf(time.Now())}
	if opts.Patient != "" {
		if head.Name, err = p.nameOf(ctx, patientSlash+opts.Patient); err != nil {
			return 0, err
		}
	}
	if err := page.ExecuteTemplate(w, "head", head); err != nil {
		return 0, err
	}
	n, err = r.each(ctx, q, func(v *store.Version) error {
		row, err := rowOfEvent(v.JSON)
		if err == nil {
			err = p.row(ctx, row)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", v.Key, err)
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	return n, page.ExecuteTemplate(w, "foot", struct {
		Events  int
		Parties []*reportParty
	}{n, p.parties()})
}

// row writes an event, below its day.
func (p *reporter) row(ctx context.Context, row *reportRow) (err error) {
	if row.Name, err = p.nameOf(ctx, row.Who); err != nil {
		return err
	}
	if row.Day != p.day {
		p.day = row.Day
		if err := p.page.ExecuteTemplate(p.out, "day", row.Day); err != nil {
			return err
		}
	}
	p.count(row)
	return p.page.ExecuteTemplate(p.out, "row", row)
}

// count adds an event to what who did it did.
func (p *reporter) count(row *reportRow) {
	key := row.Who + "\x00" + row.App
	party := p.who[key]
	if party == nil {
		if len(p.who) >= maxParties {
			return
		}
		party = &reportParty{Who: row.Person(), Title: row.By(), Last: row.Day}
		p.who[key] = party
	}
	party.Events++
	party.First = row.Day // they come newest first
	if row.Failed {
		party.Refused++
	}
}

// parties are in the order of how much they did.
func (p *reporter) parties() []*reportParty {
	return slices.SortedFunc(maps.Values(p.who), func(a, b *reportParty) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Who, b.Who), cmp.Compare(a.Title, b.Title))
	})
}

// nameOf is what somebody is called, by a reference such as Practitioner/1; empty when that cannot be found out.
func (p *reporter) nameOf(ctx context.Context, reference string) (string, error) {
	if name, known := p.names[reference]; known {
		return name, nil
	}
	key := fhir.ParseReference(reference).Key
	if !isPerson(key.Type) || !fhir.IsID(key.ID) {
		return "", nil
	}
	v, err := p.inner.Read(ctx, fhir.Key{Type: key.Type, ID: key.ID})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
		v, err = &store.Version{}, nil
	}
	if err != nil {
		return "", err
	}
	name := ""
	if root, err := fhir.Parse(v.JSON); err == nil {
		name = humanName(root)
	}
	p.names[reference] = name
	return name, nil
}

func isPerson(resourceType string) bool {
	switch resourceType {
	case patientType, "Practitioner", "RelatedPerson", "Person":
		return true
	}
	return false
}

// humanName is a person's name, and when they were born.
func humanName(person fhir.Node) string {
	name := person.Get("name").Index(0)
	text := name.Get("text").Text()
	if text == "" {
		for _, part := range []string{name.Get("prefix").Index(0).Text(), name.Get("given").Index(0).Text(), name.Get("family").Text()} {
			if part != "" && text != "" {
				text += " "
			}
			text += part
		}
	}
	if born := person.Get("birthDate").Text(); born != "" && text != "" {
		text += ", born " + born
	}
	return text
}

func dateOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}
