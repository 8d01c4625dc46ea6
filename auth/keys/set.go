package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Set is a JWK Set. The zero value is empty.
type Set struct{ keys []jose.JSONWebKey }

// Bounds on what others send.
const (
	MaxKeys     = 100
	MaxSetBytes = 256 << 10
	minRSABits  = 2048 // up to the 4096 of jose.MaxRSAModulusBits
)

// ParseSet reads a JWK Set (RFC 7517 section 5). Keys of a type or curve that is not known are left out, as the RFC asks; a private or symmetric key is an error, because whoever
// published it has lost it.
func ParseSet(data []byte) (*Set, error) {
	if len(data) > MaxSetBytes {
		return nil, fmt.Errorf("a JWK Set of more than %d bytes", MaxSetBytes)
	}
	var raw struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, errors.New("not a JWK Set: not JSON of that shape")
	}
	if raw.Keys == nil {
		return nil, errors.New("not a JWK Set: it has no member keys")
	}
	if len(*raw.Keys) > MaxKeys {
		return nil, fmt.Errorf("a JWK Set of more than %d keys", MaxKeys)
	}
	set := &Set{}
	for _, one := range *raw.Keys {
		var secret struct {
			Type string           `json:"kty"`
			D    *json.RawMessage `json:"d"`
		}
		if err := json.Unmarshal(one, &secret); err == nil && (secret.D != nil || secret.Type == "oct") {
			return nil, errors.New("a JWK Set with a private or symmetric key")
		}
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(one); err != nil || !key.Valid() || !key.IsPublic() {
			continue
		}
		set.keys = append(set.keys, key)
	}
	return set, nil
}

// Len is the number of keys that can be used.
func (s *Set) Len() int { return len(s.keys) }

// errNoKey says that a set has no key of an id for an algorithm; a newer set may have one.
var errNoKey = errors.New("no key of this kid and type")

// key returns the one key that has an id and fits an algorithm. With an empty id the set must have exactly one that fits.
func (s *Set) key(id string, algorithm jose.SignatureAlgorithm) (*jose.JSONWebKey, error) {
	var found *jose.JSONWebKey
	for i := range s.keys {
		k := &s.keys[i]
		if id != "" && k.KeyID != id || k.Use == "enc" || k.Algorithm != "" && k.Algorithm != string(algorithm) || !fits(k.Key, algorithm) {
			continue
		}
		if found != nil {
			return nil, errors.New("several keys of this kid and type")
		}
		found = k
	}
	if found == nil {
		return nil, errNoKey
	}
	return found, nil
}

// fits reports whether a public key can be used with an algorithm: RFC 7518 sections 3.3 to 3.5.
func fits(key any, algorithm jose.SignatureAlgorithm) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch algorithm {
		case jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512:
			return key.N.BitLen() >= minRSABits
		}
	case *ecdsa.PublicKey:
		switch algorithm {
		case jose.ES256:
			return key.Curve == elliptic.P256()
		case jose.ES384:
			return key.Curve == elliptic.P384()
		case jose.ES512:
			return key.Curve == elliptic.P521()
		}
	}
	return false
}
