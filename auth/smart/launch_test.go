package smart_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth/smart/events"
)

const ehrScopes = "launch launch/patient launch/encounter openid fhirUser patient/Observation.rs"

// prepare prepares an EHR launch.
func (s *site) prepare(body string) answered {
	s.t.Helper()
	return s.post("/auth/launch", "application/json", body, bearer(s.service("firth/accounts"))...)
}

// An EHR opens an app with a patient and an encounter.
func TestEHRLaunch(t *testing.T) {
	s := newSite(t, nil)
	prepared := s.prepare(`{"client_id":"public","user":"nurse","patient":"ben","encounter":"e1","intent":"reconcile-medications","need_patient_banner":false,"tenant":"north",
		"fhirContext":[{"reference":"ImagingStudy/7"},{"canonical":"http://example.org/Questionnaire/q|2","type":"Questionnaire","role":"https://example.org/role"},{"reference":"Patient/anna","role":"https://example.org/mother"}]}`)
	if prepared.status != http.StatusCreated || prepared.text("iss") != s.base || prepared.json["expires_in"] != 300.0 || strings.Contains(prepared.text("launch"), "ben") {
		t.Fatalf("%d %s", prepared.status, prepared.body)
	}
	target, err := url.Parse(prepared.text("url"))
	if err != nil || !strings.HasPrefix(prepared.text("url"), "https://app.example/launch?") || target.Query().Get("iss") != s.base || target.Query().Get("launch") != prepared.text("launch") {
		t.Errorf("%v %v", target, err)
	}
	q := s.ask("scope", ehrScopes, "launch", prepared.text("launch"))

	b := s.browser()
	if p := b.login(b.authorize(q), "doctor"); p.status != http.StatusForbidden || !strings.Contains(p.body, "somebody else") {
		t.Errorf("another person: %d %s", p.status, p.body)
	}
	got := s.tokens(q, "nurse", "")
	for _, name := range []string{"access_token", "expires_in", "id_token", "token_type"} {
		delete(got.json, name)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"scope":"`+ehrScopes+`","patient":"ben","encounter":"e1","intent":"reconcile-medications","need_patient_banner":false,"tenant":"north","smart_style_url":"`+s.root+`/auth/style.json",
		"fhirContext":[{"reference":"ImagingStudy/7"},{"canonical":"http://example.org/Questionnaire/q|2","type":"Questionnaire","role":"https://example.org/role"},{"reference":"Patient/anna","role":"https://example.org/mother"}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.json); diff != "" {
		t.Error(diff)
	}
	if p := s.browser().authorize(q); p.away == nil || p.query.Get("error") != "invalid_request" {
		t.Errorf("the launch works twice: %d %v", p.status, p.away)
	}
	if told := s.told(events.Launch); len(told) != 1 || told[0].Patient != "ben" || told[0].By != "service" || told[0].Login != "nurse" {
		t.Errorf("events %+v", told)
	}
}

func TestLaunchRefusals(t *testing.T) {
	s := newSite(t, nil)
	for name, body := range map[string]string{
		"no client":              `{"patient":"ben"}`,
		"service as client":      `{"client_id":"service"}`,
		"unknown user":           `{"client_id":"public","user":"nobody"}`,
		"patient not the user's": `{"client_id":"public","user":"nurse","patient":"carl"}`,
		"patient with a type":    `{"client_id":"public","patient":"Patient/ben"}`,
		"encounter with a type":  `{"client_id":"public","encounter":"Encounter/1"}`,
		"context without target": `{"client_id":"public","fhirContext":[{"type":"ImagingStudy"}]}`,
		"context that is text":   `{"client_id":"public","fhirContext":["ImagingStudy/7"]}`,
		"absolute reference":     `{"client_id":"public","fhirContext":[{"reference":"https://x.example/fhir/ImagingStudy/7"}]}`,
		"patient in context":     `{"client_id":"public","fhirContext":[{"reference":"Patient/ben"}]}`,
		"encounter, role launch": `{"client_id":"public","fhirContext":[{"reference":"Encounter/1","role":"launch"}]}`,
		"relative role":          `{"client_id":"public","fhirContext":[{"reference":"ImagingStudy/7","role":"other"}]}`,
		"empty role":             `{"client_id":"public","fhirContext":[{"reference":"ImagingStudy/7","role":""}]}`,
		"unknown field":          `{"client_id":"public","pasient":"ben"}`,
		"no JSON":                `x`,
	} {
		if got := s.prepare(body); got.status != http.StatusBadRequest || got.text("error") != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	body := `{"client_id":"public","patient":"ben"}`
	for name, got := range map[string]answered{
		"nobody":        s.post("/auth/launch", "application/json", body),
		"secret":        s.post("/auth/launch", "application/json", body, basic("confidential", s.secret)...),
		"unknown token": s.post("/auth/launch", "application/json", body, bearer("x")...),
		"no right":      s.post("/auth/launch", "application/json", body, bearer(s.service("system/Observation.rs"))...),
	} {
		if got.status != http.StatusUnauthorized && got.status != http.StatusForbidden || got.json["launch"] != nil {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	launch := s.prepare(body).text("launch")
	if p := s.browser().authorize(s.ask("client_id", "other", "redirect_uri", "https://other.example/cb", "launch", launch)); p.query.Get("error") != "invalid_request" {
		t.Errorf("another client's launch: %v", p.away)
	}
	b := s.browser()
	if p := b.login(b.authorize(s.ask("launch", launch)), "anna"); p.query.Get("error") != "access_denied" {
		t.Errorf("who may not open the patient: %d %v", p.status, p.away)
	}
	b = s.browser()
	p := b.login(b.authorize(s.ask("launch", launch)), "nurse").at(t, "/auth/consent")
	s.pass(10 * time.Minute) // longer than the launch waits for its app, but not for the person
	if p := b.send(p, "/auth/consent", "decision", "allow"); p.query.Get("code") == "" {
		t.Errorf("%d %v", p.status, p.away)
	}
	late := s.prepare(body).text("launch")
	s.pass(6 * time.Minute)
	if p := s.browser().authorize(s.ask("launch", late)); p.query.Get("error") != "invalid_request" {
		t.Errorf("after six minutes: %v", p.away)
	}
}
