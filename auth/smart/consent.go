package smart

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/launches"
	"github.com/firth-health/firth/auth/smart/pages"
	"github.com/firth-health/firth/auth/smart/scopes"
	"github.com/firth-health/firth/auth/smart/sessions"
	"github.com/firth-health/firth/auth/smart/tokens"
)

// scopeData is one scope on the page for consenting.
type scopeData struct {
	Text string
	scopes.Description
}

// consentData is what the page for consenting shows.
type consentData struct {
	App, Website, Patient, Encounter string
	Unverified                       bool
	Emergency                        string // why the glass is broken
	MayBreakGlass                    bool
	Scopes, Refused                  []scopeData
}

// offered are the scopes that a person can give: those that the client is registered for and the account allows, and context only where there is some.
func (v *visit) offered(p *pending) (auth.Scopes, error) {
	allowed, err := v.account.Allowed()
	if err != nil {
		return nil, err
	}
	return scopes.Without(p.asked.Intersect(allowed), func(s auth.Scope) bool {
		switch s.Name {
		case auth.Launch:
			return p.Launch == ""
		case auth.LaunchPatient:
			return p.Context.Patient == ""
		case auth.LaunchEncounter:
			return p.Context.Encounter == ""
		case auth.OfflineAccess, auth.OnlineAccess:
			return p.Emergency != ""
		}
		return false
	}), nil
}

// showConsent lists what the app may do, one by one.
func (v *visit) showConsent() {
	p := v.pendingRequest()
	if p == nil || !v.at(p, stepConsent) {
		return
	}
	v.consentPage(p, http.StatusOK, "")
}

func (v *visit) consentPage(p *pending, status int, problem string) {
	offered, err := v.offered(p)
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	asked, err := v.s.o.ParseScopes.Parse(p.Asked)
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	data := consentData{App: p.client.Name, Website: p.client.Website, Encounter: p.Context.Encounter, Unverified: p.client.Dynamic, Emergency: p.Emergency, MayBreakGlass: v.account.BreakGlass && p.Emergency == ""}
	for _, scope := range offered {
		if !scopes.IsLaunch(scope) {
			data.Scopes = append(data.Scopes, scopeData{Text: scope.String(), Description: scopes.Describe(scope)})
		}
	}
	for _, scope := range asked {
		if !scopes.IsLaunch(scope) && !offered.Cover(scope) {
			data.Refused = append(data.Refused, scopeData{Text: scope.String(), Description: scopes.Describe(scope)})
		}
	}
	if len(data.Scopes) == 0 {
		v.refuse(p, refuse(accessDenied, "nothing of what the app asks for can be given by this person"))
		return
	}
	if p.Context.Patient != "" {
		patient, err := v.s.patient(v.r.Context(), p.Context.Patient)
		switch {
		case errors.Is(err, ErrNoPatient):
			v.refuse(p, refuse(accessDenied, "the patient has no record here"))
			return
		case err != nil:
			v.s.failPage(v.w, v.r, err)
			return
		}
		e := v.s.event(v.r, events.PatientShown)
		e.Client, e.Account, e.Login, e.FHIRUser, e.Patient = p.Client, v.account.ID, v.account.Login, v.account.FHIRUser, patient.ID
		v.s.tell(v.r.Context(), e)
		data.Patient = patient.Name
		if patient.Name == "" {
			data.Patient = patient.ID
		} else if patient.BirthDate != "" {
			data.Patient += ", born " + patient.BirthDate
		}
	}
	v.page(status, pages.Consent, pages.View{Title: p.client.Name + " asks for access", Problem: problem, Wide: true, Data: data})
}

// consent takes the decision.
func (v *visit) consent() {
	p := v.pendingRequest()
	if p == nil {
		return
	}
	if v.r.PostForm.Get("decision") != "allow" {
		v.denied(p)
		return
	}
	if !v.at(p, stepConsent) {
		return
	}
	offered, err := v.offered(p)
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	chosen := v.r.PostForm["scope"]
	granted := scopes.Without(offered, func(s auth.Scope) bool { return !scopes.IsLaunch(s) && !slices.Contains(chosen, s.String()) })
	if granted.Has(auth.OfflineAccess) {
		granted = scopes.Without(granted, func(s auth.Scope) bool { return s.Name == auth.OnlineAccess })
	}
	if !slices.ContainsFunc(granted, func(s auth.Scope) bool {
		return !scopes.IsLaunch(s) && s.Name != auth.OfflineAccess && s.Name != auth.OnlineAccess
	}) {
		v.consentPage(p, http.StatusBadRequest, "Choose at least one thing that the app may do, or deny.")
		return
	}
	v.grant(p, granted)
}

func (v *visit) denied(p *pending) {
	e := v.s.event(v.r, events.ConsentDenied)
	e.Failed, e.Client, e.Scope, e.Patient = true, p.Client, p.Asked, p.Context.Patient
	if v.account != nil {
		e.Account, e.Login, e.FHIRUser = v.account.ID, v.account.Login, v.account.FHIRUser
	}
	v.s.tell(v.r.Context(), e)
	v.end(p, refuse(accessDenied, "the person denied the request"))
}

// grant gives the app a code. The request is deleted first, on the condition that nobody did before: a form sent twice gives one code.
func (v *visit) grant(p *pending, granted auth.Scopes) {
	ctx := v.r.Context()
	deleted, err := v.s.requests.Delete(ctx, p.id)
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	if !deleted {
		v.message(http.StatusBadRequest, "This was decided already", "Please go back to the app.", "")
		return
	}
	if p.Launch != "" {
		if err := v.s.launches.Use(ctx, p.Launch); err != nil {
			if errors.Is(err, launches.ErrNone) {
				err = refuse(invalidRequest, "the launch was used before")
			}
			v.refuse(p, err)
			return
		}
	}
	if err := v.s.clients.Used(ctx, p.client); err != nil {
		if errors.Is(err, clients.ErrUnknown) {
			err = refuse(unauthorizedClient, "the app is no longer registered")
		}
		v.refuse(p, err)
		return
	}
	a := tokens.Authorization{
		Client: p.Client, Account: v.account.ID, Session: sessions.ID(v.secret), Scope: granted.String(), Context: v.s.contextOf(p), Nonce: p.Nonce, Emergency: p.Emergency, LoggedIn: v.session.Begun,
	}
	code, err := v.s.tokens.Authorize(ctx, a, p.RedirectURI, p.Challenge)
	if err != nil {
		v.refuse(p, err)
		return
	}
	e := v.s.event(v.r, events.Consent)
	e.Client, e.Account, e.Login, e.FHIRUser, e.Patient, e.Encounter, e.Scope = p.Client, v.account.ID, v.account.Login, v.account.FHIRUser, p.Context.Patient, p.Context.Encounter, a.Scope
	if p.Emergency != "" {
		e.Emergency, e.Detail = true, "emergency access: "+p.Emergency
	}
	v.s.tell(ctx, e)
	v.redirect(answerURL(p.RedirectURI, url.Values{"code": {code}, "state": {p.State}, "iss": {v.s.issuer}}))
}

// contextOf is the launch context that goes with the tokens of a request.
func (s *Server) contextOf(p *pending) tokens.Context {
	c := p.Context
	if c.Patient != "" && c.NeedPatientBanner == nil {
		needed := true // a window of its own shows nothing of the patient but what the app does
		c.NeedPatientBanner = &needed
	}
	if c.Tenant == "" {
		c.Tenant = s.o.Tenant
	}
	c.SmartStyleURL = s.url("/auth/style.json")
	return c
}
