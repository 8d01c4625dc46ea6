package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/search"
)

// Level says whose access a resource scope is about; it is the word before the slash.
type Level string

// The levels of resource scopes.
const (
	PatientLevel Level = "patient" // of the patient in context
	UserLevel    Level = "user"    // of the user who is logged in
	SystemLevel  Level = "system"  // of the client, without a user
)

// AnyType stands for all resource types in a scope, but for AuditEvent, which must be named.
const AnyType = "*"

// Scopes that are about no resource.
const (
	OpenID          = "openid"
	FHIRUser        = "fhirUser"
	Profile         = "profile" // fhirUser, as SMART v1 had it
	Launch          = "launch"
	LaunchPatient   = "launch/patient"
	LaunchEncounter = "launch/encounter"
	OfflineAccess   = "offline_access"
	OnlineAccess    = "online_access"

	// Of Firth's own API beside the FHIR base.
	AdapterAdministration = "firth/adapters" // register, publish and change adapters
	AccountAdministration = "firth/accounts" // users, clients, and launches on their behalf
)

func otherScopes() []string {
	return []string{OpenID, FHIRUser, Profile, Launch, LaunchPatient, LaunchEncounter, OfflineAccess, OnlineAccess, AdapterAdministration, AccountAdministration}
}

// Bounds of a scope parameter.
const (
	maxScopeText   = 16_384 // bytes
	maxScopes      = 256
	maxConstraints = 16 // search parameters of one scope
)

// Scope is one scope: of resources (SMART App Launch 2.2, "Scopes for requesting FHIR Resources"), or with Name another.
type Scope struct {
	Name string // of one that is about no resource; the other fields are empty

	Level   Level
	Type    string // resource type or [AnyType]
	Actions Action
	Query   []search.Pair // search parameters that all hold of what may be accessed; none for all of the type
	V1      bool          // asked as .read, .write or .*, and printed so
}

// Scopes are several, in the order asked. They add up.
type Scopes []Scope

// ScopeError says why a scope is refused (OAuth error invalid_scope). Its text quotes nothing but the scope's place, which may hold a patient's data.
type ScopeError struct {
	Scope  string // as asked
	Reason string
}

func (e *ScopeError) Error() string { return "scope refused: " + e.Reason }

// ParseScopes reads a space-separated list by the grammar alone; [Rules.ParseScopes] also knows types and search parameters. Scopes that are asked
// twice come once. An error is a *[ScopeError].
func ParseScopes(text string) (Scopes, error) {
	if len(text) > maxScopeText {
		return nil, &ScopeError{Reason: fmt.Sprintf("the list has %d bytes; %d are allowed", len(text), maxScopeText)}
	}
	var all Scopes
	for word := range strings.SplitSeq(text, " ") {
		if word == "" {
			continue
		}
		s, err := ParseScope(word)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, s.equal) {
			all = append(all, s)
		}
		if len(all) > maxScopes {
			return nil, &ScopeError{Reason: fmt.Sprintf("more than %d scopes", maxScopes)}
		}
	}
	return all, nil
}

// ParseScope reads one scope by the grammar alone.
func ParseScope(text string) (Scope, error) {
	if slices.Contains(otherScopes(), text) {
		return Scope{Name: text}, nil
	}
	fail := func(reason string) (Scope, error) { return Scope{}, &ScopeError{text, reason} }
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return fail("it has a character that no scope has (RFC 6749, section 3.3)")
		}
	}
	level, rest, found := strings.Cut(text, "/")
	s := Scope{Level: Level(level)}
	if !found || s.Level != PatientLevel && s.Level != UserLevel && s.Level != SystemLevel {
		return fail("it is not known")
	}
	rest, query, granular := strings.Cut(rest, "?")
	typ, actions, found := strings.Cut(rest, ".")
	if !found || typ != AnyType && !isTypeName(typ) {
		return fail("write " + level + "/Type.actions, with * for all types")
	}
	s.Type = typ
	ok := false
	switch actions {
	case "read":
		s.Actions, s.V1 = readActions, true
	case "write":
		s.Actions, s.V1 = writeActions, true
	case "*":
		s.Actions, s.V1 = allActions, true
	default:
		if s.Actions, ok = parseActions(actions); !ok {
			return fail("the actions are some of c, r, u, d, s in this order, or read, write or *")
		}
	}
	if !granular {
		return s, nil
	}
	if s.V1 {
		return fail("search parameters need actions of SMART v2, such as .rs")
	}
	pairs, err := search.ParseQuery(query)
	switch {
	case err != nil:
		return fail("its search parameters are not a query string")
	case len(pairs) == 0:
		return fail("search parameters are expected behind the question mark")
	case len(pairs) > maxConstraints:
		return fail(fmt.Sprintf("it has more than %d search parameters", maxConstraints))
	}
	for _, p := range pairs {
		if p.Name == "" || p.Value == "" {
			return fail("each search parameter needs a name and a value")
		}
		if !slices.Contains(s.Query, p) {
			s.Query = append(s.Query, p)
		}
	}
	return s, nil
}

func isTypeName(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// String prints a scope in the syntax it was asked in, as far as that can say its actions.
func (s Scope) String() string {
	if s.Name != "" {
		return s.Name
	}
	actions := s.Actions.String()
	if s.V1 {
		switch s.Actions {
		case readActions:
			actions = "read"
		case writeActions:
			actions = "write"
		case allActions:
			actions = "*"
		}
	}
	text := string(s.Level) + "/" + s.Type + "." + actions
	for i, p := range s.Query {
		text += string("?&"[min(i, 1)]) + escapeScope(p.Name) + "=" + escapeScope(p.Value)
	}
	return text
}

// escapeScope escapes what a scope, or a query string, gives another meaning; all else stays readable.
func escapeScope(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte(`"\%&=+`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// String prints the list, separated by spaces.
func (all Scopes) String() string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = s.String()
	}
	return strings.Join(texts, " ")
}
