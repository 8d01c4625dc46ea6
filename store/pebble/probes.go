package pebble

import (
	"bytes"
	"errors"

	engine "github.com/cockroachdb/pebble/v2"
)

// probes answer the committer's point questions about a store that does not change while a group is built. Their iterators live as long as the
// group; they use Bloom filters on every level, because the usual answer is no.
type probes struct {
	db       *engine.DB
	ids      *engine.Iterator
	postings *engine.Iterator
	buf      []byte
}

// row finds the row of an id.
func (p *probes) row(t typeNo, id string) (row uint64, found bool, err error) {
	if err := p.openIDs(); err != nil {
		return 0, false, err
	}
	p.buf = idKey(p.buf[:0], t, id)
	if !p.ids.SeekPrefixGE(p.buf) || !bytes.Equal(p.ids.Key(), p.buf) {
		return 0, false, p.ids.Error()
	}
	return p.rowHere()
}

func (p *probes) openIDs() (err error) {
	if p.ids == nil {
		p.ids, err = p.iterator(spaceIDs)
	}
	return err
}

// rowHere reads the row where the iterator of ids stands.
func (p *probes) rowHere() (row uint64, found bool, err error) {
	value, err := p.ids.ValueAndErr()
	if err != nil || len(value) != rowLen {
		return 0, false, errors.Join(errCorrupt, err)
	}
	return rowOf(value), true, nil
}

// rows calls visit with the rows that have the index key, in order, until it returns false.
func (p *probes) rows(t typeNo, key string, visit func(row uint64) bool) (err error) {
	if p.postings == nil {
		if p.postings, err = p.iterator(spacePosting); err != nil {
			return err
		}
	}
	p.buf = postingPrefix(p.buf[:0], t, key)
	for ok := p.postings.SeekPrefixGE(p.buf); ok; ok = p.postings.Next() {
		if k := p.postings.Key(); len(k) != len(p.buf)+rowLen || !bytes.HasPrefix(k, p.buf) || !visit(tailRow(k)) {
			break
		}
	}
	return p.postings.Error()
}

func (p *probes) iterator(space byte) (*engine.Iterator, error) {
	return p.db.NewIter(&engine.IterOptions{LowerBound: []byte{space}, UpperBound: []byte{space + 1}, UseL6Filters: true})
}

func (p *probes) close() error {
	var err error
	for _, it := range []*engine.Iterator{p.ids, p.postings} {
		if it != nil {
			err = errors.Join(err, it.Close())
		}
	}
	p.ids, p.postings = nil, nil
	return err
}
