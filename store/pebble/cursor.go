package pebble

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// position is where a page ended: the sort values of its last match and its row.
type position struct {
	values []sortValue
	row    uint64
}

// sortValue is the value of one sort key; missing ones sort last.
type sortValue struct {
	text string
	has  bool
}

// cursor is what Page.Next says: a position, and the total if it was counted.
type cursor struct {
	position
	total int // -1: not counted
}

const (
	cursorVersion = 1
	cursorSum     = 10 // bytes of the signature
)

// sign computes the signature that binds a cursor to this store and its query.
func (s *Store) sign(fingerprint, payload []byte) []byte {
	h := sha256.New()
	h.Write(s.secret[:])
	h.Write(fingerprint)
	h.Write(payload)
	return h.Sum(nil)[:cursorSum]
}

func (s *Store) seal(fingerprint, payload []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(s.sign(fingerprint, payload), payload...))
}

// unseal returns the payload of a cursor that seal made for the same fingerprint.
func (s *Store) unseal(fingerprint []byte, text string) ([]byte, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) <= cursorSum || string(s.sign(fingerprint, data[cursorSum:])) != string(data[:cursorSum]) || data[cursorSum] != cursorVersion {
		return nil, fmt.Errorf("page cursor: %w", store.ErrBadCursor)
	}
	return data[cursorSum+1:], nil
}

func (s *Store) encodeCursor(q *search.Query, c cursor) string {
	b := []byte{cursorVersion}
	b = binary.AppendVarint(b, int64(c.total))
	b = binary.AppendUvarint(b, c.row)
	for _, v := range c.values {
		if !v.has {
			b = append(b, 0)
			continue
		}
		b = append(b, 1)
		b = binary.AppendUvarint(b, uint64(len(v.text)))
		b = append(b, v.text...)
	}
	return s.seal(fingerprint(q), b)
}

func (s *Store) decodeCursor(q *search.Query) (c cursor, err error) {
	b, err := s.unseal(fingerprint(q), q.Cursor)
	if err != nil {
		return c, err
	}
	total, n := binary.Varint(b)
	row, m := binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 {
		return c, store.ErrBadCursor
	}
	c.total, c.row, b = int(total), row, b[n+m:]
	for range q.Sort {
		if len(b) == 0 {
			return c, store.ErrBadCursor
		}
		v := sortValue{has: b[0] == 1}
		b = b[1:]
		if v.has {
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return c, store.ErrBadCursor
			}
			v.text, b = string(b[n:n+int(size)]), b[n+int(size):]
		}
		c.values = append(c.values, v)
	}
	return c, nil
}

// fingerprint is a digest of what a cursor belongs to: type, plan and order. Page size, total and includes may change between pages.
func fingerprint(q *search.Query) []byte {
	d := digest{h: sha256.New()}
	d.text(q.Type)
	d.plan(q.Plan)
	for _, key := range q.Sort {
		d.list('s', key.Prefixes)
		d.flag(key.Descending)
	}
	return d.h.Sum(d.buf[:0])
}

// digest writes values so that different ones give different bytes.
type digest struct {
	h   hash.Hash
	buf []byte
}

func (d *digest) number(n int) {
	d.buf = binary.AppendUvarint(d.buf[:0], uint64(n))
	d.h.Write(d.buf)
}

func (d *digest) flag(b bool) {
	if b {
		d.number(1)
	} else {
		d.number(0)
	}
}

func (d *digest) text(s string) {
	d.number(len(s))
	d.buf = append(d.buf[:0], s...)
	d.h.Write(d.buf)
}

func (d *digest) list(tag byte, list []string) {
	d.number(int(tag))
	d.number(len(list))
	for _, s := range list {
		d.text(s)
	}
}

func (d *digest) plans(tag byte, list []search.Plan) {
	d.number(int(tag))
	d.number(len(list))
	for _, p := range list {
		d.plan(p)
	}
}

func (d *digest) plan(plan search.Plan) {
	switch p := plan.(type) {
	case search.All:
		d.number('*')
	case search.Keys:
		d.list('k', []string{p.Lo, p.Hi, p.TailLo, p.TailHi})
		d.list('c', p.Contains)
		if p.Near != nil {
			d.list('n', []string{p.Near.String()})
		}
	case search.And:
		d.plans('&', p)
	case search.Or:
		d.plans('|', p)
	case search.Not:
		d.number('!')
		d.plan(p.Of)
	case search.IDs:
		d.list('i', p)
	case search.Ref:
		d.list('r', []string{p.Index, p.Type})
		d.plan(p.Of)
	case search.RevRef:
		d.list('R', []string{p.Type, p.Index})
		d.plan(p.Of)
	}
}
