package smart

import (
	"errors"
	"net/http"
	"strings"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/scopes"
	"github.com/firth-health/firth/auth/smart/tokens"
)

// introspection is what is said of a token that is good (RFC 7662 section 2.2; SMART App Launch 2.2, token-introspection.html): what was in the token response, and of an id_token who it was.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	Client    string `json:"client_id,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	Issued    int64  `json:"iat,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Audience  string `json:"aud,omitempty"`
	ID        string `json:"jti,omitempty"`
	FHIRUser  string `json:"fhirUser,omitempty"`

	Confirmed  *confirmation `json:"cnf,omitempty"`
	Extensions *extensions   `json:"extensions,omitempty"`
	tokens.Context
}

// confirmation is the certificate that who uses a token must show (RFC 8705 section 3.2).
type confirmation struct {
	Thumbprint string `json:"x5t#S256"`
}

// extensions are what IHE IUA adds (ITI-102, https://profiles.ihe.net/ITI/IUA).
type extensions struct {
	IUA struct {
		PurposeOfUse []code `json:"purpose_of_use"`
	} `json:"ihe_iua"`
}

type code struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

// introspect is the introspection endpoint. A client may ask about its own tokens; about those of others, who has the right firth/introspection, as a client or in a bearer token.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	form, err := formOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	caller, all, err := s.introspector(r, form)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if form.Get("token") == "" {
		s.fail(w, r, refuse(invalidRequest, "token is missing"))
		return
	}
	authorization, claims, err := s.tokens.Inspect(r.Context(), form.Get("token"))
	if errors.Is(err, auth.ErrToken) || err == nil && !all && claims.Client != caller {
		s.answer(w, r, http.StatusOK, introspection{})
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	e := s.event(r, events.Introspect)
	e.Client, e.TokenID, e.Patient, e.Emergency, e.Detail = caller, claims.TokenID, claims.Patient, claims.BreakGlass, "token of "+claims.Client
	s.tell(r.Context(), e)
	s.answer(w, r, http.StatusOK, s.introspection(authorization, claims))
}

func (s *Server) introspection(a *tokens.Authorization, c *auth.Claims) introspection {
	answer := introspection{
		Active: true, Scope: c.Scope, Client: c.Client, TokenType: "Bearer", Expires: c.Expires.Unix(), Issued: c.Issued.Unix(), Issuer: c.Issuer, Subject: c.Subject, Audience: s.o.BaseURL, ID: c.TokenID,
	}
	if c.Thumbprint != "" {
		answer.Confirmed = &confirmation{c.Thumbprint}
	}
	if len(c.PurposeOfUse) > 0 {
		answer.Extensions = &extensions{}
		for _, purpose := range c.PurposeOfUse {
			answer.Extensions.IUA.PurposeOfUse = append(answer.Extensions.IUA.PurposeOfUse, code{purpose.System, purpose.Code})
		}
	}
	if a != nil {
		answer.Context = a.Context
		if granted, err := s.o.ParseScopes.Parse(a.Scope); err == nil && (granted.Has(auth.FHIRUser) || granted.Has(auth.Profile)) {
			answer.FHIRUser = s.fhirUser(c.FHIRUser)
		}
	}
	return answer
}

// introspector says who asks, and whether about tokens of any client.
func (s *Server) introspector(r *http.Request, form map[string][]string) (client string, all bool, err error) {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		claims, err := s.bearer(r, token, scopes.Introspection)
		if err != nil {
			return "", false, err
		}
		return claims.Client, true, nil
	}
	caller, err := s.authenticate(r, form)
	if err != nil {
		return "", false, err
	}
	if caller.Type == clients.Public {
		return "", false, refuse(invalidClient, "the client must authenticate")
	}
	allowed, err := caller.Allowed()
	if err != nil {
		return "", false, err
	}
	return caller.ID, caller.Scopes != "" && allowed.Has(scopes.Introspection), nil
}

// bearer returns what a bearer token says when it has a right (RFC 6750 section 3.1).
func (s *Server) bearer(r *http.Request, token, right string) (*auth.Claims, error) {
	claims, err := s.tokens.Lookup(r.Context(), strings.TrimSpace(token))
	if errors.Is(err, auth.ErrToken) || err == nil && !claims.IsShownBy(s.thumbprint(r)) {
		return nil, &refusal{Code: "invalid_token", Description: "the access token is not valid", status: http.StatusUnauthorized}
	}
	if err != nil {
		return nil, err
	}
	granted, err := s.o.ParseScopes.Parse(claims.Scope)
	if err != nil {
		return nil, err
	}
	if !granted.Has(right) {
		return nil, &refusal{Code: "insufficient_scope", Description: "the access token lacks the scope " + right, status: http.StatusForbidden}
	}
	return claims, nil
}
