package auth

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firth-health/firth/fhir"
)

// Consents hold what patients have denied: the active Consent resources of the store, in memory, by the base rules of R4 consent.html. Safe for concurrent use; what is
// changed bears on every [Grant] at once.
//
// A Consent counts while its status is active, its scope is patient-privacy (or of no scope that R4 defines) and its patient is one of this server. Its root provision permits or denies: as
// its type says, else as policyRule does (OPTOUT denies; anything else permits). A provision is about what meets all of its elements, and about what meets any value of each; provisions inside of it
// are exceptions to it, and so on inwards. Several Consents add up: what one denies, another does not permit.
//
//   - period: now. actor: the user by reference, also as an Organization that the user works for, or user or client by identifier. action: access, use and disclose are reading and searching, and what a provision without action is
//     about; collect is creating; correct is updating and deleting.
//   - purpose: what the token states; who states none treats (TREAT).
//   - class: a resource type, or a profile that meta.profile names. code: what the resource is by its search parameter code (or combo-code, vaccine-code, type). securityLabel: in meta.security.
//   - dataPeriod: the search parameter date. data: the resource itself, or with another meaning than instance also what refers to it.
//
// What cannot be decided (an actor that is a CareTeam, a class of another kind, data without a date) denies and does not permit.
//
// A Consent takes nothing from the patient, who is the user, nor from break-glass. Consent and AuditEvent are never taken: who may see them must be able to see what was consented, and done. An app of one patient is bound by the Consents of
// that patient alone.
type Consents struct {
	opts    ConsentOptions
	version atomic.Uint64 // counts changes that may matter

	mu  sync.RWMutex
	all map[string]*consent // by id

	shared    atomic.Pointer[shared]
	byPatient atomic.Pointer[consentsByPatient]
}

// shared is what Consents that are about nobody in particular take, found out once for all callers.
type shared struct {
	version  uint64
	consents []*consent
	limits   sync.Map // sharedKey -> limit
}

type sharedKey struct {
	typ    string
	action Action
}

// ConsentOptions configure [NewConsents]. The zero value is usable.
type ConsentOptions struct {
	BaseURL string           // the service base, of absolute references to this server
	Clock   func() time.Time // nil: time.Now

	// Belongs says to what a user belongs. It is asked when a Consent is about something that a user could belong to, and its answer counts for [MembershipLife]; while it fails, nothing is known.
	// Nil knows nothing.
	Belongs func(user fhir.Key) (Membership, error)
}

// Membership is to what a user belongs.
type Membership struct {
	Of []fhir.Key // Organizations that the user works for, those that they are part of, and the Practitioner or the PractitionerRoles that the user is as well

	Complete bool // there are no more than these Organizations, Practitioners and PractitionerRoles. Of a Group or CareTeam that is not in Of nothing is known in any case
}

// MembershipLife is how long it may take until a change of what a user belongs to bears on what the user may see.
const MembershipLife = 10 * time.Second

// membershipRetry is how long nothing is known after it could not be found out.
const membershipRetry = time.Second

// NewConsents makes an index that holds nothing yet.
func NewConsents(opts ConsentOptions) *Consents {
	opts.BaseURL = strings.TrimSuffix(opts.BaseURL, "/")
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	return &Consents{opts: opts, all: map[string]*consent{}}
}

// Load replaces what is held by all Consents of a store. On an error of the sequence nothing changes.
func (x *Consents) Load(all iter.Seq2[*fhir.Resource, error]) error {
	next := map[string]*consent{}
	for res, err := range all {
		if err != nil {
			return err
		}
		if c := x.read(res); c != nil {
			next[res.ID()] = c
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.all = next
	x.version.Add(1)
	return nil
}

// Put takes note of a Consent that was created or updated. It must be called before the write is answered, or an answer may still show what was denied.
func (x *Consents) Put(res *fhir.Resource) { x.set(res.ID(), x.read(res)) }

// Remove takes note of one that was deleted.
func (x *Consents) Remove(id string) { x.set(id, nil) }

func (x *Consents) set(id string, c *consent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c == nil && x.all[id] == nil {
		return // about nothing, before and after
	}
	if delete(x.all, id); c != nil {
		x.all[id] = c
	}
	x.version.Add(1)
}

// denial is what consents take from one caller while nothing changes.
type denial struct {
	of      *Consents
	version uint64
	until   time.Time // when a period begins or ends; zero for never

	consents []*consent // that may matter to the caller, besides those that are shared
	shared   *shared    // nil: none
	member   Membership // of the user, if it matters to the consents
	claims   *Claims
	user     fhir.Key
	now      time.Time
}

// denied gathers what may matter to a caller: the consents of some patients, or with nil of all.
func (x *Consents) denied(g *Grant, patients []string) *denial {
	d := &denial{of: x, version: x.version.Load(), claims: &g.claims, user: g.User(), now: x.opts.Clock()}
	if g.claims.BreakGlass {
		return d
	}
	if d.gather(patients) && x.opts.Belongs != nil {
		var err error
		if d.member, err = x.opts.Belongs(d.user); err == nil {
			d.endsBy(d.now.Add(MembershipLife))
		} else {
			d.member = Membership{}
			d.endsBy(d.now.Add(membershipRetry))
		}
	}
	return d
}

// gather collects the consents, and says whether it matters to one of them to what the user belongs.
func (d *denial) gather(patients []string) (asksMembership bool) {
	x := d.of
	x.mu.RLock()
	defer x.mu.RUnlock()
	if patients == nil && d.user.Type != patientType {
		d.shared = x.sharedNow()
	}
	for _, c := range x.all {
		switch {
		case d.shared != nil && !c.particular, patients != nil && !slices.Contains(patients, c.patient), d.user.Type == patientType && d.user.ID == c.patient:
			continue
		}
		d.consents = append(d.consents, c)
		c.root.eachBoundary(d.endsBy)
		asksMembership = asksMembership || d.user.ID != "" && c.root.asksMembership(d.user)
	}
	inOrder(d.consents)
	return asksMembership
}

// endsBy has the denial be found out again at an instant, unless that is over.
func (d *denial) endsBy(at time.Time) {
	if at.After(d.now) && (d.until.IsZero() || at.Before(d.until)) {
		d.until = at
	}
}

// sharedNow is called with the lock held.
func (x *Consents) sharedNow() *shared {
	version := x.version.Load()
	if s := x.shared.Load(); s != nil && s.version == version {
		return s
	}
	s := &shared{version: version}
	for _, c := range x.all {
		if !c.particular {
			s.consents = append(s.consents, c)
		}
	}
	inOrder(s.consents)
	x.shared.Store(s)
	return s
}

// inOrder sorts by patient, so that equal denials give equal plans.
func inOrder(all []*consent) {
	slices.SortFunc(all, func(a, b *consent) int {
		return cmp.Or(strings.Compare(a.patient, b.patient), strings.Compare(a.id, b.id))
	})
}

// isCurrent reports whether asking again would give the same.
func (d *denial) isCurrent() bool {
	return d == nil || d.version == d.of.version.Load() && (d.until.IsZero() || d.of.opts.Clock().Before(d.until))
}
