package main

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// patients finds patients for the page on which one is chosen.
type patients struct {
	store    store.Store
	registry *search.Registry
}

// Find implements [smart.Patients]: names that begin with the text first, then an identifier that is the text.
func (p patients) Find(ctx context.Context, text string, limit int) ([]smart.Patient, error) {
	if text == "" {
		return p.search(ctx, "_sort=family,given", limit)
	}
	quoted := url.QueryEscape(strings.NewReplacer(`\`, `\\`, `,`, `\,`, `$`, `\$`, `|`, `\|`).Replace(text))
	found, err := p.search(ctx, "_sort=family,given&name="+quoted, limit)
	if err != nil || len(found) > 0 {
		return found, err
	}
	return p.search(ctx, "identifier="+quoted, limit)
}

func (p patients) search(ctx context.Context, query string, limit int) (found []smart.Patient, err error) {
	pairs, err := search.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	request, err := p.registry.Parse("Patient", pairs, search.ParseOptions{Strict: true})
	if err != nil {
		return nil, err
	}
	request.Query.Count, request.Query.Total = limit, search.NoTotal
	page, err := p.store.Search(ctx, request.Query)
	if err != nil {
		return nil, err
	}
	for i := range page.Matches {
		one, err := patientOf(&page.Matches[i])
		if err != nil {
			return nil, err
		}
		found = append(found, *one)
	}
	return found, nil
}

// Get implements [smart.Patients].
func (p patients) Get(ctx context.Context, id string) (*smart.Patient, error) {
	if !fhir.IsID(id) {
		return nil, smart.ErrNoPatient
	}
	v, err := p.store.Read(ctx, fhir.Key{Type: "Patient", ID: id})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
		return nil, smart.ErrNoPatient
	}
	if err != nil {
		return nil, err
	}
	return patientOf(v)
}

// patientOf is what people tell a patient by.
func patientOf(v *store.Version) (*smart.Patient, error) {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return nil, err
	}
	root := res.Root()
	name := root.Get("name").Index(0)
	one := &smart.Patient{
		ID: v.Key.ID, BirthDate: root.Get("birthDate").Text(), Gender: root.Get("gender").Text(), Identifier: root.Get("identifier").Index(0).Get("value").Text(), Name: name.Get("text").Text(),
	}
	if one.Name == "" {
		one.Name = strings.TrimSpace(name.Get("given").Index(0).Text() + " " + name.Get("family").Text())
	}
	return one, nil
}
