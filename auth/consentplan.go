package auth

import (
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// taken is what consents take of a type for an action.
func (d *denial) taken(r *Rules, typ string, action Action) limit {
	if d == nil || typ == auditEvent || typ == "Consent" {
		return limit{}
	}
	if d.shared == nil {
		return d.takenBy(d.consents, r, typ, action)
	}
	key := sharedKey{typ, action}
	known, ok := d.shared.limits.Load(key)
	if !ok {
		known, _ = d.shared.limits.LoadOrStore(key, d.takenBy(d.shared.consents, r, typ, action))
	}
	return either(known.(limit), d.takenBy(d.consents, r, typ, action))
}

// takenBy is what some consents take.
func (d *denial) takenBy(consents []*consent, r *Rules, typ string, action Action) limit {
	if len(consents) == 0 {
		return limit{}
	}
	rule, err := r.subjectRule(typ)
	if err != nil {
		return limit{nil, true} // what cannot be found out is denied
	}
	if rule.directory || len(rule.indexes) == 0 {
		return limit{} // there is no patient who could deny
	}
	var all search.Or
	var wholly []string // patients who deny all of the type
	for _, c := range consents {
		found := (&reading{d: d, r: r, typ: typ, action: action}).denied(&c.root)
		switch {
		case !found.ok:
		case found.plan == nil:
			wholly = append(wholly, c.patient)
		default:
			belongs, _ := rule.readable([]string{c.patient})
			all = append(all, search.Both(belongs, found.plan))
		}
	}
	if len(wholly) > 0 {
		belongs, _ := rule.readable(slices.Compact(wholly))
		if several, isOr := belongs.(search.Or); isOr {
			all = append(all, several...)
		} else {
			all = append(all, belongs)
		}
	}
	return limit{unique(all), len(all) > 0}
}

// reading evaluates provisions for a caller, an action and a type. A limit says what a provision is about: ok is false for nothing of the type, a nil plan is all of it.
type reading struct {
	d      *denial
	r      *Rules
	typ    string
	action Action
}

// denied is what a provision and its exceptions deny, at most: what cannot be decided is in it.
func (v *reading) denied(p *provision) limit {
	var about limit
	if p.deny {
		about = v.about(p, true)
		for i := range p.exceptions {
			about = without(about, v.permitted(&p.exceptions[i]))
		}
		return about
	}
	for i := range p.exceptions {
		about = either(about, v.denied(&p.exceptions[i]))
	}
	if !about.ok {
		return about
	}
	return both(about, v.about(p, true))
}

// permitted is what a provision and its exceptions permit, at least.
func (v *reading) permitted(p *provision) limit {
	if !p.deny {
		about := v.about(p, false)
		for i := range p.exceptions {
			about = without(about, v.denied(&p.exceptions[i]))
		}
		return about
	}
	var about limit
	for i := range p.exceptions {
		about = either(about, v.permitted(&p.exceptions[i]))
	}
	if !about.ok {
		return about
	}
	return both(about, v.about(p, false))
}

// without takes b from a.
func without(a, b limit) limit {
	switch {
	case !a.ok || !b.ok:
		return a
	case b.plan == nil:
		return limit{}
	case a.plan == nil:
		return limit{search.Not{Of: b.plan}, true}
	}
	return limit{search.Both(a.plan, search.Not{Of: b.plan}), true}
}

// about is what meets all elements of a provision. With most, what cannot be decided does.
func (v *reading) about(p *provision, most bool) limit {
	now, undecided := v.d.now, limit{nil, most}
	if p.actions&v.action == 0 || !p.start.IsZero() && now.Before(p.start) || !p.end.IsZero() && !now.Before(p.end) || !v.isActor(p, most) || !v.isPurpose(p) || p.isUnreadable && !most {
		return limit{}
	}
	whole := limit{nil, true}
	if len(p.labels) > 0 {
		whole = both(whole, v.parameter("_security", p.labels))
	}
	if len(p.classes) > 0 {
		whole = both(whole, v.classes(p.classes, undecided))
	}
	if len(p.codes) > 0 {
		whole = both(whole, v.codes(p.codes))
	}
	if p.from != "" || p.to != "" {
		whole = both(whole, v.dated(p, most, undecided))
	}
	if len(p.data) > 0 {
		whole = both(whole, v.data(p.data))
	}
	return whole
}

// isActor reports whether a provision is about the caller.
func (v *reading) isActor(p *provision, most bool) bool {
	for i := range p.actors {
		if is, decided := v.is(&p.actors[i]); is || !decided && most {
			return true
		}
	}
	return len(p.actors) == 0
}

// is reports whether an actor is the caller, or the caller belongs to it.
func (v *reading) is(a *actor) (is, decided bool) {
	user, c := v.d.user, v.d.claims
	switch {
	case a.key.ID != "" && a.key == user, a.url != "" && a.url == c.FHIRUser:
		return true, true
	case a.identifier.Code != "" && (a.identifier.System == "" || a.identifier.System == c.Issuer):
		return a.identifier.Code == c.Client || a.identifier.Code == c.Subject && a.identifier.System != "", true
	case a.key.ID == "":
		return false, a.url != "" // on another server
	case !a.mayHave(user):
		return false, true
	case slices.Contains(v.d.member.Of, a.key):
		return true, true
	}
	return false, v.d.member.Complete && (isProfessional(a.key.Type) || a.key.Type == "Organization")
}

// mayHave reports whether an actor that is not the user is something of this server that the user, or a client without one, could belong to, or the user be as well.
func (a *actor) mayHave(user fhir.Key) bool {
	if a.key.ID == "" || a.key.Type == user.Type {
		return false
	}
	return !isPerson(a.key.Type) || isProfessional(a.key.Type) && isProfessional(user.Type)
}

// isPerson reports whether an actor of a type is one person, who is the user or is not.
func isPerson(typ string) bool {
	return typ == patientType || typ == "RelatedPerson" || typ == "Person" || isProfessional(typ)
}

// isProfessional reports whether a type is one of the two that the same professional may be.
func isProfessional(typ string) bool { return typ == "Practitioner" || typ == "PractitionerRole" }

// treatment is the purpose of who states none (v3-ActReason).
const treatment = "TREAT"

func (v *reading) isPurpose(p *provision) bool {
	if len(p.purposes) == 0 {
		return true
	}
	stated := v.d.claims.PurposeOfUse
	if len(stated) == 0 {
		stated = []Coding{{Code: treatment}}
	}
	return slices.ContainsFunc(p.purposes, func(a Coding) bool {
		return slices.ContainsFunc(stated, func(b Coding) bool {
			return a.Code == b.Code && (a.System == b.System || a.System == "" || b.System == "")
		})
	})
}

// parameter is what has any of the codes under a search parameter; nothing when the type has no such parameter.
func (v *reading) parameter(name string, codes []Coding) limit {
	var values []string
	for _, c := range codes {
		if value := escapeValue(c.Code); c.System != "" {
			values = append(values, escapeValue(c.System)+"|"+value)
		} else {
			values = append(values, value)
		}
	}
	return v.query(search.Pair{Name: name, Value: strings.Join(values, ",")})
}

// query compiles search parameters; nothing when the type does not have them.
func (v *reading) query(pairs ...search.Pair) limit {
	request, err := v.r.opts.Search.Parse(v.typ, pairs, search.ParseOptions{Strict: true})
	if err != nil || len(request.Issues) > 0 {
		return limit{}
	}
	return limit{request.Query.Plan, true}
}

// escapeValue escapes what separates values (R4 search.html#escaping).
func escapeValue(s string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`).Replace(s)
}

// resourceTypes is the code system of resource types.
const resourceTypes = "http://hl7.org/fhir/resource-types"

func (v *reading) classes(classes []Coding, undecided limit) limit {
	var any limit
	for _, c := range classes {
		switch {
		case v.r.opts.Definitions.IsResource(c.Code) && (c.System == resourceTypes || c.System == ""):
			any = either(any, limit{nil, c.Code == v.typ})
		case strings.HasPrefix(c.Code, "http://") || strings.HasPrefix(c.Code, "https://"):
			any = either(any, v.query(search.Pair{Name: "_profile", Value: escapeValue(c.Code)}))
		default:
			any = either(any, undecided)
		}
	}
	return any
}

// codes is what a resource of the type is, whatever its search parameter is called.
func (v *reading) codes(codes []Coding) limit {
	for _, name := range []string{"combo-code", "code", "vaccine-code", "type"} {
		for _, p := range v.r.opts.Search.Params(v.typ) {
			if p.Code == name && p.Type == "token" {
				return v.parameter(name, codes)
			}
		}
	}
	return limit{}
}

// dated is what has a date that meets the period of the data.
func (v *reading) dated(p *provision, most bool, undecided limit) limit {
	if !v.r.searchable(v.typ, "date") {
		return undecided
	}
	var pairs []search.Pair
	if p.from != "" {
		pairs = append(pairs, search.Pair{Name: "date", Value: "ge" + p.from})
	}
	if p.to != "" {
		pairs = append(pairs, search.Pair{Name: "date", Value: "le" + p.to})
	}
	within := v.query(pairs...)
	if !within.ok {
		return undecided // a period that cannot be read
	}
	if most {
		within = either(within, v.query(search.Pair{Name: "date:missing", Value: "true"}))
	}
	return within
}

// data is what a provision names, and unless that alone is meant what refers to it.
func (v *reading) data(data []datum) limit {
	var about limit
	for _, d := range data {
		if d.key.Type == v.typ {
			about = either(about, limit{search.IDs{d.key.ID}, true})
		}
		if d.instance || d.key == (fhir.Key{}) {
			continue
		}
		for _, p := range v.r.opts.Search.Params(v.typ) {
			if p.Type != "reference" || len(p.Targets) > 0 && !slices.Contains(p.Targets, d.key.Type) {
				continue
			}
			for _, index := range p.Indexes() {
				about = either(about, limit{search.OneKey(search.ReferencePrefix(index, d.key.Type) + d.key.ID), true})
			}
		}
	}
	return about
}
