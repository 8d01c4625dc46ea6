package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// crashPath is one way to write.
type crashPath struct {
	name         string
	transactions bool // it takes them
	cold         bool // the first write of its process to a type that no process has written

	setup      func(c *crashCase) error // what is there before; done over the connection that will be cut
	act        func(c *crashCase, s *mongo.Store) error
	after      func(c *crashCase, acted error) error // finds out what is there; nil: the ledger alone
	idempotent bool                                  // who is told that it was not done may do it again, whether it was or not
	again      error                                 // what a client that does the same again is told when it was done; nil: success

	meanwhile func(c *crashCase) // another process writes when the cut happens

	gaps map[string]string // what is known to be wrong, by the word at the beginning of the complaint, and why; the list is wrong as soon as nobody complains
}

// crashPaths are all ways to write that a store has.
func crashPaths() []crashPath {
	all := append(applyPaths(), append(transactionPaths(), otherPaths()...)...)
	return append(all, crashPath{
		name: "create, first of its type", cold: true, again: store.ErrConflict, // behind the others, whose reads grow with the number of types
		act: applying(func(c *crashCase) []store.Op { return []store.Op{c.write(store.Create, "Cold"+letters(c.number), "a")} }),
	})
}

// applying returns what acts by Apply.
func applying(ops func(c *crashCase) []store.Op) func(c *crashCase, s *mongo.Store) error {
	return func(c *crashCase, s *mongo.Store) error {
		if c.ops == nil {
			c.ops = ops(c)
		}
		return c.apply(s, c.ops...)
	}
}

// one returns an operation alone.
func one(method store.Method, change func(*store.Op)) func(c *crashCase) []store.Op {
	return func(c *crashCase) []store.Op {
		op := c.write(method, "Patient", "a")
		if change != nil {
			change(&op)
		}
		return []store.Op{op}
	}
}

// letters writes a number with letters, of which types are made.
func letters(n int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'a' }, strconv.Itoa(n))
}

// there writes Patient a by some methods in a row.
func there(methods ...store.Method) func(c *crashCase) error {
	return func(c *crashCase) error {
		for _, m := range methods {
			if err := c.apply(c.first, c.write(m, "Patient", "a")); err != nil {
				return err
			}
		}
		return nil
	}
}

// applyPaths are those of Apply without a transaction.
func applyPaths() []crashPath {
	ifMatch := func(version string) func(*store.Op) { return func(op *store.Op) { op.IfMatch = version } }
	update := applying(one(store.Update, nil))
	return []crashPath{
		{name: "create", act: applying(one(store.Create, nil)), again: store.ErrConflict},
		{name: "update as create", act: update},
		{name: "update as create, If-None-Match", again: store.ErrPrecondition, act: applying(one(store.Update, func(op *store.Op) { op.IfNoneMatch = true }))},
		{name: "update", setup: there(store.Create), act: update},
		{name: "update, If-Match", setup: there(store.Create, store.Update, store.Update), act: applying(one(store.Update, ifMatch("3"))), again: store.ErrPrecondition},
		{name: "update while another writes", setup: there(store.Create), act: update, meanwhile: func(c *crashCase) {
			_ = c.apply(c.lane.direct, c.write(store.Update, "Patient", "a")) // the ledger knows what came of it
		}},
		{name: "update while another writes twice", setup: there(store.Create), act: update, meanwhile: func(c *crashCase) {
			for range 2 {
				_ = c.apply(c.lane.direct, c.write(store.Update, "Patient", "a")) // as above
			}
		}},
		{name: "delete", setup: there(store.Create), act: applying(one(store.Delete, nil))},
		{name: "delete, If-Match", setup: there(store.Create), act: applying(one(store.Delete, ifMatch("1"))), again: store.ErrPrecondition},
		{name: "update after delete", setup: there(store.Create, store.Delete), act: update},
	}
}

// conditional makes a create conditional on the key "cond".
func (c *crashCase) conditional(id string) store.Op {
	key := "cond\x01t" + c.id("")
	op := c.write(store.Create, "Patient", id, key)
	op.IfNoneExist = &search.Query{Type: "Patient", Plan: exactly(key)}
	return op
}

// transactionPaths are those of Apply with one.
func transactionPaths() []crashPath {
	return []crashPath{
		{name: "conditional create", transactions: true, act: applying(func(c *crashCase) []store.Op { return []store.Op{c.conditional("a")} })},
		{
			name: "conditional create, one is there", transactions: true,
			setup: func(c *crashCase) error { return c.apply(c.first, c.conditional("b")) },
			act:   applying(func(c *crashCase) []store.Op { return []store.Op{c.conditional("a")} }),
		},
		{
			name: "transaction", transactions: true, again: store.ErrConflict,
			setup: func(c *crashCase) error {
				return errors.Join(
					c.apply(c.first, c.write(store.Create, "Patient", "b")), c.apply(c.first, c.write(store.Create, "Group", "c")),
					c.apply(c.first, c.write(store.Create, "Group", "d")), c.apply(c.first, c.write(store.Delete, "Group", "d")))
			},
			act: applying(func(c *crashCase) []store.Op {
				return []store.Op{c.write(store.Create, "Patient", "a"), c.write(store.Update, "Patient", "b"), c.write(store.Delete, "Group", "c"), c.write(store.Update, "Group", "d")}
			}),
		},
		{
			name: "transaction with a conditional create", transactions: true, again: store.ErrPrecondition,
			setup: func(c *crashCase) error { return c.apply(c.first, c.write(store.Create, "Group", "b")) },
			act: applying(func(c *crashCase) []store.Op {
				op := c.write(store.Update, "Group", "b")
				op.IfMatch = "1"
				return []store.Op{op, c.conditional("a")}
			}),
		},
	}
}

// otherPaths are those of the optional interfaces.
func otherPaths() []crashPath {
	return []crashPath{
		{name: "rekey", idempotent: true, setup: there(store.Create), act: (*crashCase).rekey, after: (*crashCase).rekeyed},
		{name: "state, new record", act: putState(0), after: stateIs("1", ""), again: store.ErrConflict},
		{name: "state, next revision", setup: func(c *crashCase) error { return putState(0)(c, c.first) }, act: putState(1), after: stateIs("2", "1"), again: store.ErrConflict},
		{
			name: "state, deletion", setup: func(c *crashCase) error { return putState(0)(c, c.first) }, after: stateIs("", "1"), again: store.ErrNotFound,
			act: func(c *crashCase, s *mongo.Store) error {
				return s.DeleteState(c.ctx, "crash", c.id(""), c.revisions[0])
			},
		},
		{name: "restore of two types", act: restoring(0, "Patient", "Group"), after: (*crashCase).restored},
		{
			name: "restore behind what is there", setup: func(c *crashCase) error { return restoring(0, "Patient")(c, c.first) }, act: restoring(2, "Patient"),
			after: (*crashCase).restored,
		},
	}
}

// rekey gives Patient a another key.
func (c *crashCase) rekey(s *mongo.Store) error {
	results, err := s.Rekey(c.ctx, []store.Rekey{{Key: fhir.Key{Type: "Patient", ID: c.id("a"), Version: "1"}, Keys: []string{"rekeyed\x01t" + c.id("")}}})
	if err == nil && results[0] == store.Superseded {
		return errors.New("superseded, by nobody")
	}
	return err
}

// rekeyed looks which keys find Patient a: either the ones or the other.
func (c *crashCase) rekeyed(acted error) error {
	op := &c.ledger.efforts[len(c.ledger.efforts)-1].ops[0]
	before, after := textKey(fmt.Sprintf("%s-%d", c.id("a"), c.serial)), "rekeyed\x01t"+c.id("")
	found := map[string]int{}
	for _, key := range []string{before, after} {
		page, err := c.second.Search(c.ctx, &search.Query{Type: "Patient", Plan: exactly(key), Count: 10})
		if err != nil {
			return err
		}
		found[key] = len(page.Matches)
	}
	if c.done = found[before] == 0; found[before]+found[after] != 1 || acted == nil && !c.done {
		return fmt.Errorf("INDEX: matches by keys: %v", found)
	}
	if c.done {
		op.Keys = []string{after}
	}
	return nil
}

// putState writes the record of the case over its revision of that place, 0 for none.
func putState(behind int) func(c *crashCase, s *mongo.Store) error {
	return func(c *crashCase, s *mongo.Store) error {
		before := uint64(0)
		if behind > 0 {
			before = c.revisions[behind-1]
		}
		revision, err := s.PutState(c.ctx, "crash", c.id(""), []byte(strconv.Itoa(behind+1)), before)
		if err == nil {
			c.revisions = append(c.revisions, revision)
		}
		return err
	}
}

// stateIs looks at the record of the case. Empty stands for none.
func stateIs(done, undone string) func(c *crashCase, acted error) error {
	return func(c *crashCase, acted error) error {
		got := ""
		switch r, err := c.second.GetState(c.ctx, "crash", c.id("")); {
		case err == nil:
			got = string(r.Value)
			if n := len(c.revisions); acted == nil && n > 0 && r.Revision != c.revisions[n-1] {
				return fmt.Errorf("LOST: revision %d of %d", r.Revision, c.revisions)
			}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if c.done = got == done; !c.done && (got != undone || acted == nil) {
			return fmt.Errorf("LOST: the record is %q after %w", got, acted)
		}
		return nil
	}
}

// restoring restores versions behind some of resources of each type, the types taking turns: two more each.
func restoring(behind int, types ...string) func(c *crashCase, s *mongo.Store) error {
	return func(c *crashCase, s *mongo.Store) error {
		if len(c.archive) == behind*len(types) {
			at := c.lane.later()
			for number := behind + 1; number <= behind+2; number++ {
				for _, typ := range types {
					method := store.Update
					if number == 1 {
						method = store.Create
					}
					at = at.Add(time.Millisecond)
					c.archive = append(c.archive, store.Restored{Op: c.write(method, typ, "r"), Version: strconv.Itoa(number), LastUpdated: at})
				}
			}
		}
		return s.Restore(c.ctx, c.archive[behind*len(types):])
	}
}

// restored reads what was restored: a beginning of each resource, and all when that was acknowledged.
func (c *crashCase) restored(acted error) error {
	listed, err := c.listed()
	if err != nil {
		return err
	}
	c.done = true
	var wrong []error
	for i := range c.archive {
		r := &c.archive[i]
		got, err := c.second.Read(c.ctx, r.VersionKey())
		if errors.Is(err, store.ErrNotFound) {
			got, err, c.done = nil, nil, false
		}
		switch {
		case err != nil:
			return err
		case got == nil && acted == nil:
			return fmt.Errorf("LOST: %s was restored", r.VersionKey())
		case got != nil && !cmp.Equal(got.JSON, r.Resource.Render(nil, r.Version, r.LastUpdated)):
			return fmt.Errorf("LOST: %s is not what was restored", r.VersionKey())
		case (got != nil) != (listed[r.VersionKey()] == 1) || listed[r.VersionKey()] > 1:
			wrong = append(wrong, fmt.Errorf("HISTORY: %s is %d times in the history of its type, and readable: %t", r.VersionKey(), listed[r.VersionKey()], got != nil))
		}
	}
	return errors.Join(wrong...)
}

// listed counts versions in the histories of types.
func (c *crashCase) listed() (map[fhir.Key]int, error) {
	listed := map[fhir.Key]int{}
	for _, typ := range []string{"Patient", "Group"} {
		page, err := c.second.History(context.WithoutCancel(c.ctx), store.HistoryQuery{Type: typ, Count: 10_000})
		if err != nil {
			return nil, err
		}
		for _, v := range page.Versions {
			listed[v.Key]++
		}
	}
	return listed, nil
}
