package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// hospital is a store with who works where: of each line the type, the id and other members.
const hospital = `
Organization hospital {}
Organization ward {"partOf":{"reference":"Organization/hospital"}}
Organization lost {"partOf":{"reference":"https://else.example/fhir/Organization/1"}}
Organization round {"partOf":{"reference":"Organization/about"}}
Organization about {"partOf":{"reference":"Organization/round"}}
Organization other {}
PractitionerRole nurse {"active":true,"practitioner":{"reference":"Practitioner/nils"},"organization":{"reference":"Organization/ward"}}
PractitionerRole tutor {"practitioner":{"reference":"https://firth.example/fhir/Practitioner/nils"},"organization":{"reference":"Organization/round"}}
PractitionerRole left {"active":false,"practitioner":{"reference":"Practitioner/nils"},"organization":{"reference":"Organization/other"}}
PractitionerRole over {"period":{"end":"2026-05-31"},"practitioner":{"reference":"Practitioner/nils"},"organization":{"reference":"Organization/other"}}
PractitionerRole soon {"period":{"start":"2026-06-02"},"practitioner":{"reference":"Practitioner/nils"},"organization":{"reference":"Organization/other"}}
PractitionerRole today {"period":{"start":"2026-06-01","end":"2026-06-01"},"practitioner":{"reference":"Practitioner/tess"},"organization":{"reference":"Organization/other"}}
PractitionerRole lost {"practitioner":{"reference":"Practitioner/lea"},"organization":{"reference":"Organization/lost"}}
PractitionerRole gone {"practitioner":{"reference":"Practitioner/gus"},"organization":{"reference":"Organization/gone"}}
PractitionerRole none {"practitioner":{"reference":"Practitioner/nora"}}
PractitionerRole alone {"organization":{"reference":"Organization/ward"}}
Practitioner new {}`

func newMemberships(t *testing.T) memberships {
	t.Helper()
	defs, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	const base = "https://firth.example/fhir"
	registry, err := search.NewRegistry(defs, search.Options{BaseURL: base, References: true})
	if err != nil {
		t.Fatal(err)
	}
	m := memberships{relations{teststore.Open(t, teststore.Options{})}, registry, base, func() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }, slog.New(slog.DiscardHandler)}
	var ops []store.Op
	for line := range strings.Lines(strings.TrimSpace(hospital)) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		var members map[string]any
		if err := json.Unmarshal([]byte(fields[2]), &members); err != nil {
			t.Fatal(line, err)
		}
		members["resourceType"] = fields[0]
		data, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		res, err := fhir.ParseResource(data)
		if err != nil {
			t.Fatal(err)
		}
		stamped, err := res.Stamp(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		keys, err := registry.Extract(res)
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, store.Op{Method: store.Create, Key: fhir.Key{Type: fields[0], ID: fields[1]}, Resource: stamped, Keys: keys})
	}
	if _, err := m.store.Apply(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMembership(t *testing.T) {
	m := newMemberships(t)
	for user, want := range map[string]string{
		"Practitioner/nils":      "Organization/about Organization/hospital Organization/round Organization/ward PractitionerRole/nurse PractitionerRole/tutor complete",
		"PractitionerRole/nurse": "Organization/about Organization/hospital Organization/round Organization/ward Practitioner/nils PractitionerRole/nurse PractitionerRole/tutor complete",
		"PractitionerRole/alone": "Organization/hospital Organization/ward",
		"PractitionerRole/left":  "",
		"PractitionerRole/x":     "",
		"Practitioner/tess":      "Organization/other PractitionerRole/today complete",
		"Practitioner/lea":       "Organization/lost PractitionerRole/lost",
		"Practitioner/gus":       "Organization/gone PractitionerRole/gone",
		"Practitioner/nora":      "PractitionerRole/none",
		"Practitioner/new":       "",
		"Person/x":               "",
		"Patient/x":              "complete",
		"RelatedPerson/x":        "complete",
	} {
		got, err := m.of(fhir.ParseReference(user).Key)
		if err != nil {
			t.Errorf("%s: %v", user, err)
		}
		if diff := cmp.Diff(want, words(got)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", user, diff)
		}
	}
}

func words(m auth.Membership) string {
	var all []string
	for _, key := range m.Of {
		all = append(all, key.Type+"/"+key.ID)
	}
	all = sorted(all)
	if m.Complete {
		all = append(all, "complete")
	}
	return strings.Join(all, " ")
}

// A store that fails leaves open to what somebody belongs.
func TestMembershipFails(t *testing.T) {
	m := newMemberships(t)
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"Practitioner/nils", "PractitionerRole/nurse"} {
		if got, err := m.of(fhir.ParseReference(user).Key); err == nil || words(got) != "" {
			t.Errorf("%s: %s, %v", user, words(got), err)
		}
	}
}
