package main

import (
	"context"
	"errors"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// relations knows from the resources in the store for whom a person may act.
type relations struct{ store store.Store }

// PatientsOf implements [auth.Relations]. A RelatedPerson stands for its patient while it is active; a Person for the Patients it is linked to, and for those of the
// RelatedPersons it is linked to.
func (r relations) PatientsOf(ctx context.Context, user fhir.Key) ([]string, error) {
	res, err := r.active(ctx, user)
	if res == nil || err != nil {
		return nil, err
	}
	if user.Type == "RelatedPerson" {
		return patientIn(res), nil
	}
	var ids []string
	for link := range res.Root().Get("link").Children() {
		target := fhir.ParseReference(link.Path("target", "reference").Text()).Key
		switch target.Type {
		case "Patient":
			ids = append(ids, target.ID)
		case "RelatedPerson":
			related, err := r.active(ctx, target)
			if err != nil {
				return nil, err
			}
			if related != nil {
				ids = append(ids, patientIn(related)...)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// active reads a resource; nil when it is not there or not active.
func (r relations) active(ctx context.Context, key fhir.Key) (*fhir.Resource, error) {
	if !fhir.IsID(key.ID) {
		return nil, nil //nolint:nilnil // it is not there
	}
	v, err := r.store.Read(ctx, fhir.Key{Type: key.Type, ID: key.ID})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
		return nil, nil //nolint:nilnil // it is not there
	}
	if err != nil {
		return nil, err
	}
	res, err := fhir.ParseResource(v.JSON)
	if err != nil || string(res.Root().Get("active").Raw()) == "false" {
		return nil, err
	}
	return res, nil
}

// patientIn is the patient of a RelatedPerson.
func patientIn(res *fhir.Resource) []string {
	if key := fhir.ParseReference(res.Root().Path("patient", "reference").Text()).Key; key.Type == "Patient" && key.ID != "" {
		return []string{key.ID}
	}
	return nil
}
