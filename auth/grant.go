package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// Grant is what the bearer of a token may do. It is made once for each token ([Rules.Grant]) and may be kept until the token expires; safe for concurrent use. Search
// parameters that are changed at run time ([search.Registry.Generation]) ask for a new one when scopes name them.
type Grant struct {
	rules   *Rules
	claims  Claims
	scopes  Scopes
	ignored []error
	levels  uint8
	reach   map[Level]reach

	patients []string // whose data this is all about; nil for everybody's
	state    atomic.Pointer[grantState]
}

// grantState is what was found out while consents stayed the same.
type grantState struct {
	denial *denial
	limits sync.Map // type -> *typeLimits
}

// typeLimits are the limits of a type, by bit of the action.
type typeLimits [len(actionLetters)]limit

// limit is what may be accessed; a nil plan is all.
type limit struct {
	plan search.Plan
	ok   bool
}

// Claims are what the token says. They must not be changed.
func (g *Grant) Claims() *Claims { return &g.claims }

// Scopes are those that count. They must not be changed.
func (g *Grant) Scopes() Scopes { return g.scopes }

// Ignored says why other scopes of the token give nothing; each is a *[ScopeError].
func (g *Grant) Ignored() []error { return g.ignored }

// Has reports whether the token has a scope that is about no resource, such as [AdapterAdministration].
func (g *Grant) Has(name string) bool { return g.scopes.Has(name) }

// Limit says with which resources of a type an action may be done: those that match plan, all when plan is nil; ok is false for none. Of several
// actions each will do. For [Create] and [Update] the content that is written must match, for Update and [Delete] also the content that is there.
func (g *Grant) Limit(typ string, actions Action) (plan search.Plan, ok bool) {
	limits := g.limitsOf(typ)
	var any limit
	for i := range limits {
		if actions&(1<<i) != 0 {
			any = either(any, limits[i])
		}
	}
	return any.plan, any.ok
}

// Unlimited reports whether an action may be done with all resources of a type.
func (g *Grant) Unlimited(typ string, action Action) bool {
	plan, ok := g.Limit(typ, action)
	return ok && plan == nil
}

// Gives reports whether scopes give all resources of a type for an action, whatever Consents take of them.
func (g *Grant) Gives(typ string, action Action) bool {
	for i, l := range g.find(typ) {
		if action&(1<<i) != 0 && l.ok && l.plan == nil {
			return true
		}
	}
	return false
}

// limitsOf keeps what was found out about a type.
func (g *Grant) limitsOf(typ string) *typeLimits {
	state := g.state.Load()
	if state == nil || !state.denial.isCurrent() {
		state = &grantState{}
		if consents := g.rules.opts.Consents; consents != nil {
			state.denial = consents.denied(g, g.patients)
		}
		g.state.Store(state)
	}
	if known, ok := state.limits.Load(typ); ok {
		return known.(*typeLimits)
	}
	limits := g.find(typ)
	for i := range limits {
		limits[i] = without(limits[i], state.denial.takes(g.rules, typ, 1<<i))
	}
	known, _ := state.limits.LoadOrStore(typ, limits)
	return known.(*typeLimits)
}

// find adds up what the scopes give. What cannot be found out is not given.
func (g *Grant) find(typ string) *typeLimits {
	limits := &typeLimits{}
	if !g.rules.opts.Definitions.IsResource(typ) {
		return limits
	}
	for _, s := range g.scopes {
		if s.Name != "" || !s.names(typ) {
			continue
		}
		granular, err := g.rules.granular(s, typ)
		if err != nil {
			continue // a scope for all types whose search parameters this one lacks
		}
		for i := range limits {
			if action := Action(1 << i); s.Actions&action != 0 {
				limits[i] = either(limits[i], both(g.of(s.Level, typ, action), limit{granular, true}))
			}
		}
	}
	return limits
}

// of is what a level gives of a type, whatever the scope says of it.
func (g *Grant) of(level Level, typ string, action Action) limit {
	r := g.reach[level]
	if action&writeActions != 0 && governs(typ) && level != SystemLevel && !g.isAdministrator() {
		return limit{}
	}
	if typ == auditEvent && action&(Update|Delete) != 0 {
		return limit{} // append-only
	}
	if r.whole {
		if r.narrow == nil {
			return limit{nil, true}
		}
		plan, ok := r.narrow(typ, action)
		return limit{plan, ok}
	}
	rule, err := g.rules.subjectRule(typ)
	if err != nil || typ == auditEvent && action == Create {
		return limit{}
	}
	if action&writeActions != 0 {
		plan, ok := rule.writable(r.patients)
		return limit{plan, ok}
	}
	plan, ok := rule.readable(r.patients)
	if typ == provenance && ok {
		return either(limit{plan, ok}, g.provenanceOf(r.patients))
	}
	return limit{plan, ok}
}

// provenanceOf gives the Provenances of what may be seen of patients, besides their own records.
func (g *Grant) provenanceOf(patients []string) limit {
	var about search.Or
	for _, typ := range g.rules.opts.Search.CompartmentTypes(patientType) {
		if typ == provenance || typ == patientType {
			continue
		}
		rule, err := g.rules.subjectRule(typ)
		if err != nil {
			continue
		}
		plan, ok := rule.readable(patients)
		visible := both(limit{plan, ok}, g.limitFor(typ, Read|Search))
		if !visible.ok {
			continue
		}
		for _, index := range g.rules.references(provenance, []string{"target"}) {
			about = append(about, search.Ref{Index: index, Type: typ, Of: visible.plan})
		}
	}
	return limit{about, len(about) > 0}
}

// either gives what one of two limits gives.
func either(a, b limit) limit {
	switch {
	case !a.ok:
		return b
	case !b.ok || a.plan == nil:
		return a
	case b.plan == nil:
		return b
	}
	alternatives := make(search.Or, 0, 2)
	for _, l := range []limit{a, b} {
		if several, isOr := l.plan.(search.Or); isOr {
			alternatives = append(alternatives, several...)
		} else {
			alternatives = append(alternatives, l.plan)
		}
	}
	return limit{unique(alternatives), true}
}

// both gives what two limits both give.
func both(a, b limit) limit {
	switch {
	case !a.ok || !b.ok:
		return limit{}
	case a.plan == nil:
		return b
	case b.plan == nil:
		return a
	}
	return limit{search.Both(a.plan, b.plan), true}
}

// Allow says whether an action may be done with any resource of the type: nil, or an *[fhir.OperationOutcome] with the code forbidden.
func (g *Grant) Allow(typ string, actions Action) error {
	if _, ok := g.Limit(typ, actions); !ok {
		return g.forbidden(typ, actions)
	}
	return nil
}

func (g *Grant) forbidden(typ string, actions Action) error {
	return fhir.Invalidf(fhir.CodeForbidden, "", "the access token does not allow to %s %s resources", actions.verb(), typ)
}

// Restrict narrows a search to what may be searched for: its matches, what chains and _has learn, and what includes bring ([Read] or [Search]). It is idempotent
// and never widens. An error is that of [Grant.Allow].
func (g *Grant) Restrict(ctx context.Context, q *search.Query) error {
	return g.RestrictTo(ctx, Search, q)
}

// RestrictTo is Restrict for a search whose matches are meant for an action, as those of a conditional delete are.
func (g *Grant) RestrictTo(_ context.Context, actions Action, q *search.Query) error {
	plan, ok := g.Limit(q.Type, actions)
	if !ok {
		return g.forbidden(q.Type, actions)
	}
	q.Plan = search.Narrow(q.Plan, g.found)
	if plan != nil {
		q.Plan = search.Both(q.Plan, plan)
	}
	shown := g.shown
	if before := q.Visible; before != nil {
		shown = func(typ string) (search.Plan, bool) {
			of, ok := before(typ)
			within := both(limit{of, ok}, g.limitFor(typ, Read|Search))
			return within.plan, within.ok
		}
	}
	q.Visible = shown
	return nil
}

func (g *Grant) limitFor(typ string, actions Action) limit {
	plan, ok := g.Limit(typ, actions)
	return limit{plan, ok}
}

// found is what searches may learn from.
func (g *Grant) found(typ string) (search.Plan, bool) { return g.Limit(typ, Search) }

// shown is what may be part of an answer to a search.
func (g *Grant) shown(typ string) (search.Plan, bool) { return g.Limit(typ, Read|Search) }

// Permits says whether an action may be done with a resource as it is, or as it is to be written: nil, or an *[fhir.OperationOutcome] with the code forbidden,
// which says nothing of the resource. Links follow references where the limit does (DeviceMetric); without them such a resource is refused. Other errors are
// of reading the resource.
func (g *Grant) Permits(_ context.Context, actions Action, res *fhir.Resource, links search.Resolver) error {
	plan, ok := g.Limit(res.Type(), actions)
	switch {
	case !ok:
		return g.forbidden(res.Type(), actions)
	case plan == nil:
		return nil
	}
	matches, err := g.rules.opts.Search.Matches(plan, res, links)
	if err == nil && !matches {
		err = fhir.Invalidf(fhir.CodeForbidden, "", "the access token does not allow to %s this %s", actions.verb(), res.Type())
	}
	return err
}

// Owner names whose access this is and what is granted, without saying it: two tokens of one owner may do the same.
func (g *Grant) Owner() string {
	c := g.claims
	c.TokenID, c.Issued, c.Expires, c.Scope = "", time.Time{}, time.Time{}, g.scopes.String()
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", c))
	return hex.EncodeToString(sum[:])
}
