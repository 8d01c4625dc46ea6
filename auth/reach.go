package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// reach is whose data the scopes of one level are about.
type reach struct {
	whole    bool     // all there is
	patients []string // else of these patients, by id, sorted; none: nothing

	narrow func(typ string, action Action) (search.Plan, bool) // of the whole; nil for no more
}

func levelBit(l Level) uint8 {
	switch l {
	case PatientLevel:
		return 1
	case UserLevel:
		return 2
	}
	return 4
}

// reaching completes a grant.
func (g *Grant) reaching(ctx context.Context) (*Grant, error) {
	if err := g.setReach(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// setReach finds out whom the levels of the scopes are about.
func (g *Grant) setReach(ctx context.Context) error {
	g.reach = map[Level]reach{}
	if g.levels&levelBit(PatientLevel) != 0 && fhir.IsID(g.claims.Patient) {
		g.reach[PatientLevel] = reach{patients: []string{g.claims.Patient}}
	}
	if g.levels&levelBit(SystemLevel) != 0 && g.claims.FHIRUser == "" {
		g.reach[SystemLevel] = reach{whole: true}
	}
	if g.levels&levelBit(UserLevel) != 0 {
		user, err := g.userReach(ctx)
		if err != nil {
			return err
		}
		g.reach[UserLevel] = user
	}
	g.patients = []string{}
	for _, r := range g.reach {
		if r.whole {
			g.patients = nil
			break
		}
		g.patients = append(g.patients, r.patients...)
	}
	return nil
}

// userReach is the data that the user may see at all.
func (g *Grant) userReach(ctx context.Context) (reach, error) {
	user := g.User()
	switch typ := fhir.ParseReference(g.claims.FHIRUser).Key.Type; {
	case isProfessional(typ) || g.isAdministrator():
		// A professional may be a resource of the hospital's server only: their issuer is trusted to know.
		all := reach{whole: true}
		var err error
		if g.rules.opts.Permissions != nil && !g.claims.BreakGlass {
			if all.narrow, err = g.rules.opts.Permissions.Of(ctx, &g.claims); err != nil {
				return reach{}, fmt.Errorf("auth: permissions of the user: %w", err)
			}
		}
		return all, nil
	case user.Type == "Patient":
		return reach{patients: []string{user.ID}}, nil
	case user.Type == "RelatedPerson" || user.Type == "Person":
		if g.rules.opts.Relations == nil {
			return reach{}, nil
		}
		ids, err := g.rules.opts.Relations.PatientsOf(ctx, user)
		if err != nil {
			return reach{}, fmt.Errorf("auth: whom a %s relates to: %w", user.Type, err)
		}
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !fhir.IsID(id) })
		slices.Sort(ids)
		return reach{patients: slices.Compact(ids)}, nil
	}
	return reach{}, nil
}

func (g *Grant) isAdministrator() bool {
	return slices.ContainsFunc(g.claims.Roles, func(c Coding) bool { return c.System == RoleSystem && c.Code == RoleAdministrator })
}

// User is the resource of the user on this server; zero for none, and for one on another server.
func (g *Grant) User() fhir.Key {
	ref := fhir.ParseReference(g.claims.FHIRUser)
	if ref.Base != "" && ref.Base != g.rules.base || !fhir.IsID(ref.Key.ID) {
		return fhir.Key{}
	}
	return fhir.Key{Type: ref.Key.Type, ID: ref.Key.ID}
}
