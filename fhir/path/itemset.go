package path

import (
	"hash/maphash"

	"github.com/firth-health/firth/fhir"
)

// fewItems are compared one by one; more get a hash table.
const fewItems = 16

// itemSet is a set of items under =, where items that = leaves open count as different.
type itemSet struct {
	m      *machine
	where  at
	items  []Value
	seed   maphash.Seed
	byHash map[uint64][]int // nil while there are few items
}

// newItemSet makes a set of the items of the stack from low up to high.
func (m *machine) newItemSet(where at, low, high int) (*itemSet, error) {
	s := &itemSet{m: m, where: where}
	for i := low; i < high; i++ {
		if _, err := s.add(&m.stack[i]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *itemSet) has(v *Value) (bool, error) {
	if s.byHash == nil {
		for i := range s.items {
			if found, err := s.same(v, i); found || err != nil {
				return found, err
			}
		}
		return false, nil
	}
	for _, i := range s.byHash[s.hash(v)] {
		if found, err := s.same(v, i); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func (s *itemSet) same(v *Value, i int) (bool, error) {
	if err := s.m.spend(s.where, 1); err != nil {
		return false, err
	}
	t, err := s.m.equal(s.where, v, &s.items[i])
	return t == yes, err
}

// add reports whether v was not in the set before.
func (s *itemSet) add(v *Value) (bool, error) {
	found, err := s.has(v)
	if found || err != nil {
		return false, err
	}
	s.items = append(s.items, *v)
	switch {
	case s.byHash != nil:
		h := s.hash(v)
		s.byHash[h] = append(s.byHash[h], len(s.items)-1)
	case len(s.items) > fewItems:
		s.seed = maphash.MakeSeed()
		s.byHash = make(map[uint64][]int, 4*fewItems)
		for i := range s.items {
			h := s.hash(&s.items[i])
			s.byHash[h] = append(s.byHash[h], i)
		}
	}
	return true, nil
}

// dedupe keeps the first of equal items above mark.
func (m *machine) dedupe(where at, mark int) error {
	n := len(m.stack)
	if n-mark < 2 {
		return nil
	}
	kept := mark
	if n-mark <= fewItems { // without a set, nothing is allocated
		for i := mark; i < n; i++ {
			fresh, err := m.differs(where, mark, kept, i)
			if err != nil {
				return err
			}
			if fresh {
				m.stack[kept] = m.stack[i]
				kept++
			}
		}
		m.truncate(kept)
		return nil
	}
	set := &itemSet{m: m, where: where}
	for i := mark; i < n; i++ {
		fresh, err := set.add(&m.stack[i])
		if err != nil {
			return err
		}
		if fresh {
			m.stack[kept] = m.stack[i]
			kept++
		}
	}
	m.truncate(kept)
	return nil
}

// differs reports whether item i is none of those from low up to high.
func (m *machine) differs(where at, low, high, i int) (bool, error) {
	for j := low; j < high; j++ {
		if err := m.spend(where, 1); err != nil {
			return false, err
		}
		if t, err := m.equal(where, &m.stack[j], &m.stack[i]); t == yes || err != nil {
			return false, err
		}
	}
	return true, nil
}

// hash is the same for items that are equal.
func (s *itemSet) hash(v *Value) uint64 {
	x := v.asSystem()
	switch x.kind {
	case Integer, Decimal:
		return s.hashNumber(x.number())
	case QuantityKind:
		if q := x.quantity(); q.Unit == "1" {
			return s.hashNumber(q.Value)
		}
		return 1 // equal quantities may have different units
	case Date, DateTime, Time:
		t := x.temporal()
		return uint64(t.wall.Add(-t.offset).Unix())
	case Element:
		return s.hashNode(x.node)
	case None:
		return s.hashNode(v.sibling)
	}
	return maphash.Comparable(s.seed, x.system)
}

func (s *itemSet) hashNumber(d fhir.Decimal) uint64 {
	negative, digits, exponent := d.Digits()
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits, exponent = digits[:len(digits)-1], exponent+1
	}
	if digits == "0" {
		negative, exponent = false, 0
	}
	return maphash.Comparable(s.seed, struct {
		negative bool
		digits   string
		exponent int
	}{negative, digits, exponent})
}

// hashNode does not depend on the order of members.
func (s *itemSet) hashNode(n fhir.Node) uint64 {
	s.m.steps--
	switch n.Kind() {
	case fhir.Object:
		sum := uint64(17)
		for c := n.First(); c.Ok(); c = c.Next() {
			sum += maphash.Bytes(s.seed, memberName(c)) * (s.hashNode(c) | 1)
		}
		return sum
	case fhir.Array:
		sum := uint64(19)
		for c := n.First(); c.Ok(); c = c.Next() {
			sum = sum*31 + s.hashNode(c)
		}
		return sum
	case fhir.Number:
		if d, err := fhir.ParseDecimal(n.Text()); err == nil {
			return s.hashNumber(d)
		}
	}
	return maphash.String(s.seed, n.Text())
}
