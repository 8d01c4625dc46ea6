package accounts

import (
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/scopes"
	"github.com/firth-health/firth/fhir"
)

// Account is one person who may log in.
type Account struct {
	ID       string // subject of tokens; never used again
	Login    string // name to log in with, in lower case
	Name     string // shown on pages
	FHIRUser string // relative reference to the resource that the person is: Practitioner/1. Empty: none, and no app gets the scope fhirUser

	// Patients are the ids whose records the person may open. A Patient may always open their own; Practitioners, PractitionerRoles and administrators may open all when the list is empty.
	Patients []string `json:",omitempty"`

	Roles         []auth.Coding `json:",omitempty"` // go into tokens, for policies and audit
	Scopes        string        `json:",omitempty"` // the most that apps get on the person's behalf; empty: what Allowed says
	Administrator bool          `json:",omitempty"` // may administer accounts, clients and adapters
	BreakGlass    bool          `json:",omitempty"` // may, in an emergency, open any record for a short time, past Consents and the list of patients; each time with a reason that is recorded
	Disabled      bool          `json:",omitempty"` // cannot log in; tokens are void

	HasPassword, HasTOTP bool
	Created, Changed     time.Time
}

// Errors of this package. ErrWrong is the same for an unknown name, a wrong password and a disabled account.
var (
	ErrWrong   = errors.New("name, password or code is not right")
	ErrExists  = errors.New("an account with this name exists")
	ErrUnknown = errors.New("no such account")
	ErrLink    = errors.New("the link is not valid, or was used, or is too old")
	ErrInvalid = errors.New("not a valid account")
)

// LockedError says that an account takes no password until an instant, because of failures before.
type LockedError struct{ Until time.Time }

func (e *LockedError) Error() string { return "locked after several failures" }

// record is an account as it is stored.
type record struct {
	Account
	Password    string `json:",omitempty"` // Argon2id
	TOTP        []byte `json:",omitempty"` // sealed
	PendingTOTP []byte `json:",omitempty"` // sealed, not yet confirmed
	LastTOTP    int64  `json:",omitempty"` // step of the last code used
	Epoch       int    // counts changes of the password; links and sessions of earlier ones are void
}

func (r *record) public() *Account {
	a := r.Account
	a.HasPassword, a.HasTOTP = r.Password != "", len(r.TOTP) > 0
	return &a
}

// userType is the type of the resource that a person is, or empty.
func (a *Account) userType() string {
	typ, _, _ := strings.Cut(a.FHIRUser, "/")
	return typ
}

// own returns the id of the Patient that the person is, or empty.
func (a *Account) own() string {
	if id, ok := strings.CutPrefix(a.FHIRUser, "Patient/"); ok {
		return id
	}
	return ""
}

// AnyPatient says that the person may open the record of every patient.
func (a *Account) AnyPatient() bool {
	switch a.userType() {
	case "Practitioner", "PractitionerRole":
		return len(a.Patients) == 0
	case "":
		return len(a.Patients) == 0 && a.Administrator
	}
	return false
}

// OwnPatients returns the ids of the patients whose records the person may open, when not any.
func (a *Account) OwnPatients() []string {
	ids := slices.Clone(a.Patients)
	if own := a.own(); own != "" && !slices.Contains(ids, own) {
		ids = append([]string{own}, ids...)
	}
	return ids
}

// MayOpen says whether the person may open a patient's record.
func (a *Account) MayOpen(patient string) bool {
	return a.AnyPatient() || slices.Contains(a.OwnPatients(), patient)
}

// Scopes that accounts allow when nothing else was set for them.
const (
	contextScopes       = "openid fhirUser profile launch launch/patient launch/encounter offline_access online_access"
	patientScopes       = contextScopes + " patient/*.cruds"
	userScopes          = patientScopes + " user/*.cruds"
	administratorScopes = " " + auth.AdapterAdministration + " " + auth.AccountAdministration + " " + scopes.Introspection + " user/AuditEvent.rs"
)

// Allowed returns the most that apps get on the person's behalf: Scopes, or else patient/ scopes, and user/ scopes when no list of patients narrows them. Identity and context are always
// allowed, fhirUser to who is a resource (SMART App Launch 2.2, scopes-and-launch-context.html#scopes-for-requesting-identity-data).
func (a *Account) Allowed() (auth.Scopes, error) {
	text := contextScopes + " " + a.Scopes
	switch {
	case a.Scopes != "":
	case len(a.Patients) == 0:
		text = userScopes
	default:
		text = patientScopes
	}
	if a.Administrator {
		text += administratorScopes
	}
	list, err := scopes.Parser(auth.ParseScopes).Parse(text)
	if err != nil {
		return nil, err
	}
	if a.FHIRUser == "" {
		list = slices.DeleteFunc(list, func(s auth.Scope) bool { return s.Name == auth.FHIRUser || s.Name == auth.Profile })
	}
	return list, nil
}

// loginName is the form in which names are kept and compared.
func loginName(text string) string { return strings.ToLower(strings.TrimSpace(norm.NFKC.String(text))) }

const maxLogin = 128

func (a *Account) check() error {
	switch {
	case a.Login == "" || len(a.Login) > maxLogin || strings.ContainsFunc(a.Login, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.Join(ErrInvalid, errors.New("the name must have 1 to 128 characters and no spaces"))
	case a.FHIRUser != "" && !isUser(a.FHIRUser):
		return errors.Join(ErrInvalid, errors.New("the user's resource must be a Patient, Practitioner, PractitionerRole, RelatedPerson or Person, such as Practitioner/1"))
	case slices.ContainsFunc(a.Patients, func(id string) bool { return !fhir.IsID(id) }):
		return errors.Join(ErrInvalid, errors.New("patients are given by their ids"))
	}
	if typ := a.userType(); a.BreakGlass && (typ == "Patient" || typ == "RelatedPerson") {
		return errors.Join(ErrInvalid, errors.New("emergency access is for those who treat, not for a Patient or RelatedPerson"))
	}
	if slices.ContainsFunc(a.Roles, func(c auth.Coding) bool { return c.System == auth.RoleSystem }) {
		return errors.Join(ErrInvalid, errors.New("roles of this server follow from what the account is"))
	}
	_, err := a.Allowed()
	return err
}

// TokenRoles are the roles that go into tokens: Roles, and for administrators the one that says so.
func (a *Account) TokenRoles() []auth.Coding {
	roles := slices.Clone(a.Roles)
	if a.Administrator {
		roles = append(roles, auth.Coding{System: auth.RoleSystem, Code: auth.RoleAdministrator, Display: "Administrator"})
	}
	return roles
}

func isUser(reference string) bool {
	typ, id, ok := strings.Cut(reference, "/")
	return ok && fhir.IsID(id) && slices.Contains([]string{"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"}, typ)
}
