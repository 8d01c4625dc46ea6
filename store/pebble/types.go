package pebble

import (
	"encoding/binary"
	"errors"
	"maps"

	engine "github.com/cockroachdb/pebble/v2"
)

// typeTable maps resource types to their numbers. It is immutable.
type typeTable struct {
	byName map[string]typeNo
	byNo   map[typeNo]string
}

func (t *typeTable) no(name string) (typeNo, bool) {
	no, ok := t.byName[name]
	return no, ok
}

// with returns a table that has one more type.
func (t *typeTable) with(name string) (*typeTable, typeNo) {
	no := typeNo(len(t.byName) + 1)
	next := &typeTable{maps.Clone(t.byName), maps.Clone(t.byNo)}
	next.byName[name] = no
	next.byNo[no] = name
	return next, no
}

func typeKey(name string) []byte { return append([]byte{spaceTypes}, name...) }

func loadTypes(db *engine.DB) (*typeTable, error) {
	t := &typeTable{map[string]typeNo{}, map[typeNo]string{}}
	it, err := db.NewIter(&engine.IterOptions{LowerBound: []byte{spaceTypes}, UpperBound: []byte{spaceTypes + 1}})
	if err != nil {
		return nil, err
	}
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil || len(value) != 2 {
			return nil, errors.Join(errCorrupt, it.Close())
		}
		name, no := string(it.Key()[1:]), typeNo(binary.BigEndian.Uint16(value))
		t.byName[name], t.byNo[no] = no, name
	}
	return t, it.Close()
}

// counts are what the store keeps for each type.
type counts struct {
	rows     uint64 // rows given so far; the next row is this number
	live     uint64 // resources that are not deleted
	versions uint64 // versions of all resources, deletions included
}

func (c counts) append(dst []byte) []byte {
	for _, n := range []uint64{c.rows, c.live, c.versions} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func parseCounts(data []byte) (c counts, err error) {
	for _, n := range []*uint64{&c.rows, &c.live, &c.versions} {
		size := 0
		if *n, size = binary.Uvarint(data); size <= 0 {
			return counts{}, errCorrupt
		}
		data = data[size:]
	}
	return c, nil
}

// readCounts reads the counts of a type; those of a type without resources are zero.
func readCounts(r engine.Reader, t typeNo) (counts, error) {
	value, closer, err := r.Get(spaceKey(nil, spaceCounts, t))
	if errors.Is(err, engine.ErrNotFound) {
		return counts{}, nil
	}
	if err != nil {
		return counts{}, err
	}
	c, err := parseCounts(value)
	return c, errors.Join(err, closer.Close())
}
