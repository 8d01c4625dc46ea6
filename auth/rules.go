package auth

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
)

// Options of [New].
type Options struct {
	Definitions *spec.Definitions // required
	Search      *search.Registry  // required: reads granular scopes, and the keys of resources for [Grant.Permits]

	// BaseURL is the service base: a fhirUser on it is the same as a relative one. A patient on another server is nobody here.
	BaseURL string

	Relations   Relations   // nil: a RelatedPerson or Person has access to nobody
	Permissions Permissions // nil: professionals and administrators may do all that their scopes say
	Consents    *Consents   // nil: nobody has denied anything
}

// Relations knows for whom a user who is no patient may act.
type Relations interface {
	// PatientsOf returns the ids of the patients that a RelatedPerson or a Person stands for; none when it does not exist or is inactive.
	PatientsOf(ctx context.Context, user fhir.Key) ([]string, error)
}

// Permissions narrow what professionals may do under user/ scopes, by role or care team. Break-glass sets them aside.
type Permissions interface {
	// Of is asked once for each token. The visibility says what the user may do with a type; nil: everything.
	Of(ctx context.Context, c *Claims) (func(resourceType string, action Action) (of search.Plan, ok bool), error)
}

// The role that makes a user without a FHIR resource an administrator. Only the authorization server may give it: who maps the roles of a foreign issuer must not let
// this system through unless it is configured to.
const (
	RoleSystem        = "https://firth.health/role"
	RoleAdministrator = "administrator"
)

// Rules turn claims into grants. Safe for concurrent use.
type Rules struct {
	opts     Options
	base     string   // without the final slash
	subjects sync.Map // type -> *subjectRule
}

// New makes rules.
func New(opts Options) (*Rules, error) {
	if opts.Definitions == nil || opts.Search == nil {
		return nil, errors.New("auth: definitions and a search registry are required")
	}
	return &Rules{opts: opts, base: strings.TrimSuffix(opts.BaseURL, "/")}, nil
}

// ParseScopes reads a list of scopes and refuses those that could never be granted: types that do not exist, search parameters that the type does not have
// or that reach beyond the resource. An error is a *[ScopeError].
func (r *Rules) ParseScopes(text string) (Scopes, error) {
	all, err := ParseScopes(text)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if err := r.check(s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// check checks what the grammar does not.
func (r *Rules) check(s Scope) error {
	if s.Name != "" {
		return nil
	}
	typ := s.Type
	if typ == AnyType {
		typ = "Basic" // has the parameters of every resource, and few others
		for _, p := range s.Query {
			if !strings.HasPrefix(p.Name, "_") {
				return &ScopeError{s.String(), "not all resource types have its search parameters"}
			}
		}
	}
	if !r.opts.Definitions.IsResource(typ) {
		return &ScopeError{s.String(), "its resource type does not exist"}
	}
	_, err := r.granular(s, typ)
	return err
}

// Grant says what the bearer of a token may do. Scopes that cannot be granted, as those of other servers in the token of a foreign issuer, give nothing and are listed by
// [Grant.Ignored]. An error is one of Relations, Permissions or Consents; then nothing may be done.
func (r *Rules) Grant(ctx context.Context, c Claims) (*Grant, error) {
	g := &Grant{rules: r, claims: c}
	for word := range strings.FieldsSeq(c.Scope) {
		s, err := ParseScope(word)
		if err == nil {
			err = r.check(s)
		}
		switch {
		case len(g.scopes) == maxScopes || len(g.ignored) == maxScopes:
			g.ignored = append(g.ignored, &ScopeError{Reason: "the token has too many scopes; the rest gives nothing"})
			return g.reaching(ctx)
		case err != nil:
			g.ignored = append(g.ignored, err)
			continue
		}
		if s.Name == "" {
			g.levels |= levelBit(s.Level)
		}
		g.scopes = append(g.scopes, s)
	}
	return g.reaching(ctx)
}

// granular compiles the search parameters of a scope; nil when it has none.
func (r *Rules) granular(s Scope, typ string) (search.Plan, error) {
	if len(s.Query) == 0 {
		return nil, nil
	}
	refuse := func(reason string) (search.Plan, error) { return nil, &ScopeError{s.String(), reason} }
	for _, p := range s.Query {
		code, _, _ := strings.Cut(p.Name, ":")
		if !r.searchable(typ, code) {
			return refuse("its resource type has no search parameter of that name, or it reaches beyond the resource")
		}
		if code == lastUpdated && s.Actions&(Create|Update) != 0 {
			return refuse("_lastUpdated changes with every write, so it cannot limit what is written")
		}
	}
	request, err := r.opts.Search.Parse(typ, s.Query, search.ParseOptions{Strict: true})
	var outcome *fhir.OperationOutcome
	switch {
	case errors.As(err, &outcome):
		return refuse("a value or modifier of its search parameters is not understood")
	case err != nil:
		return nil, err
	case len(request.Issues) > 0 || len(request.Self) != len(s.Query):
		return refuse("one of its search parameters says nothing")
	case search.FollowsReferences(request.Query.Plan):
		return refuse("it reaches beyond the resource: chains, _has and _list are not for scopes")
	}
	return request.Query.Plan, nil
}

// lastUpdated is the search parameter that the server's clock decides.
const lastUpdated = "_lastUpdated"

func (r *Rules) searchable(typ, code string) bool {
	for _, p := range r.opts.Search.Params(typ) {
		if p.Code == code {
			return true
		}
	}
	return false
}
