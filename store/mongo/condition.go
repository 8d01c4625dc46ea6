package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// condition evaluates IfNoneExist on what is stored and what the operations before left. It returns nil when nothing matches.
func (t *transaction) condition(op *store.Op) (*store.Result, error) {
	q := op.IfNoneExist
	found, err := t.pendingMatches(q)
	if err != nil {
		return nil, err
	}
	if len(found) < 2 {
		stored, err := t.storedMatches(q)
		if err != nil {
			return nil, err
		}
		found = append(found, stored...)
	}
	existing, err := store.Decide(op, found, func(v *version) string { return v.key.ID })
	if existing == nil {
		return nil, err
	}
	return &store.Result{Version: existing.result(), Existing: true}, nil
}

// pendingMatches finds matches among what this transaction writes. References lead to what is stored.
func (t *transaction) pendingMatches(q *search.Query) (found []*version, err error) {
	links := resolver{v: &t.view, typ: q.Type, err: &err}
	for _, w := range t.writes {
		if v := w.next; v.key.Type == q.Type && v.live() && search.Match(q.Plan, v.key.ID, v.keys, links) {
			found = append(found, v)
		}
	}
	return found, err
}

// storedMatches finds up to two stored matches that this transaction does not write over.
func (t *transaction) storedMatches(q *search.Query) ([]*version, error) {
	f, err := t.filter(q.Type, q.Plan)
	if err != nil || f.none {
		return nil, err
	}
	var written bson.A
	for _, w := range t.writes {
		if w.next.key.Type == q.Type && w.old != nil {
			written = append(written, w.next.key.ID)
		}
	}
	where := f.onlyLive()
	if len(written) > 0 {
		where = conjunction(where, bson.D{{Key: fieldID, Value: bson.D{{Key: "$nin", Value: written}}}})
	}
	var found []*version
	o := options.Find()
	if f.exact {
		o.SetLimit(2)
	}
	test := t.tester(q.Type, q.Plan, f)
	err = t.find(q.Type, where, o, func(document bson.Raw) (bool, error) {
		v, err := t.s.readVersion(q.Type, document)
		if err != nil {
			return false, err
		}
		if ok, err := test.accepts(v); err != nil || !ok {
			return err == nil, err
		}
		found = append(found, v)
		return len(found) < 2, nil
	})
	return found, err
}

// resent answers a conditional create whose resource is there, as most that are sent again find it, without a transaction: one find is one moment. It returns nil for
// everything else.
func (s *Store) resent(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	if len(ops) != 1 || ops[0].IfNoneExist == nil || search.FollowsReferences(ops[0].IfNoneExist.Plan) {
		return nil, nil
	}
	t := &transaction{view: view{s: s, ctx: ctx}, ops: ops}
	found, err := t.condition(&ops[0])
	if err != nil || found == nil {
		return nil, store.Refused(0, err)
	}
	return []store.Result{*found}, nil
}
