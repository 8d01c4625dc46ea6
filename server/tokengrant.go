package server

import (
	"context"
	"slices"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
)

// TokenGrant makes of what a token says what this server asks. It may be kept as long as the token is valid.
func TokenGrant(g *auth.Grant) Grant {
	return &tokenGrant{g}
}

// tokenGrant is the Grant of a token.
type tokenGrant struct{ *auth.Grant }

// Allow implements [Grant]. It is about types of resources and the letters of a scope; which resources, [Grant.Limit] and [Grant.Restrict] say.
func (t *tokenGrant) Allow(_ context.Context, a Access) error {
	if a.Interaction == "operation" {
		return t.allowOperation(a.Operation, a.Key)
	}
	switch a.Interaction {
	case "batch", "transaction", "async-status", "async-cancel":
		return nil // each entry is asked for; what runs in the background is for its owner
	case "search-system", "history-system":
		return t.allowSomewhere(auth.Search)
	case "ingest":
		return t.allowIngest()
	case "ingest-list":
		if t.Has(auth.AdapterAdministration) {
			return nil
		}
		return t.allowIngest()
	}
	action, known := restAction(a.Interaction)
	if !known {
		return beyondScopes()
	}
	return t.Grant.Allow(a.Key.Type, action)
}

// restAction is the letter that an interaction of R4 needs (SMART App Launch 2.2, scopes for requesting FHIR resources).
func restAction(interaction string) (action auth.Action, known bool) {
	switch interaction {
	case "read", "vread", "history-instance":
		return auth.Read, true
	case "search-type", "history-type":
		return auth.Search, true
	case "create":
		return auth.Create, true
	case "update", "patch":
		return auth.Update, true
	case "delete":
		return auth.Delete, true
	}
	return 0, false
}

const (
	anyAction = auth.Create | auth.Read | auth.Update | auth.Delete | auth.Search
	seeing    = auth.Read | auth.Search
)

// operationAction says what an operation needs on an instance, on a type and on the system; one of several letters will do. An operation that is not here is for nobody.
func operationAction(code string) (instance, typ, system auth.Action, known bool) {
	switch code {
	case "lastn", "stats", "docref":
		return 0, auth.Search, 0, true
	case "waveform", "everything":
		return auth.Read, auth.Search, 0, true
	case "meta":
		return auth.Read, auth.Search, auth.Search, true
	case "meta-add", "meta-delete":
		return auth.Update, 0, 0, true
	case "document":
		return auth.Read, auth.Read, 0, true
	case "graphql":
		return auth.Read, 0, seeing, true
	case "validate", "versions":
		return anyAction, anyAction, anyAction, true
	case "expand", "validate-code", "lookup", "subsumes", "translate":
		return auth.Read, seeing, seeing, true
	}
	return 0, 0, 0, false
}

// allowOperation asks for what an operation needs of its type. What it reads of other types, it asks for itself.
func (t *tokenGrant) allowOperation(code string, key fhir.Key) error {
	if code == "reindex" {
		return t.allowGoverning()
	}
	instance, typ, system, known := operationAction(code)
	switch {
	case !known:
		return beyondScopes()
	case code == "versions":
		return t.allowSomewhere(anyAction)
	case key.Type == "":
		return t.allowSomewhere(system)
	case key.ID == "":
		return t.Grant.Allow(key.Type, typ)
	}
	return t.Grant.Allow(key.Type, instance)
}

// allowSomewhere asks for an action with any type.
func (t *tokenGrant) allowSomewhere(actions auth.Action) error {
	gives := func(s auth.Scope) bool {
		typ := s.Type
		if typ == auth.AnyType {
			typ = "Patient"
		}
		_, ok := t.Limit(typ, actions)
		return ok && s.Actions&actions != 0
	}
	if slices.ContainsFunc(t.Scopes(), gives) {
		return nil
	}
	return beyondScopes()
}

// allowIngest lets those send payloads of devices who may create Observations on behalf of a client or a user, not of one patient: a payload says itself whom it is about.
func (t *tokenGrant) allowIngest() error {
	for _, s := range t.Scopes() {
		if (s.Level == auth.SystemLevel || s.Level == auth.UserLevel) && s.Actions&auth.Create != 0 && (s.Type == "Observation" || s.Type == auth.AnyType) {
			return t.Grant.Allow("Observation", auth.Create)
		}
	}
	return fhir.Invalidf(fhir.CodeForbidden, "", "the access token does not allow to send payloads of devices; that takes the scope system/Observation.c")
}

// allowGoverning lets those reindex who may change search parameters.
func (t *tokenGrant) allowGoverning() error {
	return t.Grant.Allow("SearchParameter", auth.Update)
}

func beyondScopes() error {
	return fhir.Invalidf(fhir.CodeForbidden, "", "the scopes of the access token do not allow this")
}
