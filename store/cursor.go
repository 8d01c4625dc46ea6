package store

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"time"

	"github.com/firth-health/firth/search"
)

// What a cursor says is the back end's business; that clients cannot change one or use it for another query is the same for all, and is here.

// cursorSum is how many bytes of a cursor are its signature.
const cursorSum = 10

// SealCursor makes the text of a cursor: payload, bound to a query by its fingerprint and to a store by its secret.
func SealCursor(secret, fingerprint, payload []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(signature(secret, fingerprint, payload), payload...))
}

// OpenCursor returns the payload of a cursor that SealCursor made of the same secret and fingerprint, and ErrBadCursor for any other text.
func OpenCursor(secret, fingerprint []byte, text string) ([]byte, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) <= cursorSum || subtle.ConstantTimeCompare(signature(secret, fingerprint, data[cursorSum:]), data[:cursorSum]) != 1 {
		return nil, fmt.Errorf("page cursor: %w", ErrBadCursor)
	}
	return data[cursorSum:], nil
}

func signature(secret, fingerprint, payload []byte) []byte {
	h := sha256.New()
	h.Write(secret)
	h.Write(fingerprint)
	h.Write(payload)
	return h.Sum(nil)[:cursorSum:cursorSum]
}

// Fingerprint is a digest of what a cursor belongs to: type, plan and order. Page size, total and includes may change between pages.
func Fingerprint(q *search.Query) []byte {
	d := digest{h: sha256.New()}
	d.texts('q', q.Type)
	d.plan(q.Plan)
	for _, key := range q.Sort {
		d.texts('s', key.Prefixes...)
		if key.Descending {
			d.number('-')
		} else {
			d.number('+')
		}
	}
	return d.h.Sum(nil)
}

// FingerprintHistory is a digest of what a cursor of [Store].History belongs to.
func FingerprintHistory(q *HistoryQuery) []byte {
	digest := fmt.Appendf(nil, "history\x00%s\x00%s\x00%d\x00%d\x00%d", q.Type, q.ID, nanos(q.Since), nanos(q.At), nanos(q.Before))
	if q.OldestFirst {
		digest = append(digest, "\x00oldest first"...)
	}
	return digest
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
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

func (d *digest) texts(tag byte, texts ...string) {
	d.number(int(tag))
	d.number(len(texts))
	for _, text := range texts {
		d.number(len(text))
		d.buf = append(d.buf[:0], text...)
		d.h.Write(d.buf)
	}
}

func (d *digest) plans(tag byte, parts []search.Plan) {
	d.number(int(tag))
	d.number(len(parts))
	for _, part := range parts {
		d.plan(part)
	}
}

func (d *digest) plan(plan search.Plan) {
	switch p := plan.(type) {
	case search.All:
		d.number('*')
	case search.Keys:
		d.texts('k', p.Lo, p.Hi, p.TailLo, p.TailHi)
		d.texts('c', p.Contains...)
		if p.Among != nil {
			d.texts('a', p.Among.Digest)
		}
		if p.Near != nil {
			d.texts('n', p.Near.String())
		}
	case search.And:
		d.plans('&', p)
	case search.Or:
		d.plans('|', p)
	case search.Not:
		d.plans('!', []search.Plan{p.Of})
	case search.IDs:
		d.texts('i', p...)
	case search.Ref:
		d.texts('r', p.Index, p.Type)
		d.plan(p.Of)
	case search.RevRef:
		d.texts('R', p.Type, p.Index)
		d.plan(p.Of)
	}
}
