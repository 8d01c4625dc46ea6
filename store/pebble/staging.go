package pebble

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	engine "github.com/cockroachdb/pebble/v2"
)

// staging collects the writes of a group, so that the engine gets them in the order of their keys. Its memory table then finds the place of most keys beside the one before: what
// resources of one group have in common, such as a code, are neighbours there. Nothing of it is seen before it is in a batch.
type staging struct {
	data   []byte  // keys and values
	writes []write // of the same key in the order they were made
	spare  []write
	runs   []int // ends of the sorted parts of writes
}

// write is one key to be set or removed.
type write struct {
	head  uint64 // first bytes of the key, to compare most keys without a look at them
	at    int    // where the key lies; its value lies behind it
	key   uint32 // length
	value uint32 // length, or removal
}

const removal = 1<<32 - 1

// set takes a key and a value of these lengths, which are to be appended to what it returns before the next call.
func (s *staging) set(keyLen, valueLen int) (key, value []byte) {
	at := s.grow(keyLen + valueLen)
	s.writes = append(s.writes, write{at: at, key: uint32(keyLen), value: uint32(valueLen)})
	middle := at + keyLen
	return s.data[at:at:middle], s.data[middle:middle:len(s.data)]
}

func (s *staging) unset(keyLen int) (key []byte) {
	at := s.grow(keyLen)
	s.writes = append(s.writes, write{at: at, key: uint32(keyLen), value: removal})
	return s.data[at:at:len(s.data)]
}

func (s *staging) grow(n int) (at int) {
	at = len(s.data)
	s.data = slices.Grow(s.data, n)[:at+n]
	return at
}

// endRun says that the writes of one change are complete. They are usually made in order.
func (s *staging) endRun() {
	from := 0
	if len(s.runs) > 0 {
		from = s.runs[len(s.runs)-1]
	}
	run := s.writes[from:]
	if len(run) == 0 {
		return
	}
	for i := range run {
		run[i].head = head(s.keyOf(&run[i]))
	}
	if !slices.IsSortedFunc(run, s.compare) {
		slices.SortStableFunc(run, s.compare)
	}
	s.runs = append(s.runs, len(s.writes))
}

func (s *staging) keyOf(w *write) []byte { return s.data[w.at : w.at+int(w.key)] }

// head is the first eight bytes of a key, those of a shorter one filled up with zeros.
func head(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var filled [8]byte
	copy(filled[:], key)
	return binary.BigEndian.Uint64(filled[:])
}

func (s *staging) compare(a, b write) int {
	if a.head != b.head {
		return cmp.Compare(a.head, b.head)
	}
	return bytes.Compare(s.keyOf(&a), s.keyOf(&b))
}

// into moves the writes into a batch. Nothing is staged afterwards.
func (s *staging) into(b *engine.Batch) {
	s.merge()
	for i := range s.writes {
		w := &s.writes[i]
		if w.value == removal {
			copy(b.DeleteDeferred(int(w.key)).Key, s.keyOf(w))
			continue
		}
		op := b.SetDeferred(int(w.key), int(w.value))
		copy(op.Key, s.keyOf(w))
		copy(op.Value, s.data[w.at+int(w.key):])
	}
	s.clear()
}

// merge makes one run of all, two by two.
func (s *staging) merge() {
	s.endRun()
	for len(s.runs) > 1 {
		s.spare = s.spare[:0]
		from, ends := 0, s.runs[:0]
		for i := 0; i < len(s.runs); i += 2 {
			middle, to := s.runs[i], s.runs[min(i+1, len(s.runs)-1)]
			s.spare = s.mergeTwo(s.spare, s.writes[from:middle], s.writes[middle:to])
			from, ends = to, append(ends, to)
		}
		s.runs = ends
		s.writes, s.spare = s.spare, s.writes
	}
}

func (s *staging) mergeTwo(dst, a, b []write) []write {
	for len(a) > 0 && len(b) > 0 {
		if s.compare(b[0], a[0]) < 0 {
			dst, b = append(dst, b[0]), b[1:]
		} else {
			dst, a = append(dst, a[0]), a[1:]
		}
	}
	return append(append(dst, a...), b...)
}

// stagedBytes is how much a group may leave allocated for the next.
const stagedBytes = 2 * groupBytes

func (s *staging) clear() {
	if cap(s.data) > stagedBytes {
		*s = staging{}
		return
	}
	s.data, s.writes, s.runs = s.data[:0], s.writes[:0], s.runs[:0]
}
