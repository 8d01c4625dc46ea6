package smart

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/scopes"
	"github.com/firth-health/firth/auth/smart/tokens"
)

// tokenAnswer is the answer of the token endpoint (RFC 6749 section 5.1; SMART App Launch 2.2, app-launch.html#response-5).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	Scope        string `json:"scope"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	tokens.Context
}

// token is the token endpoint.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	form, err := formOf(r)
	if err == nil {
		var answer *tokenAnswer
		if answer, err = s.tokenFor(r, form); err == nil {
			s.answer(w, r, http.StatusOK, answer)
			return
		}
	}
	e := s.event(r, events.TokenRefused)
	e.Failed, e.Detail, e.Client, e.Scope, e.Request = true, asRefusal(err).Error(), printable(form.Get("client_id")), printableText(form.Get("scope")), harmless(form)
	s.tell(r.Context(), e)
	s.fail(w, r, err)
}

// tokenFor answers a form by its grant_type.
func (s *Server) tokenFor(r *http.Request, form url.Values) (*tokenAnswer, error) {
	grant := form.Get("grant_type")
	if grant == "" {
		return nil, refuse(invalidRequest, "grant_type is missing")
	}
	if !slices.Contains(s.metadata().GrantTypes, grant) {
		return nil, refuse(unsupportedGrantType, "grant_type must be authorization_code, refresh_token or client_credentials")
	}
	client, err := s.sender(r, form)
	if err != nil {
		return nil, err
	}
	var issued *tokens.Issued
	e := s.event(r, events.TokenIssued)
	switch grant {
	case "authorization_code":
		issued, err = s.exchange(r, form, client)
	case "refresh_token":
		e.Type = events.TokenRefresh
		if issued, err = s.tokens.Refresh(r.Context(), form.Get("refresh_token"), client.ID, form.Get("scope"), s.boundTo(r, client)); err == nil && issued.Again {
			e.Detail = "the refresh token that took the place of this one a moment ago was given again"
		}
	default:
		issued, err = s.service(r, form, client)
	}
	if err != nil {
		return nil, s.grantRefusal(r, client, err)
	}
	answer := &tokenAnswer{AccessToken: issued.Access, TokenType: "Bearer", ExpiresIn: int(issued.Life.Seconds()), Scope: issued.Scope, RefreshToken: issued.Refresh}
	e.Client, e.Scope, e.TokenID, e.Request = client.ID, issued.Scope, issued.TokenID, harmless(form)
	if a := issued.Authorization; a != nil {
		answer.Context = a.Context
		e.Emergency = a.Emergency != ""
		e.Account, e.Patient, e.Encounter = a.Account, a.Context.Patient, a.Context.Encounter
		if grant == "authorization_code" {
			if answer.IDToken, err = s.idToken(r, issued); err != nil {
				return nil, err
			}
		}
	}
	s.tell(r.Context(), e)
	return answer, nil
}

// sender is the client that sends a form. A client that refreshes without saying who it is, and without a way to prove it that says so, is the one that its token was given to: RFC 6749 section 6 asks
// for no client_id, and widely used libraries send none.
func (s *Server) sender(r *http.Request, form url.Values) (*clients.Client, error) {
	isAnonymous := r.Header.Get("Authorization") == "" && !form.Has("client_id") && !form.Has("client_assertion") && !form.Has("client_assertion_type") && !form.Has("client_secret")
	if form.Get("grant_type") != "refresh_token" || !isAnonymous {
		return s.authenticate(r, form)
	}
	id, err := s.tokens.RefreshClient(r.Context(), form.Get("refresh_token"))
	if errors.Is(err, tokens.ErrGrant) {
		return nil, refuse(invalidGrant, "the refresh token is not valid")
	}
	if err != nil {
		return nil, err
	}
	form.Set("client_id", id)
	return s.authenticate(r, form)
}

// exchange turns a code into tokens.
func (s *Server) exchange(r *http.Request, form url.Values, client *clients.Client) (*tokens.Issued, error) {
	for _, name := range []string{"code", "redirect_uri", "code_verifier"} {
		if form.Get(name) == "" {
			return nil, refuse(invalidRequest, name+" is missing")
		}
	}
	return s.tokens.Exchange(r.Context(), form.Get("code"), tokens.Redemption{Client: client.ID, RedirectURI: form.Get("redirect_uri"), Verifier: form.Get("code_verifier"), Thumbprint: s.boundTo(r, client)})
}

// service issues a token to a client that acts for itself (SMART App Launch 2.2, backend-services.html): scopes are asked for by name, and each must be within what it is registered with.
func (s *Server) service(r *http.Request, form url.Values, client *clients.Client) (*tokens.Issued, error) {
	if !client.HasKeys() {
		return nil, refuse(unauthorizedClient, "client_credentials is for clients that authenticate with keys")
	}
	asked, err := s.o.ParseScopes.Parse(form.Get("scope"))
	if err != nil {
		return nil, scopeRefusal(err)
	}
	if len(asked) == 0 {
		return nil, refuse(invalidScope, "scope is missing")
	}
	allowed, err := client.Allowed()
	if err != nil {
		return nil, err
	}
	for _, scope := range asked {
		if scope.Level != auth.SystemLevel && !scopes.IsRight(scope) {
			return nil, refuse(invalidScope, "client_credentials gives system/ scopes only")
		}
	}
	granted := asked.Intersect(allowed)
	if len(granted) == 0 || !asked.SubsetOf(allowed) {
		return nil, refuse(invalidScope, "the client is not registered for all of these scopes")
	}
	return s.tokens.Service(r.Context(), client.ID, granted.String(), s.boundTo(r, client))
}

// grantRefusal says in OAuth's words what package tokens says.
func (s *Server) grantRefusal(r *http.Request, client *clients.Client, err error) error {
	var reuse *tokens.ReuseError
	if errors.As(err, &reuse) {
		e := s.event(r, events.TokenReuse)
		a := reuse.Authorization
		e.Failed, e.Client, e.Account, e.Patient, e.Scope, e.Detail = true, client.ID, a.Account, a.Context.Patient, a.Scope, "all tokens of the authorization were revoked"
		s.tell(r.Context(), e)
	}
	switch {
	case errors.Is(err, tokens.ErrGrant):
		return refuse(invalidGrant, "the code or refresh token is not valid, or not this client's, or was used before")
	case errors.Is(err, tokens.ErrScope):
		return refuse(invalidScope, "that is more than was granted")
	}
	return scopeRefusal(err)
}
