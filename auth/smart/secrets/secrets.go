package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

const (
	randomBytes = 32
	timeBytes   = 4
	textLength  = (timeBytes + randomBytes) * 4 / 3 // base64 without padding: 36 bytes are 48 characters
)

// Kind is what a secret is for. Secrets of one kind are never taken for another.
type Kind string

// Kinds of secrets; the text is how they begin, so that scanners for leaked secrets know them.
const (
	AccessToken  Kind = "firth_at_"
	RefreshToken Kind = "firth_rt_"
	Code         Kind = "firth_ac_"
	Launch       Kind = "firth_la_"
	Link         Kind = "firth_ln_" // one-time link by which a password is set
	Session      Kind = "firth_se_" // cookie
	Request      Kind = "firth_rq_" // an authorization that a browser is in the middle of
)

// New returns a secret whose record may be swept at an instant (before 2106).
func New(kind Kind, ends time.Time) string {
	var raw [timeBytes + randomBytes]byte
	binary.BigEndian.PutUint32(raw[:], uint32(ends.Unix()))
	rand.Read(raw[timeBytes:]) // never fails
	return string(kind) + base64.RawURLEncoding.EncodeToString(raw[:])
}

// Is says whether a text has the shape of a kind of secret.
func Is(kind Kind, text string) bool {
	return len(text) == len(kind)+textLength && strings.HasPrefix(text, string(kind))
}

// IsMarked says whether a text begins as the secrets of any kind do.
func IsMarked(text string) bool { return strings.HasPrefix(text, "firth_") }

// ID returns the id of a secret's record, or false when the text has not the shape of that kind.
func ID(kind Kind, secret string) (id string, ok bool) {
	if !Is(kind, secret) {
		return "", false
	}
	var raw [timeBytes + randomBytes]byte
	if n, err := base64.RawURLEncoding.Decode(raw[:], []byte(secret[len(kind):])); err != nil || n != len(raw) {
		return "", false
	}
	sum := sha256.Sum256([]byte(secret))
	var text [2*timeBytes + 1 + 2*sha256.Size]byte
	hex.Encode(text[:], raw[:timeBytes])
	text[2*timeBytes] = '-'
	hex.Encode(text[2*timeBytes+1:], sum[:])
	return string(text[:]), true
}

// Bound is less than the ids of all secrets that end at or after an instant, and greater than the others.
func Bound(now time.Time) string {
	var raw [timeBytes]byte
	binary.BigEndian.PutUint32(raw[:], uint32(now.Unix()))
	return hex.EncodeToString(raw[:])
}

// Handle names a secret by its id in logs and audit events. It is of no use to who reads it.
func Handle(id string) string {
	if len(id) < 2*timeBytes+1+32 {
		return ""
	}
	return id[2*timeBytes+1:][:32]
}

// Random returns a text of 256 random bits, for names that nobody may guess.
func Random() string {
	var raw [randomBytes]byte
	rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// Name returns a random id of 128 bits for what is no secret: accounts, grants.
func Name() string {
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

// Hash is what a store keeps of a secret that is found by other means.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Matches says in constant time whether a secret has a hash.
func Matches(secret, hash string) bool {
	return hash != "" && subtle.ConstantTimeCompare([]byte(Hash(secret)), []byte(hash)) == 1
}
