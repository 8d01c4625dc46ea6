// Package totp computes time-based one-time passwords (RFC 6238: SHA-1, 6 digits, steps of 30 s, as authenticator apps do by default).
//
// It owns the arithmetic and the otpauth URI. Where the secret is kept, and that a code is used once, is up to accounts, which calls it.
package totp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, which is what authenticator apps support
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	step        = 30 * time.Second
	digits      = 6
	modulus     = 1_000_000
	secretBytes = 20
	window      = 1 // steps before and after now that are accepted
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret returns a secret in base32, as authenticator apps take it.
func NewSecret() string {
	raw := make([]byte, secretBytes)
	rand.Read(raw) // never fails
	return encoding.EncodeToString(raw)
}

// Code returns the code of a secret at a step. The secret is in base32.
func Code(secret string, counter int64) (string, error) {
	key, err := encoding.DecodeString(strings.ToUpper(strings.ReplaceAll(secret, " ", "")))
	if err != nil {
		return "", fmt.Errorf("one-time password secret: not base32")
	}
	mac := hmac.New(sha1.New, key)
	var message [8]byte
	binary.BigEndian.PutUint64(message[:], uint64(counter))
	mac.Write(message[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	value := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", digits, value%modulus), nil
}

// Verify says whether a code is right at an instant, give or take a step, and of which step it is. Only steps after the last one used count, so that no code works twice.
func Verify(secret, code string, now time.Time, last int64) (counter int64, ok bool) {
	code = strings.ReplaceAll(code, " ", "")
	current := now.Unix() / int64(step/time.Second)
	for at := current - window; at <= current+window; at++ {
		want, err := Code(secret, at)
		if err == nil && at > last && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			counter, ok = at, true
		}
	}
	return counter, ok
}

// Step returns the step of an instant.
func Step(now time.Time) int64 { return now.Unix() / int64(step/time.Second) }

// URI returns what an authenticator app reads, as text or as a QR code.
func URI(issuer, account, secret string) string {
	q := url.Values{"secret": {secret}, "issuer": {issuer}}
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}
