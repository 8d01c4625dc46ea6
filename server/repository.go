package server

import (
	"context"
	"errors"
	"runtime"
	"strings"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// repository is what adapters write through: identities are found by a search for the identifier, which is fast and never out of date; all drafts
// of a payload are one commit.
type repository struct {
	s *Server
	x *exchange // of whoever sends the payload
}

var _ adapters.Repository = repository{}

// Resolve implements [adapters.Repository].
func (r repository) Resolve(ctx context.Context, resourceType, system, value string) (string, error) {
	_, ids, err := r.find(ctx, resourceType, system, value)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	if len(ids) > 1 {
		return "", adapters.ErrAmbiguous
	}
	return ids[0], nil
}

// find searches for an identifier and returns at most two ids. Who may not create any Observation finds what he may see.
func (r repository) find(ctx context.Context, resourceType, system, value string) (*search.Query, []string, error) {
	request, err := r.s.search.Parse(resourceType, []search.Pair{{Name: "identifier", Value: escaped(system) + "|" + escaped(value)}}, r.s.parseOptions(true))
	if err != nil {
		return nil, nil, err
	}
	if !r.sendsAny() {
		if r.x.grant.Allow(ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: resourceType}}) != nil {
			return request.Query, nil, nil
		}
		if err := r.x.grant.Restrict(ctx, request.Query); err != nil {
			return nil, nil, err
		}
	}
	ids, err := r.s.find(ctx, request.Query, 2)
	return request.Query, ids, err
}

// escaped protects the characters that separate values in a query (R4 search.html#escaping).
func escaped(text string) string {
	if !strings.ContainsAny(text, `\,|$`) {
		return text
	}
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`).Replace(text)
}

// draftWrite is a draft on its way.
type draftWrite struct {
	outcome adapters.Outcome
	op      store.Op // unused when nothing is to be written
	skip    bool
	err     error
}

// Write implements [adapters.Repository]. Everything but the commit runs in parallel. When the last reading is new, the others are taken to be new as well, which
// saves a look-up each: the commit holds that against the store, and if one is there after all they are looked up.
func (r repository) Write(ctx context.Context, drafts []adapters.Draft) ([]adapters.Outcome, error) {
	outcomes, err := r.write(ctx, drafts, len(drafts) > 1 && r.isNew(ctx, &drafts[len(drafts)-1]))
	if errors.Is(err, errNotNew) {
		outcomes, err = r.write(ctx, drafts, false)
	}
	if errors.Is(err, errNotNew) || isConflict(err) || errors.Is(err, store.ErrMultiple) {
		return nil, adapters.ErrConflict
	}
	return outcomes, err
}

// errNotNew says that a resource taken to be absent is there.
var errNotNew = errors.New("server: a resource to be created exists")

// isNew reports whether a draft is a reading that nobody has written yet.
func (r repository) isNew(ctx context.Context, draft *adapters.Draft) bool {
	if draft.Mode == adapters.CreateIfNoneExist {
		return false
	}
	_, err := r.s.store.Read(ctx, fhir.Key{Type: draft.Type, ID: draft.ID})
	return errors.Is(err, store.ErrNotFound)
}

// write prepares and commits; fresh says that readings are not looked up before.
func (r repository) write(ctx context.Context, drafts []adapters.Draft, fresh bool) ([]adapters.Outcome, error) {
	writes := make([]draftWrite, len(drafts))
	parallel(len(drafts), runtime.GOMAXPROCS(0), func(i int) {
		w := &writes[i]
		switch {
		case drafts[i].Mode == adapters.CreateIfNoneExist:
			w.err = r.prepareIdentity(ctx, &drafts[i], w)
		case fresh:
			w.outcome, w.op.IfNoneMatch = adapters.Created, true
			w.err = r.prepare(&drafts[i], drafts[i].JSON, w)
		default:
			w.err = r.prepareReading(ctx, &drafts[i], w)
		}
		if w.skip && w.err == nil {
			w.err = r.checkLeave(&drafts[i])
		}
	})
	outcomes := make([]adapters.Outcome, len(drafts))
	ops := make([]store.Op, 0, len(drafts))
	for i := range writes {
		if writes[i].err != nil {
			return nil, writes[i].err
		}
		outcomes[i] = writes[i].outcome
		if !writes[i].skip {
			ops = append(ops, writes[i].op)
		}
	}
	if len(ops) == 0 {
		return outcomes, nil
	}
	if _, err := r.commit(ops); err != nil {
		if errors.Is(err, store.ErrPrecondition) {
			return nil, errNotNew
		}
		return nil, err
	}
	return outcomes, nil
}

// commit writes what the sender may write. Readings need leave of their own to be created, and to be changed. Patients and devices that the manifest makes of
// identifiers are part of what who may create any Observation sends.
func (r repository) commit(ops []store.Op) ([]store.Result, error) {
	return r.s.commitAs(r.x, ops, func(i int) auth.Action {
		switch op := ops[i]; {
		case op.IfNoneExist != nil && r.sendsAny():
			return noLeave
		case op.IfMatch == "":
			return auth.Create
		}
		return auth.Update
	})
}

// sendsAny reports whether the sender may create any Observation as far as scopes say. What single patients deny, the commit looks at.
func (r repository) sendsAny() bool {
	if g, ok := r.x.grant.(interface {
		Gives(resourceType string, action auth.Action) bool
	}); ok {
		return g.Gives("Observation", auth.Create)
	}
	plan, ok := r.x.grant.Limit("Observation", auth.Create)
	return ok && plan == nil
}

// checkLeave refuses a draft that the sender could not write, before it is looked at what is there: that is not for him to know.
func (r repository) checkLeave(draft *adapters.Draft) error {
	plan, ok := r.x.grant.Limit(draft.Type, auth.Create)
	switch {
	case ok && plan == nil || draft.Mode == adapters.CreateIfNoneExist && r.sendsAny():
		return nil
	case !ok:
		return errBeyondReach()
	}
	w := &draftWrite{}
	if err := r.prepare(draft, draft.JSON, w); err != nil {
		return err
	}
	fits, err := r.s.matchesKeys(r.x.ctx, plan, w.op.Key, w.op.Keys, r.s.clock())
	if err == nil && !fits {
		err = errBeyondReach()
	}
	return err
}

// existing takes the resource that was found, which must be the one and only.
func (w *draftWrite) existing(ids []string, id string) error {
	if len(ids) > 1 || ids[0] != id {
		return adapters.ErrConflict
	}
	w.outcome, w.skip = adapters.Existing, true
	return nil
}

// prepareIdentity makes the operation of a Patient or Device: created under its planned id on the condition that the identifier is still nobody's. It is
// an update, because a deleted resource may have had the id.
func (r repository) prepareIdentity(ctx context.Context, draft *adapters.Draft, w *draftWrite) error {
	query, ids, err := r.find(ctx, draft.Type, draft.System, draft.Value)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		return w.existing(ids, draft.ID)
	}
	if err := r.checkLeave(draft); err != nil {
		return err
	}
	switch _, err := r.s.store.Read(ctx, fhir.Key{Type: draft.Type, ID: draft.ID}); {
	case err == nil:
		// Somebody may have made it between the two looks.
		if _, ids, err = r.find(ctx, draft.Type, draft.System, draft.Value); err != nil {
			return err
		}
		if len(ids) > 0 {
			return w.existing(ids, draft.ID)
		}
		return fhir.Invalidf(fhir.CodeConflict, "", "%s exists, but no longer carries the identifier it was made for", draft.Reference())
	case !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrGone):
		return err
	}
	if err := r.prepare(draft, draft.JSON, w); err != nil {
		return err
	}
	w.outcome = adapters.Created
	w.op.IfNoneMatch, w.op.IfNoneExist, w.op.ExpectNone = true, query, true
	return nil
}

// prepareReading makes the operation of a resource whose id says what it is: created, replaced when it says something else than the version read, or left.
func (r repository) prepareReading(ctx context.Context, draft *adapters.Draft, w *draftWrite) error {
	current, err := r.s.store.Read(ctx, fhir.Key{Type: draft.Type, ID: draft.ID})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
		w.outcome, w.op.IfNoneMatch = adapters.Created, true
		return r.prepare(draft, draft.JSON, w)
	}
	if err != nil {
		return err
	}
	body, changed, err := draft.Reconcile(current.JSON)
	if err != nil {
		return err
	}
	if !changed {
		w.outcome, w.skip = adapters.Unchanged, true
		return nil
	}
	w.outcome, w.op.IfMatch = adapters.Updated, current.Key.Version
	return r.prepare(draft, body, w)
}

// prepare stamps and indexes a body and keeps the preconditions of the operation.
func (r repository) prepare(draft *adapters.Draft, body []byte, w *draftWrite) error {
	res, err := fhir.ParseResource(body)
	if err != nil {
		return err
	}
	op, err := r.s.write(store.Update, fhir.Key{Type: draft.Type, ID: draft.ID}, res, origin{})
	op.IfMatch, op.IfNoneMatch = w.op.IfMatch, w.op.IfNoneMatch
	w.op = op
	return err
}
