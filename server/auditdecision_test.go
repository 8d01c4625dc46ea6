package server

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/bearer"
	"github.com/firth-health/firth/fhir"
)

// TestDecisions reads what the trail says of Consents: what they denied of a resource and of what was asked of a patient by name, and what break-glass gave all the same. Nothing is told where no Consent mattered.
func TestDecisions(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	consents := auth.NewConsents(auth.ConsentOptions{})
	tokens := issued{
		"writer":    {Issuer: "i", Client: "w", TokenID: "1", Scope: "system/*.cu"},
		"doctor":    {Issuer: "i", Client: "app", Subject: "d", TokenID: "2", FHIRUser: "Practitioner/d", Scope: "user/*.rs"},
		"emergency": {Issuer: "i", Client: "app", Subject: "d", TokenID: "3", FHIRUser: "Practitioner/d", Scope: "user/*.rs", BreakGlass: true},
		"auditor":   {Issuer: "i", Client: "audit", TokenID: "4", Scope: "system/AuditEvent.rs"},
	}
	var trail *audit.Trail
	f := newFixture(t, audited(t, &trail), func(c *Config) {
		rules, err := auth.New(auth.Options{Definitions: c.Definitions, Search: c.Search, BaseURL: c.BaseURL, Consents: consents})
		if err != nil {
			t.Fatal(err)
		}
		c.Authenticator = NewTokens(TokenOptions{Reader: &bearer.Reader{Own: tokens}, Rules: rules, Clock: func() time.Time { return at }})
	})
	as := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	for path, body := range map[string]string{"Patient/p1": `{"resourceType":"Patient","id":"p1"}`, "Patient/p2": `{"resourceType":"Patient","id":"p2"}`, "Observation/o1": observationOf("o1", "p1"), "Observation/o2": observationOf("o2", "p2")} {
		if got := f.do("PUT", "/"+path, body, as("writer")...); got.status != 201 {
			t.Fatal(got.status, got.body)
		}
	}
	for _, text := range []string{
		`{"resourceType":"Consent","id":"all","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"patient":{"reference":"Patient/p1"},"provision":{"type":"deny"}}`,
		`{"resourceType":"Consent","id":"final","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"patient":{"reference":"Patient/p2"},"provision":{"type":"deny","class":[{"code":"Condition"}]}}`,
	} {
		res, err := fhir.ParseResource([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		consents.Put(res)
	}
	for _, step := range []struct {
		token, path string
		status      int
		want        []string
	}{
		{"doctor", "/Observation/o1", 404, []string{"4 Patient/p1 Consent/all denied: read Observation/o1"}},
		{"doctor", "/Observation/o2", 200, nil},
		{"doctor", "/Observation/none", 404, nil},
		{"doctor", "/Observation?patient=p1", 200, []string{"4 Patient/p1 Consent/all denied, in part or whole: search-type Observation"}},
		{"doctor", "/Observation?patient=p2", 200, nil},
		{"doctor", "/Observation?status=final", 200, nil},
		{"doctor", "/Patient/p2/$everything", 200, []string{"4 Patient/p2 Consent/final denied, in part or whole: $everything Patient/p2"}},
		{"emergency", "/Observation/o1", 200, []string{"0 Patient/p1 Consent/all break-glass overrides what the Consent denies: read Observation/o1"}},
		{"emergency", "/Observation/o2", 200, nil},
	} {
		t.Run(step.token+" "+step.path, func(t *testing.T) {
			before := len(decisionsOf(t, f, as("auditor")))
			if got := f.do("GET", step.path, "", as(step.token)...); got.status != step.status {
				t.Fatalf("%d %s", got.status, got.body)
			}
			f.server.deciding.Wait()
			if err := trail.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			all := decisionsOf(t, f, as("auditor"))
			if diff := cmp.Diff(step.want, all[before:]); diff != "" && len(all[before:])+len(step.want) > 0 {
				t.Error(diff)
			}
		})
	}
}

// decisionsOf are the decisions in the trail, oldest first: outcome, patient, Consent and words.
func decisionsOf(t *testing.T, f *fixture, headers []string) (list []string) {
	t.Helper()
	got := f.do("GET", "/AuditEvent?subtype=AuthZ-Consent&_count=200", "", headers...)
	var bundle struct {
		Entry []struct {
			Resource struct {
				Outcome, OutcomeDesc string
				Entity               []struct{ What struct{ Reference string } }
			}
		}
	}
	if err := json.Unmarshal([]byte(got.body), &bundle); err != nil || got.status != 200 {
		t.Fatal(got.status, err, got.body)
	}
	for _, e := range bundle.Entry {
		text := e.Resource.Outcome
		for _, entity := range slices.Backward(e.Resource.Entity) {
			if entity.What.Reference != "" {
				text += " " + entity.What.Reference
			}
		}
		list = append(list, strings.TrimSpace(text+" "+e.Resource.OutcomeDesc))
	}
	slices.Reverse(list)
	return list
}
