// Package sealed encrypts what the authorization server must be able to read again (signing keys, secrets of one-time passwords) before it is stored: AES-256-GCM under the operator's key.
//
// It owns the key file and the sealed form. Everything else that is secret is stored as a hash and does not come here.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// KeySize is the size of a key in bytes.
const KeySize = 32

// ErrKey says that something was sealed under another key, for another purpose, or altered.
var ErrKey = errors.New("sealed under another key, or altered")

// Box seals and opens under one key. It is safe for concurrent use.
type Box struct{ aead cipher.AEAD }

// NewBox returns a Box of a key of [KeySize] bytes.
func NewBox(key []byte) (*Box, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("key of %d bytes, want %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Box{aead: aead}, nil
}

// Seal encrypts a text. Only an Open with the same purpose opens it, so that one sealed value cannot be put in the place of another.
func (b *Box) Seal(purpose string, plain []byte) []byte {
	return b.aead.Seal(nil, nil, plain, []byte(purpose))
}

// Open decrypts what Seal made. ErrKey.
func (b *Box) Open(purpose string, sealed []byte) ([]byte, error) {
	plain, err := b.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, ErrKey
	}
	return plain, nil
}

// ReadKeyFile reads a key: one line of 64 hexadecimal digits. With create, a file that does not exist is made, readable by its owner only. A file that others may read or write is refused.
// All servers on one store need the same key.
func ReadKeyFile(path string, create bool) ([]byte, error) {
	if create {
		if err := createKeyFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 {
		return nil, fmt.Errorf("key file %s has mode %#o: others than its owner can read or write it (chmod 600)", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("key file %s: want one line of %d hexadecimal digits", path, 2*KeySize)
	}
	return key, nil
}

func createKeyFile(path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	key := make([]byte, KeySize)
	rand.Read(key) // never fails
	if _, err := fmt.Fprintln(f, hex.EncodeToString(key)); err != nil {
		return err
	}
	return f.Sync()
}
