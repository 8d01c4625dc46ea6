package passwords

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Parameters of Argon2id.
type Parameters struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// recommended is RFC 9106's choice where 2 GiB a hash are too much (section 4: t=3, 64 MiB), with one lane, because the other cores have requests to answer.
var recommended = Parameters{Time: 3, Memory: 64 << 10, Threads: 1}

// Bounds on what a stored hash may ask for.
const (
	maxTime   = 64
	maxMemory = 1 << 20 // KiB
)

const (
	saltBytes = 16
	keyBytes  = 32
)

// ErrBusy says that too many passwords wait to be checked; try again later.
var ErrBusy = errors.New("too many logins at once, try again in a moment")

var errEncoding = errors.New("stored password hash cannot be read")

// Hasher hashes passwords, a bounded number at once. It is safe for concurrent use.
type Hasher struct {
	parameters Parameters
	running    chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	decoy      string
}

// Options of a [Hasher]; the zero value has defaults.
type Options struct {
	Parameters Parameters // zero: time 3, memory 64 MiB, 1 thread
	AtOnce     int        // hashes that run at the same time; 0: half of the cores, at least one
	Waiting    int        // callers that may wait for their turn; 0: 32
}

// NewHasher returns a Hasher.
func NewHasher(o Options) *Hasher {
	if o.Parameters == (Parameters{}) {
		o.Parameters = recommended
	}
	if o.AtOnce <= 0 {
		o.AtOnce = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.Waiting <= 0 {
		o.Waiting = 32
	}
	h := &Hasher{parameters: o.Parameters, running: make(chan struct{}, o.AtOnce), maxWaiting: int64(o.Waiting)}
	h.decoy = encode(o.Parameters, make([]byte, saltBytes), make([]byte, keyBytes))
	return h
}

// enter waits for a turn. ErrBusy when too many wait, or ctx's error.
func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.running <- struct{}{}:
		return nil
	default:
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.maxWaiting {
		return ErrBusy
	}
	select {
	case h.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) leave() { <-h.running }

// Hash returns the encoded hash of a password. ErrBusy, or ctx's error.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	return encode(h.parameters, salt, derive(h.parameters, password, salt)), nil
}

func derive(p Parameters, password string, salt []byte) []byte {
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, p.Time, p.Memory, p.Threads, keyBytes)
}

// encode writes the form that other programs know too: $argon2id$v=19$m=65536,t=3,p=1$salt$hash.
func encode(p Parameters, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// Verify says whether a password has an encoded hash. An empty hash takes as long as any other and never matches, so that time does not tell which accounts exist. ErrBusy, or ctx's error.
func (h *Hasher) Verify(ctx context.Context, password, encoded string) (bool, error) {
	known := encoded != ""
	if !known {
		encoded = h.decoy
	}
	p, salt, key, err := decode(encoded)
	if err != nil {
		return false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	return subtle.ConstantTimeCompare(derive(p, password, salt), key) == 1 && known, nil
}

// Outdated says that a hash was made with other parameters, so that it is made anew at the next login.
func (h *Hasher) Outdated(encoded string) bool {
	p, _, _, err := decode(encoded)
	return err == nil && p != h.parameters
}

func decode(encoded string) (p Parameters, salt, key []byte, err error) {
	var version int
	var saltText, keyText string
	rest := []byte(encoded)
	for i, c := range rest {
		if c == '$' {
			rest[i] = ' '
		}
	}
	if _, err := fmt.Sscanf(string(rest), " argon2id v=%d m=%d,t=%d,p=%d %s %s", &version, &p.Memory, &p.Time, &p.Threads, &saltText, &keyText); err != nil {
		return p, nil, nil, errEncoding
	}
	if version != argon2.Version || p.Time == 0 || p.Time > maxTime || p.Memory > maxMemory || p.Threads == 0 {
		return p, nil, nil, errEncoding
	}
	b64 := base64.RawStdEncoding
	if salt, err = b64.DecodeString(saltText); err != nil {
		return p, nil, nil, errEncoding
	}
	if key, err = b64.DecodeString(keyText); err != nil || len(key) != keyBytes {
		return p, nil, nil, errEncoding
	}
	return p, salt, key, nil
}
