package smart

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/scopes"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/tokens"
	"github.com/firth-health/firth/store"
)

// requestLife is how long a person has to log in and decide.
const requestLife = 20 * time.Minute

// request is an authorization request whose person is still deciding.
type request struct {
	Client, RedirectURI, State, Nonce, Challenge string
	Asked                                        string    // scopes
	Scope                                        string    // those that the client is registered for
	Launch                                       string    `json:",omitempty"` // token of an EHR launch; it ends with the request
	Account                                      string    `json:",omitempty"` // who must be logged in; empty: anybody
	LoggedInAfter                                time.Time // when the login must be newer
	Context                                      tokens.Context
	Purpose                                      string `json:",omitempty"` // of use, as the app states it: TREAT, ETREAT
	Emergency                                    string `json:",omitempty"` // why the person breaks the glass; empty: they do not
	EmergencyOf                                  string `json:",omitempty"` // account of that person
	Browser                                      string // hash of the cookie of the browser that took it up first; no other may go on with it
	Created, Expires                             time.Time
}

// pending is a request that this browser is in the middle of.
type pending struct {
	request
	secret, id string
	client     *clients.Client
	asked      auth.Scopes // what the client may have of what it asks
}

var errNotPending = errors.New("no such authorization request")

// pendingRequest finds the request that a page is about, and ties it to the browser. Otherwise it answers and returns nil.
func (v *visit) pendingRequest() *pending {
	p, err := v.findRequest()
	switch {
	case errors.Is(err, errNotPending):
		v.message(http.StatusBadRequest, "This took too long", "Please go back to the app and start again.", "")
		return nil
	case err != nil:
		v.s.failPage(v.w, v.r, err)
		return nil
	}
	if v.account != nil && p.EmergencyOf != v.account.ID {
		p.Emergency = "" // of who was logged in before
	}
	v.pending = p
	return p
}

func (v *visit) findRequest() (*pending, error) {
	secret := v.r.URL.Query().Get("request")
	if v.r.Method == http.MethodPost {
		secret = v.r.PostForm.Get("request")
	}
	id, ok := secrets.ID(secrets.Request, secret)
	if !ok {
		return nil, errNotPending
	}
	ctx := v.r.Context()
	entry, err := v.s.requests.Entry(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !v.s.o.Clock().Before(entry.Value.Expires) {
		return nil, errNotPending
	}
	if err != nil {
		return nil, err
	}
	browser := secrets.Hash(v.browser)
	if entry.Value.Browser == "" {
		entry.Value, err = v.s.requests.Update(ctx, id, func(q *request) error {
			if q.Browser == "" {
				q.Browser = browser
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if subtle.ConstantTimeCompare([]byte(entry.Value.Browser), []byte(browser)) != 1 {
		return nil, errNotPending
	}
	client, err := v.s.clients.Get(ctx, entry.Value.Client)
	if errors.Is(err, clients.ErrUnknown) || err == nil && client.Disabled {
		return nil, errNotPending
	}
	if err != nil {
		return nil, err
	}
	asked, err := v.s.o.ParseScopes.Parse(entry.Value.Scope)
	if err != nil {
		return nil, err
	}
	allowed, err := client.Allowed()
	if err == nil && (!client.Redirects(entry.Value.RedirectURI) || !asked.SubsetOf(allowed)) { // no longer
		err = errNotPending
	}
	return &pending{request: entry.Value, secret: secret, id: id, client: client, asked: asked}, err
}

// needsPatient says whether a patient must be known before anybody consents: the app asks for one, or for access to one patient's record, which needs one
// (scopes-and-launch-context.html#apps-that-launch-from-the-ehr).
func (p *pending) needsPatient() bool {
	return p.asked.Has(auth.LaunchPatient) || scopes.HasLevel(p.asked, auth.PatientLevel)
}

// Pages that a person goes through, in this order.
const (
	stepLogin     = "login"
	stepCode      = "code"
	stepEmergency = "emergency"
	stepPatient   = "patient"
	stepConsent   = "consent"
)

// step is the page that is next.
func (v *visit) step(p *pending) string {
	switch {
	case v.session != nil && v.session.Pending:
		return stepCode
	case v.account == nil || v.session.Begun.Before(p.LoggedInAfter):
		return stepLogin
	case p.Purpose == emergencyTreatment && p.Emergency == "":
		return stepEmergency
	case p.needsPatient() && p.Context.Patient == "":
		return stepPatient
	}
	return stepConsent
}

// proceed leads to the page that is next.
func (v *visit) proceed() {
	p := v.pendingRequest()
	if p == nil {
		return
	}
	v.redirect(v.to(v.step(p), p.secret))
}

// at says whether a page is next; otherwise it leads there. People whom a launch is not for, or who may not open its patient, get no further.
func (v *visit) at(p *pending, step string) bool {
	if next := v.step(p); next != step {
		v.redirect(v.to(next, p.secret))
		return false
	}
	if p.Account != "" && p.Account != v.account.ID {
		v.forSomebodyElse()
		return false
	}
	if p.Context.Patient != "" && !v.mayOpen(p, p.Context.Patient) {
		if v.account.BreakGlass {
			v.redirect(v.to(stepEmergency, p.secret))
			return false
		}
		v.refuse(p, refuse(accessDenied, "the person may not open the record of this patient"))
		return false
	}
	return true
}

func (v *visit) forSomebodyElse() {
	v.message(http.StatusForbidden, "This is for somebody else", "The app was opened for another person. Sign out below, then open it again.", "")
}

// refuse ends a request with an error for the app.
func (v *visit) refuse(p *pending, err error) {
	v.s.refusedAuthorization(v.r, url.Values{"client_id": {p.Client}, "scope": {p.Asked}, "redirect_uri": {p.RedirectURI}}, err)
	v.end(p, err)
}

// end leads back to the app with an error.
func (v *visit) end(p *pending, err error) {
	if _, err := v.s.requests.Delete(v.r.Context(), p.id); err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.redirect(answerURL(p.RedirectURI, v.s.errorValues(v.r, err, p.State)))
}
