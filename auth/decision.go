package auth

import (
	"slices"

	"github.com/firth-health/firth/search"
)

// Decision is that a Consent denies an action with resources of a type, for a caller and now.
type Decision struct {
	Consent string      // id
	Patient string      // whose it is
	Plan    search.Plan // what of the patient's resources it denies; nil: all of the type
}

// consentsByPatient are the consents of one version of the index.
type consentsByPatient struct {
	version uint64
	of      map[string][]*consent
}

// ofPatients are the consents of some patients, in order.
func (x *Consents) ofPatients(patients []string) (list []*consent) {
	version := x.version.Load()
	known := x.byPatient.Load()
	if known == nil || known.version != version {
		known = &consentsByPatient{version: version, of: map[string][]*consent{}}
		x.mu.RLock()
		for _, c := range x.all {
			known.of[c.patient] = append(known.of[c.patient], c)
		}
		x.mu.RUnlock()
		x.byPatient.Store(known)
	}
	for _, id := range patients {
		list = append(list, known.of[id]...)
	}
	list = slices.Clone(list)
	inOrder(list)
	return slices.CompactFunc(list, func(a, b *consent) bool { return a.id == b.id })
}

// Decided says which Consents of some patients deny the caller an action with resources of a type, or with an empty type of any; with break-glass, which would without it. It is for the record: what the
// caller may do, [Grant.Limit] says.
func (g *Grant) Decided(typ string, action Action, patients []string) (list []Decision) {
	x := g.rules.opts.Consents
	if x == nil || len(patients) == 0 || typ == auditEvent || typ == "Consent" {
		return nil
	}
	consents := x.ofPatients(patients)
	if len(consents) == 0 {
		return nil
	}
	claims := g.claims
	claims.BreakGlass = false
	d := &denial{of: x, claims: &claims, user: g.User(), now: x.opts.Clock()}
	if x.opts.Belongs != nil && d.user.ID != "" && slices.ContainsFunc(consents, func(c *consent) bool { return c.root.asksMembership(d.user) }) {
		if member, err := x.opts.Belongs(d.user); err == nil { // else what cannot be decided denies, as it did
			d.member = member
		}
	}
	types := []string{typ}
	if typ == "" {
		types = g.rules.opts.Search.CompartmentTypes(patientType)
	}
	for _, c := range consents {
		if d.user.Type == patientType && d.user.ID == c.patient {
			continue
		}
		for _, one := range types {
			if found := d.deniedBy(g.rules, c, one, action); found.ok {
				list = append(list, Decision{Consent: c.id, Patient: c.patient, Plan: found.plan})
				break
			}
		}
	}
	return list
}

// deniedBy is what of a type a consent denies.
func (d *denial) deniedBy(r *Rules, c *consent, typ string, action Action) limit {
	if typ == "Consent" {
		return limit{}
	}
	rule, err := r.subjectRule(typ)
	if err != nil || rule.directory || len(rule.indexes) == 0 {
		return limit{}
	}
	return (&reading{d: d, r: r, typ: typ, action: action}).denied(&c.root)
}
