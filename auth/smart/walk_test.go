package smart_test

import (
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/firth-health/firth/auth/smart"
)

// walk is what an app, an EHR and a service met on their ways through one server: what requirements are checked against.
type walk struct {
	*site
	config, openid   answered
	answer           shown    // to the app, of the standalone launch
	standalone       answered // token response
	refreshed        answered
	narrowed         answered // refreshed with fewer scopes
	ehr              answered
	noRefresh        answered
	backend          answered
	introspected     answered // standalone's token
	introspectedEHR  answered
	idClaims         map[string]any
	denied, wrongAud shown
}

const launchContext = `"encounter":"e1","intent":"reconcile-medications","need_patient_banner":false,"tenant":"north","fhirContext":[{"reference":"ImagingStudy/7"},{"reference":"Patient/anna","role":"https://example.org/mother"}]`

func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{site: newSite(t, func(o *smart.Options) {
		o.Registration = true
		var logins atomic.Int64
		o.Remote = func(*http.Request) string { return "host" + strconv.FormatInt(logins.Add(1), 10) } // no brake on one address
	})}
	w.config = w.request(http.MethodGet, "/fhir/.well-known/smart-configuration", "", "Accept", "application/fhir+xml", "Origin", "https://anywhere.example")
	w.openid = w.request(http.MethodGet, "/.well-known/openid-configuration", "")
	w.answer = w.browser().consented(w.ask(), "doctor", "anna")
	w.standalone = w.call("/auth/token", codeForm(w.answer.query.Get("code")), "Origin", "https://app.example")
	w.idClaims, _ = w.verified(w.standalone.text("id_token"))
	by := bearer(w.service("firth/introspection"))
	w.introspected = w.call("/auth/introspect", url.Values{"token": {w.standalone.text("access_token")}}, by...)
	w.refreshed = w.refresh(w.standalone.text("refresh_token"))
	w.narrowed = w.refresh(w.refreshed.text("refresh_token"), "scope", lessScopes)
	w.ehr = w.ehrTokens(ehrScopes)
	w.introspectedEHR = w.call("/auth/introspect", url.Values{"token": {w.ehr.text("access_token")}}, by...)
	w.noRefresh = w.tokens(w.ask("scope", "launch/patient patient/Observation.rs"), "anna", "")
	w.backend = w.call("/auth/token", serviceForm(w.assertion("service", "rsa", nil, nil)))
	b := w.browser()
	w.denied = b.send(b.login(b.authorize(w.ask()), "anna").at(t, "/auth/consent"), "/auth/consent", "decision", "deny")
	w.wrongAud = w.browser().authorize(w.ask("aud", "https://other.example/fhir"))
	return w
}

// ehrTokens are those of an EHR launch with patient ben and a full context.
func (w *walk) ehrTokens(scope string) answered {
	w.site.t.Helper()
	launch := w.prepare(`{"client_id":"public","patient":"ben",` + launchContext + `}`)
	return w.site.tokens(w.ask("scope", scope, "launch", launch.text("launch")), "doctor", "")
}

// capable says whether a capability is declared.
func (w *walk) capable(names ...string) bool {
	for _, name := range names {
		if !w.lists("capabilities", name) {
			return false
		}
	}
	return true
}

// lists says whether an array of smart-configuration has a text.
func (w *walk) lists(field, text string) bool {
	list, _ := w.config.json[field].([]any)
	for _, value := range list {
		if value == text {
			return true
		}
	}
	return false
}

// refusedBackend asks for a token with an assertion that is wrong in some way.
func (w *walk) refusedBackend(change func(map[string]any), changes ...string) answered {
	w.site.t.Helper()
	return w.call("/auth/token", serviceForm(w.assertion("service", "ec", nil, change), changes...))
}
