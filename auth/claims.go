package auth

import "time"

// Claims is what an access token says, whoever issued it. Nothing in it is secret: it may be audited, but for patient identities it is not logged.
type Claims struct {
	Issuer  string // absolute URL of who issued the token
	Subject string // of the user, or of the client when it acts for itself; unique within the issuer
	Client  string // client_id
	TokenID string // names the token without being of use to who reads it: its jti, or a handle

	Scope     string // space-separated, as granted
	FHIRUser  string // relative reference, e.g. Practitioner/1; empty when the user is no resource
	Patient   string // id of the patient in context; empty for none
	Encounter string // id of the encounter in context; empty for none

	Thumbprint string // x5t#S256 of the certificate that who uses the token must show (RFC 8705 section 3); empty for a token that is good for whoever has it

	PurposeOfUse []Coding // why, as stated by who uses the token
	Roles        []Coding // of the user
	BreakGlass   bool     // consent and care team are overridden in an emergency; audited as such

	Issued, Expires time.Time
}

// IsShownBy says whether who showed a certificate with a thumbprint, or none with "", may use the token.
func (c *Claims) IsShownBy(thumbprint string) bool {
	return c.Thumbprint == "" || c.Thumbprint == thumbprint
}

// EmergencyTreatment is the purpose of use of a person who breaks the glass (v3-ActReason).
func EmergencyTreatment() Coding {
	return Coding{System: "http://terminology.hl7.org/CodeSystem/v3-ActReason", Code: "ETREAT", Display: "Emergency Treatment"}
}

// Coding is a code of a system.
type Coding struct{ System, Code, Display string }
