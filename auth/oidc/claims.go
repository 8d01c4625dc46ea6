package oidc

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/firth-health/firth/auth"
)

// tokenClaims are the claims of a token, or of an answer about one, that mean something here. Some have several names, as providers go.
type tokenClaims struct {
	jwt.Claims

	Scope      words   `json:"scope"`
	ScopeList  words   `json:"scp"`
	Client     string  `json:"client_id"`
	Authorized string  `json:"azp"`
	FHIRUser   string  `json:"fhirUser"`
	Patient    string  `json:"patient"`
	Encounter  string  `json:"encounter"`
	Kind       string  `json:"typ"` // of Keycloak: Bearer, ID, Refresh
	Nonce      *string `json:"nonce"`
	AtHash     *string `json:"at_hash"`
	Confirmed  struct {
		Thumbprint string `json:"x5t#S256"` // RFC 8705 section 3.1
	} `json:"cnf"`
	Extensions struct {
		IUA struct { // IHE ITI-71: https://profiles.ihe.net/ITI/IUA
			SubjectRole  codes `json:"subject_role"`
			PurposeOfUse codes `json:"purpose_of_use"`
		} `json:"ihe_iua"`
	} `json:"extensions"`
}

// isOther reports that the token is an id_token or a refresh token.
func (c *tokenClaims) isOther() bool {
	return c.AtHash != nil || c.Nonce != nil || c.Kind != "" && !strings.EqualFold(c.Kind, "Bearer")
}

// words are given as a list or with spaces between them.
type words []string

// UnmarshalJSON implements [json.Unmarshaler].
func (w *words) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*w = strings.Fields(text)
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// codes are one coding or several.
type codes []auth.Coding

// UnmarshalJSON implements [json.Unmarshaler].
func (c *codes) UnmarshalJSON(data []byte) error {
	type coding struct{ System, Code, Display string }
	var several []coding
	if json.Unmarshal(data, &several) != nil {
		var one coding
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		several = []coding{one}
	}
	for _, one := range several {
		*c = append(*c, auth.Coding(one))
	}
	return nil
}

// breakGlass is the purpose of use of an emergency: https://terminology.hl7.org/CodeSystem-v3-ActReason.html.
const (
	actReason  = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	breakGlass = "BTG"
)

// meaning puts claims into the words of this server.
func (s *Issuers) meaning(c *tokenClaims, handle string) *auth.Claims {
	scope := c.Scope
	if len(scope) == 0 {
		scope = c.ScopeList
	}
	claims := &auth.Claims{
		Issuer: c.Issuer, Subject: c.Subject, Client: c.Client, TokenID: c.ID, Scope: strings.Join(scope, " "), FHIRUser: s.user(c.FHIRUser),
		Patient: idOf("Patient", c.Patient), Encounter: idOf("Encounter", c.Encounter),
		Thumbprint: c.Confirmed.Thumbprint, PurposeOfUse: c.Extensions.IUA.PurposeOfUse, Expires: c.Expiry.Time(),
	}
	for _, role := range c.Extensions.IUA.SubjectRole {
		if role.System != auth.RoleSystem { // only this server makes its administrators
			claims.Roles = append(claims.Roles, role)
		}
	}
	if claims.Client == "" {
		claims.Client = c.Authorized
	}
	if claims.TokenID == "" {
		claims.TokenID = handle
	}
	if c.IssuedAt != nil {
		claims.Issued = c.IssuedAt.Time()
	}
	claims.BreakGlass = slices.ContainsFunc(claims.PurposeOfUse, func(one auth.Coding) bool { return one.System == actReason && one.Code == breakGlass })
	return claims
}

// user is a fhirUser as a relative reference; empty when it is no resource of this server.
func (s *Issuers) user(reference string) string {
	if rest, ours := strings.CutPrefix(reference, s.base); ours {
		reference = rest
	}
	typ, id, ok := strings.Cut(reference, "/")
	if !ok || id == "" || strings.Contains(id, "/") {
		return ""
	}
	switch typ {
	case "Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person":
		return reference
	}
	return ""
}

// idOf is the id that a context parameter has, with or without the type before it.
func idOf(typ, value string) string {
	id := strings.TrimPrefix(value, typ+"/")
	if strings.Contains(id, "/") {
		return ""
	}
	return id
}
