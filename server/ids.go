package server

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// uuids makes UUIDs of version 7 (RFC 9562): 48 bits of milliseconds, a 12-bit counter, 62 random bits. Those of one source are strictly
// increasing, so that resources created later sort later.
type uuids struct {
	clock func() time.Time

	mu     sync.Mutex
	last   int64 // milliseconds << 12 | counter
	random [1024]byte
	used   int
}

func newUUIDs(clock func() time.Time) *uuids {
	return &uuids{clock: clock, used: len(uuids{}.random)}
}

// next returns the lower-case text of a new UUID.
func (u *uuids) next() string {
	var b [16]byte
	u.fill(&b)
	var text [36]byte
	hex.Encode(text[:8], b[:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

func (u *uuids) fill(b *[16]byte) {
	now := u.clock().UnixMilli() << 12
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last = max(now, u.last+1)
	if u.used == len(u.random) {
		rand.Read(u.random[:]) // never fails (crypto/rand)
		u.used = 0
	}
	u.used += copy(b[8:], u.random[u.used:u.used+8])
	stamp := u.last >> 12
	for i := 5; i >= 0; i-- {
		b[i] = byte(stamp)
		stamp >>= 8
	}
	b[6] = 0x70 | byte(u.last>>8)&0x0F
	b[7] = byte(u.last)
	b[8] = 0x80 | b[8]&0x3F
}
