package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Check implements [store.Checker]: it derives every index entry that the resources should have, looks each up, and counts those there are.
func (s *Store) Check(ctx context.Context, report func(store.Finding)) (resources int, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	snap := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	for typ, t := range s.types.Load().byName {
		c := &checker{ctx: ctx, r: snap, typ: typ, t: t, report: report}
		if err := c.run(); err != nil {
			return resources, fmt.Errorf("check %s: %w", typ, err)
		}
		resources += int(c.rows)
	}
	return resources, nil
}

// checker checks one type.
type checker struct {
	ctx    context.Context
	r      engine.Reader
	typ    string
	t      typeNo
	report func(store.Finding)

	rows, live, versions, postings, hot uint64
	wanted                              []byte // key being looked up
	entries                             []hotEntry
}

func (c *checker) find(id, format string, args ...any) {
	c.report(store.Finding{Key: fhir.Key{Type: c.typ, ID: id}, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) run() error {
	if err := c.each(spaceCurrent, c.resource); err != nil {
		return err
	}
	n, err := readCounts(c.r, c.t)
	if err != nil {
		return err
	}
	if n.rows != c.rows || n.live != c.live || n.versions != c.versions {
		c.find("", "%d rows, %d live, %d versions; counted were %d, %d, %d", c.rows, c.live, c.versions, n.rows, n.live, n.versions)
	}
	for _, space := range []struct {
		prefix byte
		name   string
		want   uint64
	}{{spaceKeys, "key lists", c.live}, {spaceDead, "marks of the dead", c.rows - c.live}, {spaceIDs, "ids", c.rows},
		{spacePosting, "postings", c.postings}, {spaceHot, "hot keys", c.hot}, {spaceHistory, "older versions", c.versions - c.rows}} {
		got := uint64(0)
		if err := c.each(space.prefix, func(_, _ []byte) error { got++; return nil }); err != nil {
			return err
		}
		if got != space.want {
			c.find("", "%d %s, want %d", got, space.name, space.want)
		}
	}
	return c.log()
}

// each visits the keys of a space of the type.
func (c *checker) each(space byte, visit func(key, value []byte) error) (err error) {
	it, err := c.r.NewIter(&engine.IterOptions{LowerBound: spaceKey(nil, space, c.t), UpperBound: spaceKey(nil, space, c.t+1)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Error(), it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := visit(it.Key(), value); err != nil {
			return err
		}
	}
	return nil
}

// resource checks the current version in a row and all that follows from it.
func (c *checker) resource(key, value []byte) error {
	row := tailRow(key)
	rec, err := parseRecord(value)
	if err != nil {
		c.find("", "row %d: %v", row, err)
		return nil
	}
	id := strings.Clone(rec.id)
	if row != c.rows {
		c.find(id, "row %d where row %d is expected", row, c.rows)
	}
	c.rows, c.versions = row+1, c.versions+rec.version
	if found, err := c.value(idKey(c.wanted[:0], c.t, id)); err != nil || !bytes.Equal(found, appendRow(nil, row)) {
		c.find(id, "the id leads to row %x, want %d (%v)", found, row, err)
	}
	for version := uint64(1); version < rec.version; version++ {
		if _, err := c.value(historyKey(c.wanted[:0], c.t, row, version)); err != nil {
			c.find(id, "version %d: %v", version, err)
		}
	}
	if rec.method == store.Delete {
		if _, err := c.value(rowKey(c.wanted[:0], spaceDead, c.t, row)); err != nil {
			c.find(id, "deleted, but not marked as dead: %v", err)
		}
		return nil
	}
	c.live++
	return c.index(id, row, &rec)
}

// index looks up the index entries of a live resource.
func (c *checker) index(id string, row uint64, rec *record) error {
	list, err := c.value(rowKey(c.wanted[:0], spaceKeys, c.t, row))
	if err != nil {
		c.find(id, "no key list: %v", err)
		return nil
	}
	keys, err := parseKeyList(nil, list)
	if err != nil || !store.SoundKeys(keys, instant(rec.updated)) {
		c.find(id, "the key list is not sorted, lacks lastUpdated, or is unreadable (%v)", err)
	}
	for _, key := range keys {
		c.postings++
		if _, err := c.value(posting(c.wanted[:0], c.t, key, row)); err != nil {
			c.find(id, "no posting of %q: %v", key, err)
		}
	}
	c.entries = c.entries[:0]
	for no, index := range search.HotIndexes(c.typ) {
		c.entries = appendHot(c.entries, no, &index, keys)
	}
	for _, e := range c.entries {
		c.hot++
		value, err := c.value(e.key(c.wanted[:0], c.t, row))
		if err != nil {
			c.find(id, "no hot key of %q at %q: %v", e.token, e.time, err)
		} else if e.token == everyToken && len(value) > 0 && !bytes.Equal(value, store.MeasureOf(c.typ, rec.json)) {
			c.find(id, "its measure is not that of its content")
		}
	}
	return nil
}

// value reads a key, whose buffer is used again.
func (c *checker) value(key []byte) ([]byte, error) {
	c.wanted = key
	value, closer, err := c.r.Get(key)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(value), closer.Close()
}

// log checks that the change log names as many versions as there are.
func (c *checker) log() error {
	logged, last := uint64(0), uint64(0)
	err := c.each(spaceLog, func(key, value []byte) error {
		entries, _, err := parseLog(nil, key, value)
		for _, e := range entries {
			if e.sequence <= last {
				c.find("", "sequence %d follows %d", e.sequence, last)
			}
			last = e.sequence
			logged++
		}
		return err
	})
	if logged != c.versions {
		c.find("", "%d versions in the change log, want %d", logged, c.versions)
	}
	return err
}
