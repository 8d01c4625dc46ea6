package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Bounds of what is looked up for one person. Who has more is known in part.
const (
	maxRoles        = 100
	maxOrganization = 16 // levels of Organization.partOf
	membershipTime  = 5 * time.Second
)

// memberships knows from the resources in the store to what a professional belongs: by the active PractitionerRoles to their Organizations, and to those which these are part of.
type memberships struct {
	relations
	registry *search.Registry
	base     string // of absolute references to this server
	clock    func() time.Time
	log      *slog.Logger
}

// of is [auth.ConsentOptions].Belongs.
func (m memberships) of(user fhir.Key) (auth.Membership, error) {
	ctx, cancel := context.WithTimeout(context.Background(), membershipTime)
	defer cancel()
	found, err := m.find(ctx, user)
	if err != nil {
		m.log.Warn("the roles of a user cannot be read; Consents about organizations deny", "error", err)
	}
	return found, err
}

// find is of. Patients and their relatives work for nobody here; who a Person is, is not known. Nor is it known of who has no role here that they have none elsewhere.
func (m memberships) find(ctx context.Context, user fhir.Key) (auth.Membership, error) {
	var found auth.Membership
	who := user
	switch user.Type {
	case "Patient", "RelatedPerson":
		return auth.Membership{Complete: true}, nil
	case "PractitionerRole":
		role, err := m.active(ctx, user)
		if role == nil || err != nil {
			return auth.Membership{}, err
		}
		if who = m.reference(role, "practitioner"); who.Type == "Practitioner" {
			found.Of = append(found.Of, who)
		} else if _, err = m.organizations(ctx, m.reference(role, "organization"), &found.Of); err != nil {
			return auth.Membership{}, err
		}
	}
	if who.Type != "Practitioner" {
		return found, nil
	}
	roles, all, err := m.rolesOf(ctx, who)
	if err != nil {
		return auth.Membership{}, err
	}
	found.Complete = all && len(roles) > 0
	for _, role := range roles {
		found.Of = append(found.Of, fhir.Key{Type: role.Type(), ID: role.ID()})
		whole, err := m.organizations(ctx, m.reference(role, "organization"), &found.Of)
		if err != nil {
			return auth.Membership{}, err
		}
		found.Complete = found.Complete && whole
	}
	return found, nil
}

// rolesOf reads the PractitionerRoles of a Practitioner that are active now, up to maxRoles, and says whether these are all.
func (m memberships) rolesOf(ctx context.Context, who fhir.Key) (roles []*fhir.Resource, all bool, err error) {
	request, err := m.registry.Parse("PractitionerRole", []search.Pair{{Name: "practitioner", Value: who.Type + "/" + who.ID}, {Name: "active:not", Value: "false"}}, search.ParseOptions{Strict: true})
	if err != nil {
		return nil, false, err
	}
	request.Query.Count, request.Query.Total = maxRoles, search.NoTotal
	page, err := m.store.Search(ctx, request.Query)
	if err != nil {
		return nil, false, err
	}
	for i := range page.Matches {
		role, err := fhir.ParseResource(page.Matches[i].JSON)
		if err != nil {
			return nil, false, err
		}
		if m.isNow(role.Root().Get("period")) {
			roles = append(roles, role)
		}
	}
	return roles, page.Next == "", nil
}

// isNow reports whether a Period is under way. What cannot be read is open.
func (m memberships) isNow(period fhir.Node) bool {
	now := m.clock()
	if start, err := fhir.ParseDateTime(period.Get("start").Text()); err == nil && now.Before(start.Low) {
		return false
	}
	end, err := fhir.ParseDateTime(period.Get("end").Text())
	return err != nil || now.Before(end.High())
}

// organizations adds an Organization and those that it is part of. It says whether they all are known: a role without an Organization, or one that is on another server or not stored, leaves open what it is part of.
func (m memberships) organizations(ctx context.Context, at fhir.Key, to *[]fhir.Key) (whole bool, err error) {
	for range maxOrganization {
		if at.Type != "Organization" {
			return false, nil
		}
		if slices.Contains(*to, at) {
			return true, nil
		}
		*to = append(*to, at)
		v, err := m.store.Read(ctx, at)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		res, err := fhir.ParseResource(v.JSON)
		if err != nil {
			return false, err
		}
		if !res.Root().Get("partOf").Ok() {
			return true, nil
		}
		at = m.reference(res, "partOf")
	}
	return false, nil
}

// reference is the resource of this server that an element names; zero for any other.
func (m memberships) reference(res *fhir.Resource, element string) fhir.Key {
	ref := fhir.ParseReference(res.Root().Path(element, "reference").Text())
	if ref.Base != "" && ref.Base != m.base || !fhir.IsID(ref.Key.ID) {
		return fhir.Key{}
	}
	return fhir.Key{Type: ref.Key.Type, ID: ref.Key.ID}
}
