package smart

import (
	"net/http"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/tokens"
)

// idClaims are the claims of an id_token (OpenID Connect Core 1.0 section 2; SMART App Launch 2.2, scopes-and-launch-context.html#scopes-for-requesting-identity-data).
type idClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	Issued   int64  `json:"iat"`
	LoggedIn int64  `json:"auth_time"`
	Nonce    string `json:"nonce,omitempty"`
	FHIRUser string `json:"fhirUser,omitempty"` // absolute URL
	Profile  string `json:"profile,omitempty"`  // the same, as SMART v1 had it
	Name     string `json:"name,omitempty"`
}

// idToken says who consented, when openid was granted; empty otherwise.
func (s *Server) idToken(r *http.Request, issued *tokens.Issued) (string, error) {
	granted, err := s.o.ParseScopes.Parse(issued.Scope)
	if err != nil || !granted.Has(auth.OpenID) {
		return "", err
	}
	a := issued.Authorization
	account, err := s.accounts.Get(r.Context(), a.Account)
	if err != nil {
		return "", err
	}
	claims := idClaims{
		Issuer: s.issuer, Subject: account.ID, Audience: a.Client, Expires: issued.Expires.Unix(), Issued: issued.Expires.Add(-issued.Life).Unix(), LoggedIn: a.LoggedIn.Unix(), Nonce: a.Nonce,
	}
	if granted.Has(auth.FHIRUser) {
		claims.FHIRUser, claims.Name = s.fhirUser(account.FHIRUser), account.Name
	}
	if granted.Has(auth.Profile) {
		claims.Profile = s.fhirUser(account.FHIRUser)
	}
	return s.keys.Sign(r.Context(), claims)
}

// fhirUser is the absolute URL of who somebody is; empty for nobody.
func (s *Server) fhirUser(reference string) string {
	if reference == "" {
		return ""
	}
	return s.o.BaseURL + "/" + reference
}
