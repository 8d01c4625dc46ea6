package auth

import (
	"slices"
	"time"

	"github.com/firth-health/firth/fhir"
)

// consent is one that may deny something.
type consent struct {
	id, patient string
	root        provision
	particular  bool // it is about some callers, or for some time
}

// provision is a rule of a Consent. Elements that are absent do not limit it.
type provision struct {
	deny         bool
	start, end   time.Time // zero: open
	actors       []actor
	actions      Action
	labels       []Coding
	purposes     []Coding
	classes      []Coding
	codes        []Coding
	from, to     string // of the data, as written; empty: open
	data         []datum
	exceptions   []provision
	isUnreadable bool // has an element that cannot be read: it denies and does not permit
}

// actor is who a provision is about.
type actor struct {
	url        string   // of the reference; empty for none
	key        fhir.Key // when it is on this server
	identifier Coding   // System and Code of an identifier
}

// datum is what a provision is about.
type datum struct {
	key      fhir.Key
	instance bool // the resource alone
}

// The codes that decide what a Consent is about.
const (
	privacyScope = "patient-privacy"
	optOut       = "OPTOUT"
	optOutExcept = "OPTOUTE"
)

// read reads a Consent; nil for one that denies nothing.
func (x *Consents) read(res *fhir.Resource) *consent {
	root := res.Root()
	patient := x.local(root.Get("patient"))
	if res.Type() != "Consent" || !root.Get("status").TextIs("active") || patient.Type != patientType || !isAboutPrivacy(codings(root.Get("scope"))) {
		return nil
	}
	c := &consent{id: res.ID(), patient: patient.ID}
	c.root = x.provision(root.Get("provision"))
	if !root.Get("provision").Get("type").Ok() {
		c.root.deny = slices.ContainsFunc(codings(root.Get("policyRule")), func(policy Coding) bool { return policy.Code == optOut || policy.Code == optOutExcept })
	}
	if !c.root.mayDeny() {
		return nil
	}
	c.particular = c.root.isParticular()
	return c
}

// isAboutPrivacy leaves out Consents to treatment and research, and advance directives: they are about what is done to the patient, not who sees what.
func isAboutPrivacy(scopes []Coding) bool {
	other := false
	for _, c := range scopes {
		switch c.Code {
		case privacyScope:
			return true
		case "adr", "research", "treatment":
			other = true
		}
	}
	return !other
}

// mayDeny reports whether the provision, or one inside, denies.
func (p *provision) mayDeny() bool {
	return p.deny || slices.ContainsFunc(p.exceptions, func(e provision) bool { return e.mayDeny() })
}

// isParticular reports whether who asks, or when, matters to the provision or one inside.
func (p *provision) isParticular() bool {
	return len(p.actors) > 0 || len(p.purposes) > 0 || !p.start.IsZero() || !p.end.IsZero() || slices.ContainsFunc(p.exceptions, func(e provision) bool { return e.isParticular() })
}

// asksMembership reports whether it matters to the provision, or to one inside, to what a user belongs.
func (p *provision) asksMembership(user fhir.Key) bool {
	return slices.ContainsFunc(p.actors, func(a actor) bool { return a.mayHave(user) }) || slices.ContainsFunc(p.exceptions, func(e provision) bool { return e.asksMembership(user) })
}

// eachBoundary calls visit for each instant at which a period of the provision, or of one inside, begins or ends.
func (p *provision) eachBoundary(visit func(time.Time)) {
	visit(p.start)
	visit(p.end)
	for i := range p.exceptions {
		p.exceptions[i].eachBoundary(visit)
	}
}

// provision reads one and those inside of it. A missing or strange type denies: R4 requires it of all but the root.
func (x *Consents) provision(n fhir.Node) provision {
	p := provision{deny: !n.Get("type").TextIs("permit")}
	for a := range n.Get("actor").Children() {
		p.actors = append(p.actors, x.actor(a.Get("reference")))
	}
	p.actions = actionsOf(n.Get("action"))
	for c := range n.Get("securityLabel").Children() {
		p.labels = append(p.labels, coding(c))
	}
	for c := range n.Get("purpose").Children() {
		p.purposes = append(p.purposes, coding(c))
	}
	for c := range n.Get("class").Children() {
		p.classes = append(p.classes, coding(c))
	}
	for c := range n.Get("code").Children() {
		all := codings(c)
		p.codes = append(p.codes, all...)
		p.isUnreadable = p.isUnreadable || len(all) == 0
	}
	if p.isUnreadable {
		p.codes = nil // of which one is not known
	}
	p.from, p.to = n.Get("dataPeriod").Get("start").Text(), n.Get("dataPeriod").Get("end").Text()
	period := n.Get("period")
	p.start, p.end = p.instant(period.Get("start"), false), p.instant(period.Get("end"), true)
	for d := range n.Get("data").Children() {
		p.data = append(p.data, datum{x.local(d.Get("reference")), d.Get("meaning").TextIs("instance")})
	}
	for e := range n.Get("provision").Children() {
		p.exceptions = append(p.exceptions, x.provision(e))
	}
	return p
}

func (x *Consents) actor(reference fhir.Node) actor {
	identifier := reference.Get("identifier")
	return actor{url: reference.Get("reference").Text(), key: x.local(reference), identifier: Coding{System: identifier.Get("system").Text(), Code: identifier.Get("value").Text()}}
}

// instant reads an end of a period; zero for an open one.
func (p *provision) instant(n fhir.Node, high bool) time.Time {
	if !n.Ok() {
		return time.Time{}
	}
	at, err := fhir.ParseDateTime(n.Text())
	switch {
	case err != nil:
		p.isUnreadable = true
		return time.Time{}
	case high:
		return at.High()
	}
	return at.Low
}

// actionsOf reads the actions of a provision. "At present, the only action in the understood and tested scope of this resource is 'read'" (R4
// consent-definitions.html#Consent.provision.action), so that is what one without actions is about.
func actionsOf(list fhir.Node) Action {
	var all Action
	for concept := range list.Children() {
		for _, c := range codings(concept) {
			switch c.Code {
			case "collect":
				all |= Create
			case "correct":
				all |= Update | Delete
			case "access", "use", "disclose":
				all |= readActions
			default:
				all |= allActions
			}
		}
	}
	if all == 0 {
		return readActions
	}
	return all
}

// local is the resource of this server that a Reference names; zero for any other.
func (x *Consents) local(reference fhir.Node) fhir.Key {
	ref := fhir.ParseReference(reference.Get("reference").Text())
	if ref.Base != "" && ref.Base != x.opts.BaseURL || !fhir.IsID(ref.Key.ID) {
		return fhir.Key{}
	}
	return fhir.Key{Type: ref.Key.Type, ID: ref.Key.ID}
}

func codings(concept fhir.Node) []Coding {
	var all []Coding
	for c := range concept.Get("coding").Children() {
		all = append(all, coding(c))
	}
	return all
}

func coding(n fhir.Node) Coding {
	return Coding{System: n.Get("system").Text(), Code: n.Get("code").Text()}
}
