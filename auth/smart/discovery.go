package smart

import (
	"net/http"
	"slices"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/scopes"
)

// Endpoints are the addresses of the authorization server, for documents that name them, such as the CapabilityStatement.
type Endpoints struct{ Authorize, Token, Introspect, Revoke, Register, Manage, JWKS string }

// Endpoints returns the addresses; Register is empty when clients cannot register themselves.
func (s *Server) Endpoints() Endpoints {
	e := Endpoints{
		Authorize: s.url("/auth/authorize"), Token: s.url("/auth/token"), Introspect: s.url("/auth/introspect"), Revoke: s.url("/auth/revoke"), Manage: s.url("/auth/account"), JWKS: s.url("/auth/jwks"),
	}
	if s.o.Registration {
		e.Register = s.url("/auth/register")
	}
	return e
}

// Capabilities are those of SMART App Launch 2.2, conformance.html#capabilities, that the server has.
func Capabilities() []string {
	return []string{
		"launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect",
		"context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient",
		"permission-offline", "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
	}
}

func scopesSupported() []string {
	return []string{
		auth.OpenID, auth.FHIRUser, auth.Profile, auth.Launch, auth.LaunchPatient, auth.LaunchEncounter, auth.OfflineAccess, auth.OnlineAccess,
		"patient/*.cruds", "patient/*.rs", "patient/*.read", "patient/*.write", "patient/*.*", "user/*.cruds", "user/*.rs", "user/*.read", "user/*.write", "user/*.*", "system/*.cruds", "system/*.rs", "system/*.read", "system/*.*",
		scopes.Introspection,
	}
}

// algorithms are those of client assertions.
func algorithms() []string { return []string{"RS384", "ES384"} }

// metadata is what smart-configuration and openid-configuration have in common (RFC 8414).
type metadata struct {
	Issuer                       string   `json:"issuer"`
	JWKS                         string   `json:"jwks_uri"`
	Authorization                string   `json:"authorization_endpoint"`
	Token                        string   `json:"token_endpoint"`
	Introspection                string   `json:"introspection_endpoint"`
	Revocation                   string   `json:"revocation_endpoint"`
	Registration                 string   `json:"registration_endpoint,omitempty"`
	GrantTypes                   []string `json:"grant_types_supported"`
	ResponseTypes                []string `json:"response_types_supported"`
	ResponseModes                []string `json:"response_modes_supported"`
	Scopes                       []string `json:"scopes_supported"`
	ChallengeMethods             []string `json:"code_challenge_methods_supported"`
	TokenAuthMethods             []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms          []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods     []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgorithms  []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods        []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgorithms     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	CertificateBound             bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"` // RFC 8705 section 3.3
	ClaimsParameterSupported     bool     `json:"claims_parameter_supported"`
	RequestParameterSupported    bool     `json:"request_parameter_supported"`
	RequestURIParameterSupported bool     `json:"request_uri_parameter_supported"`
	IssuerInAnswers              bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

func (s *Server) metadata() metadata {
	e := s.Endpoints()
	confidential := []string{"client_secret_basic", "private_key_jwt"}
	if s.o.Certificate != nil {
		confidential = append(confidential, "tls_client_auth", "self_signed_tls_client_auth")
	}
	confidential = slices.Clip(confidential)
	return metadata{
		CertificateBound: s.o.Certificate != nil,
		Issuer:           s.issuer, JWKS: e.JWKS, Authorization: e.Authorize, Token: e.Token, Introspection: e.Introspect, Revocation: e.Revoke, Registration: e.Register,
		GrantTypes:    []string{"authorization_code", "refresh_token", "client_credentials"},
		ResponseTypes: []string{"code"}, ResponseModes: []string{"query"}, Scopes: scopesSupported(), ChallengeMethods: []string{"S256"},
		TokenAuthMethods: append(confidential, "none"), TokenAuthAlgorithms: algorithms(),
		IntrospectionAuthMethods: confidential, IntrospectionAuthAlgorithms: algorithms(),
		RevocationAuthMethods: append(confidential, "none"), RevocationAuthAlgorithms: algorithms(),
		IssuerInAnswers: true,
	}
}

// smartConfiguration is SMART App Launch 2.2, conformance.html#using-well-known: JSON whatever is accepted.
func (s *Server) smartConfiguration(w http.ResponseWriter, r *http.Request) {
	s.keepable(w)
	s.send(w, r, http.StatusOK, struct {
		metadata
		Management      string     `json:"management_endpoint"`
		Capabilities    []string   `json:"capabilities"`
		BrandBundle     string     `json:"user_access_brand_bundle"`
		BrandIdentifier identifier `json:"user_access_brand_identifier"`
		Associated      []struct {
			URL          string   `json:"url"`
			Capabilities []string `json:"capabilities"`
		} `json:"associated_endpoints,omitempty"`
	}{metadata: s.metadata(), Management: s.url("/auth/account"), Capabilities: Capabilities(), BrandBundle: s.url("/auth/brands.json"), BrandIdentifier: s.brands.primary})
}

// openIDConfiguration is OpenID Connect Discovery 1.0 section 4.
func (s *Server) openIDConfiguration(w http.ResponseWriter, r *http.Request) {
	s.keepable(w)
	s.send(w, r, http.StatusOK, struct {
		metadata
		Subjects   []string `json:"subject_types_supported"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Claims     []string `json:"claims_supported"`
	}{metadata: s.metadata(), Subjects: []string{"public"}, Algorithms: []string{"RS256"}, Claims: []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "profile", "name"}})
}

// jwks publishes the keys that verify id_tokens.
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	set, err := s.keys.Public(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.keepable(w)
	s.send(w, r, http.StatusOK, set)
}

// keepable lets an answer be kept for a while, but less than keys are published ahead.
func (s *Server) keepable(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "public, max-age=300")
}
