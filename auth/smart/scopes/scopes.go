package scopes

import (
	"slices"
	"strings"

	"github.com/firth-health/firth/auth"
)

// Introspection is the right to introspect tokens of any client (SMART App Launch 2.2, token-introspection.html: "appropriately-scoped").
const Introspection = "firth/introspection"

// Parser reads a list of scopes. [auth.ParseScopes] knows the grammar; that of auth.Rules also knows types and search parameters.
type Parser func(text string) (auth.Scopes, error)

// Parse reads a list of scopes as an authorization request has it. Scopes of other systems (email, launch/imagingstudy) are left out, as RFC 6749 section 3.3 allows, and so is a role of a launch
// context, for which the context itself is given (scopes-and-launch-context.html#scopes-for-requesting-context-data); a resource scope that is not in SMART's grammar is an error (*[auth.ScopeError]).
func (parse Parser) Parse(text string) (auth.Scopes, error) {
	var kept []string
	introspection := false
	for word := range strings.FieldsSeq(text) {
		level, _, slash := strings.Cut(word, "/")
		if level == auth.Launch {
			word, _, _ = strings.Cut(word, "?")
		}
		switch {
		case word == Introspection:
			introspection = true
		case slash && (level == string(auth.PatientLevel) || level == string(auth.UserLevel) || level == string(auth.SystemLevel)), isNamed(word):
			kept = append(kept, word)
		}
	}
	list, err := parse(strings.Join(kept, " "))
	if err == nil && introspection {
		list = append(list, auth.Scope{Name: Introspection})
	}
	return list, err
}

func isNamed(word string) bool {
	s, err := auth.ParseScope(word)
	return err == nil && s.Name != ""
}

// HasLevel says whether a list has access to data on a level.
func HasLevel(list auth.Scopes, level auth.Level) bool {
	return slices.ContainsFunc(list, func(s auth.Scope) bool { return s.Name == "" && s.Level == level })
}

// IsLaunch says whether a scope asks for context rather than rights.
func IsLaunch(s auth.Scope) bool {
	return s.Name == auth.Launch || strings.HasPrefix(s.Name, auth.Launch+"/")
}

// IsRight says whether a scope is a right at this server's own API, which goes to those only that were registered with it.
func IsRight(s auth.Scope) bool { return strings.HasPrefix(s.Name, "firth/") }

// Without returns the scopes of which drop is false.
func Without(list auth.Scopes, drop func(auth.Scope) bool) auth.Scopes {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

// Named returns a scope that is about no resource.
func Named(name string) auth.Scope { return auth.Scope{Name: name} }
