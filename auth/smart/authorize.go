package smart

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/launches"
	"github.com/firth-health/firth/auth/smart/scopes"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/tokens"
)

// Bounds on what a client may have echoed, in bytes.
const (
	maxState = 4096
	maxNonce = 1024
	maxKept  = 1024 // of a parameter, in the audit trail
)

// authorize is the authorization endpoint (RFC 6749 section 4.1.1; SMART App Launch 2.2, app-launch.html#obtain-authorization-code): it takes a request by GET or POST, keeps it, and leads the
// browser to the pages on which a person decides.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	v := &visit{s: s, w: w, r: r}
	q, err := s.parametersOf(r)
	if err == nil && !s.asks.allow(s.o.Remote(r)) {
		err = &refusal{Code: unavailable, Description: "too many requests from this address", status: http.StatusTooManyRequests}
	}
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	client, err := s.redirectable(r, q)
	if err != nil {
		s.refusedAuthorization(r, q, err)
		s.failPage(w, r, err)
		return
	}
	pending, err := s.newRequest(r, q, client)
	if err == nil {
		secret := secrets.New(secrets.Request, pending.Expires)
		id, _ := secrets.ID(secrets.Request, secret)
		if err = s.requests.Create(r.Context(), id, *pending); err == nil {
			v.redirect(v.to("continue", secret))
			return
		}
	}
	s.refusedAuthorization(r, q, err)
	v.redirect(answerURL(q.Get("redirect_uri"), s.errorValues(r, err, q.Get("state"))))
}

// parametersOf reads the parameters of a request, each of which may come once (RFC 6749 section 3.1).
func (s *Server) parametersOf(r *http.Request) (q url.Values, err error) {
	if r.Method == http.MethodPost {
		return formOf(r)
	}
	q, err = url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(invalidRequest, "the parameters cannot be read")
	}
	return q, onlyOnce(q)
}

// formOf reads the form that a request carries.
func formOf(r *http.Request) (url.Values, error) {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(mediaType), "application/x-www-form-urlencoded") {
		return nil, refuse(invalidRequest, "the body must be application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, refuse(invalidRequest, "the form cannot be read")
	}
	return r.PostForm, onlyOnce(r.PostForm)
}

func onlyOnce(q url.Values) error {
	for name, values := range q {
		if len(values) > 1 {
			return refuse(invalidRequest, "a parameter comes more than once: "+printable(name))
		}
	}
	return nil
}

// printable is a name as far as it may be in an error_description (RFC 6749 section 4.1.2.1).
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, name[:min(len(name), 64)])
}

// redirectable finds the client and makes sure that the answer may go where it is to go. Its errors are for the person, never for that address (RFC 6749 section 4.1.2.1).
func (s *Server) redirectable(r *http.Request, q url.Values) (*clients.Client, error) {
	client, err := s.clients.Get(r.Context(), q.Get("client_id"))
	switch {
	case errors.Is(err, clients.ErrUnknown), err == nil && client.Disabled:
		return nil, &refusal{Code: invalidClient, Description: "the app is not registered here", status: http.StatusBadRequest}
	case err != nil:
		return nil, err
	case !client.Redirects(q.Get("redirect_uri")):
		return nil, refuse(invalidRequest, "the address to return to is not one that the app is registered with")
	}
	return client, nil
}

// newRequest verifies a request whose client and redirect URI are good.
func (s *Server) newRequest(r *http.Request, q url.Values, client *clients.Client) (*request, error) {
	switch {
	case q.Get("response_type") == "":
		return nil, refuse(invalidRequest, "response_type is missing")
	case q.Get("response_type") != "code":
		return nil, refuse(unsupportedResponseType, "response_type must be code")
	case q.Has("request") || q.Has("request_uri"):
		return nil, refuse("request_not_supported", "request objects are not supported")
	case q.Has("response_mode") && q.Get("response_mode") != "query":
		return nil, refuse(invalidRequest, "response_mode must be query")
	case q.Get("state") == "":
		return nil, refuse(invalidRequest, "state is missing")
	case len(q.Get("state")) > maxState:
		return nil, refuse(invalidRequest, fmt.Sprintf("state has more than %d bytes", maxState))
	case len(q.Get("nonce")) > maxNonce:
		return nil, refuse(invalidRequest, fmt.Sprintf("nonce has more than %d bytes", maxNonce))
	case strings.TrimSuffix(q.Get("aud"), "/") != s.o.BaseURL:
		return nil, refuse(invalidRequest, "aud must be the FHIR base URL of this server")
	case q.Has("purpose_of_use") && purposeOf(q) == "":
		return nil, refuse(invalidRequest, "purpose_of_use is TREAT, as without it, or ETREAT")
	case q.Get("code_challenge_method") != "S256":
		return nil, refuse(invalidRequest, "code_challenge_method must be S256")
	case !tokens.IsChallenge(q.Get("code_challenge")):
		return nil, refuse(invalidRequest, "code_challenge must be a SHA-256 hash in base64url without padding")
	}
	now := s.o.Clock()
	pending := &request{
		Client: client.ID, RedirectURI: q.Get("redirect_uri"), State: q.Get("state"), Nonce: q.Get("nonce"), Challenge: q.Get("code_challenge"), Purpose: purposeOf(q), Created: now, Expires: now.Add(requestLife),
	}
	if err := prompts(q, pending); err != nil {
		return nil, err
	}
	if err := s.askedScopes(q.Get("scope"), client, pending); err != nil {
		return nil, err
	}
	return pending, s.launched(r, q.Get("launch"), pending)
}

// prompts reads what OpenID Connect lets a client ask of the login (Core 1.0 section 3.1.2.1).
func prompts(q url.Values, pending *request) error {
	prompt := strings.Fields(q.Get("prompt"))
	if slices.Contains(prompt, "none") {
		return refuse(loginRequired, "a person decides at every request")
	}
	if slices.Contains(prompt, "login") {
		pending.LoggedInAfter = pending.Created
	}
	if text := q.Get("max_age"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 32)
		if err != nil || seconds < 0 {
			return refuse(invalidRequest, "max_age must be a number of seconds")
		}
		if after := pending.Created.Add(-time.Duration(seconds) * time.Second); after.After(pending.LoggedInAfter) {
			pending.LoggedInAfter = after
		}
	}
	return nil
}

// askedScopes reads the scopes asked for and leaves out what the client is not registered for.
func (s *Server) askedScopes(text string, client *clients.Client, pending *request) error {
	asked, err := s.o.ParseScopes.Parse(text)
	if err != nil {
		return scopeRefusal(err)
	}
	if scopes.HasLevel(asked, auth.SystemLevel) {
		return refuse(invalidScope, "system/ scopes are given by client_credentials only")
	}
	allowed, err := client.Allowed()
	if err != nil {
		return err
	}
	pending.Asked, pending.Scope = asked.String(), asked.Intersect(allowed).String()
	if pending.Scope == "" {
		return refuse(invalidScope, "none of the scopes is one that the app is registered for")
	}
	return nil
}

// scopeRefusal is invalid_scope for scopes that cannot be understood.
func scopeRefusal(err error) error {
	var malformed *auth.ScopeError
	if errors.As(err, &malformed) {
		return refuse(invalidScope, printableText(malformed.Error()))
	}
	return err
}

// printableText is a sentence as far as it may be in an error_description.
func printableText(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r >= 0x20 && r <= 0x7e && r != '"' && r != '\\' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// launched takes over the context of an EHR launch.
func (s *Server) launched(r *http.Request, token string, pending *request) error {
	if token == "" {
		return nil
	}
	launch, err := s.launches.Get(r.Context(), token, pending.Client)
	if errors.Is(err, launches.ErrNone) {
		return refuse(invalidRequest, "the launch is not valid, or was used, or is too old")
	}
	if err != nil {
		return err
	}
	pending.Launch, pending.Account, pending.Context = token, launch.Account, launch.Context
	return nil
}

// errorValues are the parameters of an error answer, which names the issuer as all do (RFC 9207).
func (s *Server) errorValues(r *http.Request, err error, state string) url.Values {
	known := asRefusal(err)
	s.log(r, known, err)
	values := url.Values{"error": {known.Code}, "error_description": {known.Description}, "iss": {s.issuer}}
	if state != "" {
		values.Set("state", state)
	}
	return values
}

// answerURL adds parameters to a redirect URI, whose own are kept.
func answerURL(redirectURI string, values url.Values) string {
	separator := "?"
	if strings.Contains(redirectURI, "?") {
		separator = "&"
		if strings.HasSuffix(redirectURI, "?") || strings.HasSuffix(redirectURI, "&") {
			separator = ""
		}
	}
	return redirectURI + separator + values.Encode()
}

func (s *Server) refusedAuthorization(r *http.Request, q url.Values, err error) {
	e := s.event(r, events.AuthzRefused)
	e.Failed, e.Detail, e.Client, e.Scope, e.Request = true, asRefusal(err).Error(), printable(q.Get("client_id")), printableText(q.Get("scope")), harmless(q)
	s.tell(r.Context(), e)
}

// harmless is a request as it may be kept: without what could be used or guessed from.
func harmless(q url.Values) string {
	kept := url.Values{}
	for _, name := range []string{"grant_type", "response_type", "client_id", "redirect_uri", "scope", "aud", "code_challenge_method", "purpose_of_use", "client_assertion_type", "token_type_hint"} {
		if q.Has(name) {
			kept.Set(name, q.Get(name)[:min(len(q.Get(name)), maxKept)])
		}
	}
	return kept.Encode()
}

// formTarget is where a form's answer may lead on to, in the words of a Content-Security-Policy: an origin, or an app's scheme.
func formTarget(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return ""
	}
	if u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return u.Scheme + ":"
	}
	return fmt.Sprintf("%s://%s", u.Scheme, u.Host)
}
