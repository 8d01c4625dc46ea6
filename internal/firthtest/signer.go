package firthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // of the signatures
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Signer is a key pair that signs JWTs: an *rsa.PrivateKey with RS384, an *ecdsa.PrivateKey with ES384.
type Signer struct {
	ID  string // kid
	Key crypto.Signer
}

// NewSigners makes one of each kind.
func NewSigners(t *testing.T) (rs, es Signer) {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return Signer{"r", r}, NewSigner(t)
}

// NewSigner makes one with ES384.
func NewSigner(t *testing.T) Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Signer{"e", key}
}

// Token is a signed JWT.
func (s Signer) Token(t *testing.T, typ string, claims map[string]any) string {
	t.Helper()
	algorithm := "ES384"
	if _, ok := s.Key.(*rsa.PrivateKey); ok {
		algorithm = "RS384"
	}
	text := encode(encodeJSON(t, map[string]string{"alg": algorithm, "typ": typ, "kid": s.ID})) + "." + encode(encodeJSON(t, claims))
	h := crypto.SHA384.New()
	h.Write([]byte(text))
	var signature []byte
	var err error
	switch key := s.Key.(type) {
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA384, h.Sum(nil))
	case *ecdsa.PrivateKey:
		var r, v *big.Int
		if r, v, err = ecdsa.Sign(rand.Reader, key, h.Sum(nil)); err == nil {
			signature = append(r.FillBytes(make([]byte, 48)), v.FillBytes(make([]byte, 48))...)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

// JWK is the public key.
func (s Signer) JWK(t *testing.T) map[string]string {
	t.Helper()
	switch key := s.Key.Public().(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "kid": s.ID, "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"kty": "EC", "crv": "P-384", "kid": s.ID, "x": encode(point[1:49]), "y": encode(point[49:])}
	}
	return nil
}

// JWKS writes a JWK Set of the public keys to a file.
func JWKS(t *testing.T, signers ...Signer) (file string) {
	t.Helper()
	keys := make([]map[string]string, len(signers))
	for i, s := range signers {
		keys[i] = s.JWK(t)
	}
	file = filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, encodeJSON(t, map[string]any{"keys": keys}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Assertion is the request of a service to the token endpoint of a server at origin, as SMART Backend Services has it.
func (s Signer) Assertion(t *testing.T, origin, client, scope string, changes ...func(claims map[string]any)) url.Values {
	t.Helper()
	claims := map[string]any{"iss": client, "sub": client, "aud": origin + "/auth/token", "exp": time.Now().Add(time.Minute).Unix(), "jti": rand.Text()}
	for _, change := range changes {
		change(claims)
	}
	return url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {s.Token(t, "JWT", claims)}}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encodeJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
