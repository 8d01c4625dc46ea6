package signing

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/auth/smart/sealed"
	"github.com/firth-health/firth/store"
)

const (
	stateKind = "smart-signing-key"
	bits      = 2048
	reload    = time.Minute // how long another server's new key may go unnoticed; far less than ahead
)

// Options of [Open]; State, Box and Clock are required.
type Options struct {
	State store.State
	Box   *sealed.Box
	Clock func() time.Time
	Life  time.Duration // how long a key signs; 0: 90 days
	Ahead time.Duration // how long it is published before and after; 0: 24 hours

	// Made is told of each key that this process makes, by its number, and from when on it signs; nil: nobody is.
	Made func(ctx context.Context, number int, signs time.Time)
}

// record is the stored form of a key.
type record struct {
	Number  int
	Created time.Time
	Signs   time.Time // from when on
	Sealed  []byte    // PKCS #8, under the operator's key
}

type key struct {
	number int
	id     string
	signs  time.Time
	ends   time.Time // is no longer published
	key    *rsa.PrivateKey
}

// Keys signs, and publishes what verifies. It is safe for concurrent use.
type Keys struct {
	kind records.Kind[record]
	box  *sealed.Box
	o    Options

	mu     sync.Mutex
	keys   []key // by number
	loaded time.Time
}

// Open reads the keys and makes the first when there is none. [sealed.ErrKey] when the store's keys were sealed under another key.
func Open(ctx context.Context, o Options) (*Keys, error) {
	if o.Life <= 0 {
		o.Life = 90 * 24 * time.Hour
	}
	if o.Ahead <= 0 {
		o.Ahead = 24 * time.Hour
	}
	k := &Keys{kind: records.NewKind[record](o.State, stateKind), box: o.Box, o: o}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k, k.refresh(ctx)
}

// refresh reads the keys, makes what is due and deletes what is over. Its caller holds mu.
func (k *Keys) refresh(ctx context.Context) error {
	now := k.o.Clock()
	for {
		if err := k.read(ctx, now); err != nil {
			return err
		}
		number, signs, due := k.due(now)
		if !due {
			k.loaded = now
			return nil
		}
		if err := k.create(ctx, number, now, signs); err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// due says which key is to be made now and from when on it signs.
func (k *Keys) due(now time.Time) (number int, signs time.Time, due bool) {
	if len(k.keys) == 0 {
		return 1, now, true
	}
	last := k.keys[len(k.keys)-1]
	next := last.signs.Add(k.o.Life)
	if now.Before(next.Add(-k.o.Ahead)) {
		return 0, time.Time{}, false
	}
	if earliest := now.Add(k.o.Ahead); next.Before(earliest) {
		next = earliest // the server was off when it was due: it still is published first
	}
	return last.number + 1, next, true
}

func (k *Keys) create(ctx context.Context, number int, now, signs time.Time) error {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	id := recordID(number)
	err = k.kind.Create(ctx, id, record{Number: number, Created: now, Signs: signs, Sealed: k.box.Seal(stateKind+"/"+id, encoded)})
	if err == nil && k.o.Made != nil {
		k.o.Made(ctx, number, signs)
	}
	return err
}

func recordID(number int) string { return fmt.Sprintf("%08d", number) }

func (k *Keys) read(ctx context.Context, now time.Time) error {
	entries, err := k.kind.All(ctx)
	if err != nil {
		return err
	}
	known := map[int]key{}
	for _, have := range k.keys {
		known[have.number] = have
	}
	keys := make([]key, 0, len(entries))
	for i, e := range entries {
		have, ok := known[e.Value.Number]
		if !ok {
			if have, err = k.open(e); err != nil {
				return err
			}
		}
		have.ends = time.Time{}
		if i+1 < len(entries) {
			have.ends = entries[i+1].Value.Signs.Add(k.o.Ahead)
		}
		if !have.ends.IsZero() && now.After(have.ends) {
			if _, err := k.kind.DeleteRevision(ctx, e.ID, e.Revision); err != nil {
				return err
			}
			continue
		}
		keys = append(keys, have)
	}
	k.keys = keys
	return nil
}

func (k *Keys) open(e records.Entry[record]) (key, error) {
	encoded, err := k.box.Open(stateKind+"/"+e.ID, e.Value.Sealed)
	if err != nil {
		return key{}, fmt.Errorf("signing key %d: %w", e.Value.Number, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(encoded)
	if err != nil {
		return key{}, fmt.Errorf("signing key %d: %w", e.Value.Number, err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return key{}, fmt.Errorf("signing key %d: not RSA", e.Value.Number)
	}
	print, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256) // RFC 7638
	if err != nil {
		return key{}, err
	}
	return key{number: e.Value.Number, id: base64.RawURLEncoding.EncodeToString(print), signs: e.Value.Signs, key: private}, nil
}

// current returns the keys, read anew when that was long ago. What was read before is used when the store cannot be asked.
func (k *Keys) current(ctx context.Context) ([]key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.o.Clock(); now.Sub(k.loaded) >= reload {
		if err := k.refresh(ctx); err != nil && len(k.keys) == 0 {
			return nil, err
		}
	}
	return k.keys, nil
}

// Sign returns claims as a JWT signed with RS256 (OpenID Connect Core 1.0 section 2).
func (k *Keys) Sign(ctx context.Context, claims any) (string, error) {
	keys, err := k.current(ctx)
	if err != nil {
		return "", err
	}
	now := k.o.Clock()
	use := keys[0]
	for _, candidate := range keys {
		if !candidate.signs.After(now) {
			use = candidate
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: use.key, KeyID: use.id}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// Public returns the JWK Set that verifies what is and was signed (RFC 7517): bare keys with kid, use and alg.
func (k *Keys) Public(ctx context.Context) (jose.JSONWebKeySet, error) {
	keys, err := k.current(ctx)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(keys))}
	for _, have := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: have.key.Public(), KeyID: have.id, Algorithm: string(jose.RS256), Use: "sig"})
	}
	return set, nil
}
