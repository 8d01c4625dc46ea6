package mongo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Two transactions that each look for a resource, find none and create one do not touch a common document, so that nothing would keep both from succeeding.
// Therefore each writes a claim first: a document named by what it looks for. Of two that do, the second fails with a write conflict and begins anew, on what the
// first left.

// claimSeconds is how long claims are kept. They matter only while a transaction runs, which MongoDB ends after a minute.
const claimSeconds = 24 * 60 * 60

// claims names what the conditions of some operations look for, sorted.
func claims(ops []store.Op) []string {
	var names []string
	for i := range ops {
		q := ops[i].IfNoneExist
		if q == nil {
			continue
		}
		keys, ok := needed(q.Plan)
		if !ok || len(keys) == 0 {
			keys = []string{"*"} // any resource of the type could be what is looked for
		}
		for _, key := range keys {
			sum := sha256.Sum256([]byte(q.Type + "\x00" + key))
			names = append(names, hex.EncodeToString(sum[:16]))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// needed lists index keys and ids of which every match of the plan has at least one; ok is false when there is no such list. Where several parts of an And have
// one all are listed, so that whoever looks for one of them shares a claim.
func needed(plan search.Plan) (keys []string, ok bool) {
	switch p := plan.(type) {
	case search.Keys:
		if key, exact := p.Exact(); exact {
			return []string{key}, true
		}
	case search.IDs:
		for _, id := range p {
			keys = append(keys, search.IDPrefix+id)
		}
		return keys, true
	case search.And:
		for _, part := range p {
			if some, has := needed(part); has {
				keys, ok = append(keys, some...), true
			}
		}
		return keys, ok
	case search.Or:
		for _, part := range p {
			some, has := needed(part)
			if !has {
				return nil, false
			}
			keys = append(keys, some...)
		}
		return keys, true
	}
	return nil, false
}

// claim writes the claims. It is the first thing that a transaction does. They expire by the clock of the server, so it is that which dates them.
func (s *Store) claim(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	models := make([]mongo.WriteModel, len(names))
	for i, name := range names {
		change := bson.D{{Key: "$currentDate", Value: bson.D{{Key: fieldUpdated, Value: true}}}, {Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}
		models[i] = mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: fieldID, Value: name}}).SetUpdate(change).SetUpsert(true)
	}
	_, err := s.db.Collection(collectionClaims).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(true))
	return err
}
