package smart

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/pages"
	"github.com/firth-health/firth/fhir"
)

const (
	patientsShown = 20
	maxQuery      = 100 // bytes of what is searched for
)

// patientData is what the page for choosing a patient shows.
type patientData struct {
	App, Query string
	Searchable bool // the person may open many records
	Patients   []Patient
	More       bool

	MayBreakGlass bool
}

// showPatients shows patients to choose from: those whose records the person may open.
func (v *visit) showPatients() {
	p := v.pendingRequest()
	if p == nil || !v.at(p, stepPatient) {
		return
	}
	own := v.account.OwnPatients()
	if !v.opensAny(p) {
		switch {
		case v.account.BreakGlass: // may want another patient
		case len(own) == 0:
			v.refuse(p, refuse(accessDenied, "the person may open no patient's record"))
			return
		case len(own) == 1:
			v.choose(p, own[0])
			return
		}
	}
	v.patients(p, http.StatusOK, "")
}

func (v *visit) patients(p *pending, status int, problem string) {
	query := strings.TrimSpace(v.r.FormValue("q"))
	query = query[:min(len(query), maxQuery)]
	data := patientData{App: p.client.Name, Query: query, Searchable: v.opensAny(p), MayBreakGlass: v.account.BreakGlass && p.Emergency == ""}
	var err error
	if data.Searchable {
		data.Patients, data.More, err = v.s.findPatients(v.r.Context(), query)
	} else {
		data.Patients, err = v.s.ownPatients(v.r.Context(), v.account)
	}
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.tellShown(p, query, data.Patients)
	v.page(status, pages.Patient, pages.View{Title: "Choose a patient", Problem: problem, Data: data})
}

// tellShown tells which patients somebody is shown, and what was searched for.
func (v *visit) tellShown(p *pending, query string, shown []Patient) {
	e := v.s.event(v.r, events.PatientsShown)
	e.Client, e.Account, e.Login, e.FHIRUser = p.Client, v.account.ID, v.account.Login, v.account.FHIRUser
	parameters := url.Values{}
	if query != "" {
		parameters.Set("name", query)
	}
	for i := range shown {
		e.Patients = append(e.Patients, shown[i].ID)
	}
	if !v.account.AnyPatient() {
		parameters.Set("_id", strings.Join(e.Patients, ","))
	}
	if e.Request = "Patient"; len(parameters) > 0 {
		e.Request += "?" + parameters.Encode()
	}
	v.s.tell(v.r.Context(), e)
}

func (s *Server) findPatients(ctx context.Context, query string) (list []Patient, more bool, err error) {
	if s.o.Patients == nil {
		return nil, false, nil
	}
	list, err = s.o.Patients.Find(ctx, query, patientsShown+1)
	if err != nil {
		return nil, false, err
	}
	if fhir.IsID(query) {
		one, err := s.o.Patients.Get(ctx, query)
		if err == nil {
			list = append([]Patient{*one}, list...)
		} else if !errors.Is(err, ErrNoPatient) {
			return nil, false, err
		}
	}
	more = len(list) > patientsShown
	return list[:min(len(list), patientsShown)], more, nil
}

func (s *Server) ownPatients(ctx context.Context, account *accounts.Account) (list []Patient, err error) {
	for _, id := range account.OwnPatients() {
		one, err := s.patient(ctx, id)
		if errors.Is(err, ErrNoPatient) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, *one)
	}
	return list, nil
}

// patient returns a patient; when nobody can be asked, one of whom only the id is known.
func (s *Server) patient(ctx context.Context, id string) (*Patient, error) {
	if !fhir.IsID(id) {
		return nil, ErrNoPatient
	}
	if s.o.Patients == nil {
		return &Patient{ID: id}, nil
	}
	return s.o.Patients.Get(ctx, id)
}

// choosePatient takes the choice.
func (v *visit) choosePatient() {
	p := v.pendingRequest()
	if p == nil || !v.at(p, stepPatient) {
		return
	}
	v.choose(p, v.r.PostForm.Get("patient"))
}

func (v *visit) choose(p *pending, id string) {
	ctx := v.r.Context()
	_, err := v.s.patient(ctx, id)
	if err == nil && !v.mayOpen(p, id) {
		err = ErrNoPatient
	}
	if errors.Is(err, ErrNoPatient) {
		if own := v.account.OwnPatients(); !v.opensAny(p) && !v.account.BreakGlass && len(own) == 1 {
			v.refuse(p, refuse(accessDenied, "the patient that the person is has no record here"))
			return
		}
		v.patients(p, http.StatusBadRequest, "This patient cannot be chosen.")
		return
	}
	if err == nil {
		_, err = v.s.requests.Update(ctx, p.id, func(q *request) error {
			q.Context.Patient = id
			return nil
		})
	}
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.redirect(v.to("continue", p.secret))
}
