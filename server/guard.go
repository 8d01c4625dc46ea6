package server

import (
	"errors"
	"slices"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// errBeyondReach refuses a write. It says nothing of what is stored.
func errBeyondReach() error {
	return fhir.Invalidf(fhir.CodeForbidden, "", "the access token does not allow to write this resource: it lies, before or after the change, outside of what the token is limited to")
}

// noLeave is the action of what a caller may do in any case.
const noLeave auth.Action = 0

// writeAction is what an interaction that writes needs leave for. An update may create, also where it is conditional (SMART App Launch 2.2, scopes for requesting
// FHIR resources).
func (x *exchange) writeAction() auth.Action {
	switch x.interaction.name {
	case "create":
		return auth.Create
	case "delete":
		return auth.Delete
	}
	if op := x.interaction.operation; op != nil && op.code == "document" {
		return auth.Create
	}
	return auth.Update
}

// commit applies operations of an exchange within the caller's reach, together with what X-Provenance states of them.
func (s *Server) commit(x *exchange, ops []store.Op) ([]store.Result, error) {
	if x.provenance != nil {
		return s.commitStated(x, ops[0])
	}
	return s.commitAs(x, ops, func(int) auth.Action { return x.writeAction() })
}

// commitAs applies operations, each for an action, within the caller's reach: what is changed must be within it before and after. The versions that were looked at are
// demanded by the commit, so that nothing slips out of reach in between.
func (s *Server) commitAs(x *exchange, ops []store.Op, action func(i int) auth.Action) ([]store.Result, error) {
	if s.auditor == nil {
		return s.commitWithin(x, ops, action)
	}
	committed := noting(ops, s.noted(x, len(ops)))
	results, err := s.commitWithin(x, ops, action)
	if err == nil {
		committed()
	}
	return results, err
}

// commitWithin is commitAs, after the operations have their note.
func (s *Server) commitWithin(x *exchange, ops []store.Op, action func(i int) auth.Action) ([]store.Result, error) {
	if x.isUnlimited(ops, action) {
		return s.store.Apply(x.ctx, ops)
	}
	for attempt := 0; ; attempt++ {
		g := checkedCommit{s: s, x: x, ops: slices.Clone(ops), demands: make([]bool, len(ops))}
		for i := range g.ops {
			if err := g.check(i, action(i)); err != nil {
				return nil, &store.OpError{Index: i, Err: err}
			}
		}
		results, err := s.store.Apply(x.ctx, g.ops)
		if err == nil || !g.isRace(err) {
			return results, err
		}
		if attempt == conflictRetries {
			return nil, store.ErrConflict
		}
	}
}

// isUnlimited reports whether nothing keeps the caller from doing the operations to any resource.
func (x *exchange) isUnlimited(ops []store.Op, action func(i int) auth.Action) bool {
	if _, dev := x.grant.(everything); dev {
		return true
	}
	for i := range ops {
		needed := action(i)
		if plan, ok := x.grant.Limit(ops[i].Key.Type, needed); needed != noLeave && (!ok || plan != nil) {
			return false
		}
	}
	return true
}

// checkedCommit puts operations under the conditions that keep them within reach.
type checkedCommit struct {
	s       *Server
	x       *exchange
	ops     []store.Op
	demands []bool // of an operation a version that the client did not ask for
}

// check is about one operation: the content that it leaves behind, and then what is there now.
func (g *checkedCommit) check(i int, action auth.Action) error {
	op := &g.ops[i]
	plan, ok := g.x.grant.Limit(op.Key.Type, action)
	switch {
	case action == noLeave:
		return nil
	case !ok:
		return errBeyondReach()
	case plan == nil:
		return nil
	}
	if op.Method != store.Delete {
		fits, err := g.s.matchesKeys(g.x.ctx, plan, op.Key, op.Keys, g.s.clock())
		if err != nil {
			return err
		}
		if !fits {
			return errBeyondReach()
		}
	}
	if op.Method == store.Create { // under an id of the server's own
		return nil
	}
	current, err := g.s.currentWithin(g.x.ctx, fhir.Key{Type: op.Key.Type, ID: op.Key.ID}, plan)
	switch {
	case err == nil:
		if op.IfMatch != "" && op.IfMatch != current.Key.Version || op.IfNoneMatch {
			return store.ErrPrecondition
		}
		g.demands[i], op.IfMatch = op.IfMatch == "", current.Key.Version
		return nil
	case !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrGone):
		return err
	case op.Method == store.Delete:
		return g.checkAbsentDelete(op)
	}
	return g.checkAbsentUpdate(i, errors.Is(err, store.ErrGone))
}

// checkAbsentDelete lets a deletion of what is not there, or is hidden, come to nothing in the same way: it is about an id that nobody has.
func (g *checkedCommit) checkAbsentDelete(op *store.Op) error {
	if err := g.checkUnseen(op); err != nil {
		return err
	}
	op.Key.ID = g.s.newID()
	return nil
}

// checkUnseen refuses an operation on a resource that the caller sees, but may not change.
func (g *checkedCommit) checkUnseen(op *store.Op) error {
	sees, err := g.s.sees(g.x, fhir.Key{Type: op.Key.Type, ID: op.Key.ID})
	if err == nil && sees {
		return errBeyondReach()
	}
	return err
}

// checkAbsentUpdate lets an update create what is not there. An id that a hidden resource has cannot be taken, which is all that is told of it.
func (g *checkedCommit) checkAbsentUpdate(i int, wasOurs bool) error {
	op := &g.ops[i]
	if err := g.checkUnseen(op); err != nil {
		return err
	}
	if op.IfMatch != "" {
		return store.ErrPrecondition
	}
	if !wasOurs {
		_, err := g.s.store.Read(g.x.ctx, fhir.Key{Type: op.Key.Type, ID: op.Key.ID})
		if err == nil || errors.Is(err, store.ErrGone) {
			return errBeyondReach()
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	g.demands[i], op.IfNoneMatch = !op.IfNoneMatch, true
	return nil
}

// isRace reports whether a commit failed because what was checked is no longer so.
func (g *checkedCommit) isRace(err error) bool {
	failed := (*store.OpError)(nil)
	return errors.Is(err, store.ErrPrecondition) && errors.As(err, &failed) && failed.Index < len(g.demands) && g.demands[failed.Index]
}
