package smart_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth/smart/events"
)

// Which patients somebody was shown to choose from, and whose name on the page for consenting, is told.
func TestPatientsShown(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	choice := b.login(b.authorize(s.ask()), "doctor").at(t, "/auth/patient")
	searched := b.get("/auth/patient?" + url.Values{"request": {choice.form(t, "/auth/patient").Get("request")}, "q": {"Ben"}}.Encode())
	b.send(searched, "/auth/patient", "patient", "ben").at(t, "/auth/consent")
	type shown struct {
		Type     events.Type
		Login    string
		Client   string
		Patient  string
		Patients []string
		Request  string
	}
	var got []shown
	for _, of := range []events.Type{events.PatientsShown, events.PatientShown} {
		for _, e := range s.told(of) {
			got = append(got, shown{e.Type, e.Login, e.Client, e.Patient, e.Patients, e.Request})
		}
	}
	want := []shown{
		{events.PatientsShown, "doctor", "public", "", []string{"anna", "ben", "carl"}, "Patient"},
		{events.PatientsShown, "doctor", "public", "", []string{"ben"}, "Patient?name=Ben"},
		{events.PatientShown, "doctor", "public", "ben", nil, ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
