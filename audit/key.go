package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// PEM types of keys (RFC 7468).
const (
	pemPrivate = "PRIVATE KEY"
	pemPublic  = "PUBLIC KEY"
)

var errKey = errors.New("not an Ed25519 key in PEM")

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey {
	return ed25519.PublicKey(key[ed25519.SeedSize:])
}

// CreateKey makes a signing key and writes it to a file that only its owner can read (PKCS #8, PEM). The file must not exist.
func CreateKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	err = pem.Encode(file, &pem.Block{Type: pemPrivate, Bytes: der})
	return key, errors.Join(err, file.Sync(), file.Close())
}

// LoadKey reads a signing key, as openssl genpkey -algorithm ed25519 makes one too.
func LoadKey(path string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemPrivate {
		return nil, fmt.Errorf("%s: %w", path, errKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := parsed.(ed25519.PrivateKey); ok && err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%s: %w", path, errKey)
}

// LoadPublicKey reads the key that checkpoints are checked with: a public one, or that of a signing key.
func LoadPublicKey(path string) (ed25519.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s: %w", path, errKey)
	}
	if block.Type == pemPrivate {
		key, err := LoadKey(path)
		if err != nil {
			return nil, err
		}
		return publicOf(key), nil
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if key, ok := parsed.(ed25519.PublicKey); ok && err == nil && block.Type == pemPublic {
		return key, nil
	}
	return nil, fmt.Errorf("%s: %w", path, errKey)
}

// EncodePublicKey is the public key of a signing key in PEM, to be given to auditors.
func EncodePublicKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(publicOf(key))
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}), err
}
