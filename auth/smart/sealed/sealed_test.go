package sealed_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/firth-health/firth/auth/smart/sealed"
)

func TestBox(t *testing.T) {
	box, err := sealed.NewBox(bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	other, err := sealed.NewBox(bytes.Repeat([]byte{2}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("a private key")
	closed := box.Seal("purpose", text)
	if bytes.Contains(closed, text) || bytes.Equal(closed, box.Seal("purpose", text)) {
		t.Error("it is not sealed")
	}
	if got, err := box.Open("purpose", closed); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%q %v", got, err)
	}
	altered := bytes.Clone(closed)
	altered[len(altered)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another key": func() ([]byte, error) { return other.Open("purpose", closed) }, "another purpose": func() ([]byte, error) { return box.Open("other", closed) },
		"altered": func() ([]byte, error) { return box.Open("purpose", altered) }, "empty": func() ([]byte, error) { return box.Open("purpose", nil) },
	} {
		if got, err := open(); !errors.Is(err, sealed.ErrKey) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if _, err := sealed.NewBox([]byte("short")); err == nil {
		t.Error("a short key")
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "firth.key")
	if _, err := sealed.ReadKeyFile(path, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without create: %v", err)
	}
	first, err := sealed.ReadKeyFile(path, true)
	if err != nil || len(first) != sealed.KeySize {
		t.Fatalf("%d %v", len(first), err)
	}
	again, err := sealed.ReadKeyFile(path, true)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("another key: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.ReadKeyFile(path, false); err == nil {
		t.Error("a file that everybody reads")
	}
	if err := os.WriteFile(path, []byte("xyz"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.ReadKeyFile(path, true); err == nil {
		t.Error("a file that is no key")
	}
}
