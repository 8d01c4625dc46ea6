package passwords_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/firth-health/firth/auth/smart/passwords"
)

func cheap() passwords.Parameters { return passwords.Parameters{Time: 1, Memory: 64, Threads: 1} }

func TestHash(t *testing.T) {
	h := passwords.NewHasher(passwords.Options{Parameters: cheap()})
	hash, err := h.Hash(t.Context(), "correct horse battery")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("%s %v", hash, err)
	}
	again, err := h.Hash(t.Context(), "correct horse battery")
	if err != nil || again == hash {
		t.Error("no salt")
	}
	composed, err := h.Hash(t.Context(), "Pa\u00dfwort f\u00fcr Z\u00fcrich")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, password, hash string
		want                 bool
	}{
		{"right", "correct horse battery", hash, true}, {"right, another salt", "correct horse battery", again, true}, {"wrong", "correct horse batterx", hash, false}, {"empty", "", hash, false},
		{"letters composed otherwise", "Pa\u00dfwort fu\u0308r Zu\u0308rich", composed, true}, {"no account", "correct horse battery", "", false},
	} {
		if got, err := h.Verify(t.Context(), tt.password, tt.hash); err != nil || got != tt.want {
			t.Errorf("%s: %v %v", tt.name, got, err)
		}
	}
	for _, broken := range []string{"x", "$argon2id$v=19$m=64,t=1,p=1$AA$AA", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", strings.Replace(hash, "m=64", "m=99999999", 1), strings.Replace(hash, "t=1", "t=0", 1), strings.Replace(hash, "v=19", "v=16", 1)} {
		if ok, err := h.Verify(t.Context(), "x", broken); err == nil || ok {
			t.Errorf("%s: %v %v", broken, ok, err)
		}
	}
	if h.Outdated(hash) || !passwords.NewHasher(passwords.Options{}).Outdated(hash) {
		t.Error("which parameters are outdated")
	}
	if ok, err := passwords.NewHasher(passwords.Options{}).Verify(t.Context(), "correct horse battery", hash); err != nil || !ok {
		t.Errorf("a hash of other parameters: %v %v", ok, err)
	}
}

// What is not known takes as long as what is, by computing the same.
func TestDefaults(t *testing.T) {
	h := passwords.NewHasher(passwords.Options{})
	hash, err := h.Hash(t.Context(), "x")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Errorf("%s %v", hash, err)
	}
}

func TestRules(t *testing.T) {
	for password, want := range map[string]error{
		"correct horse battery": nil, "Zürich im März": nil, "short": passwords.ErrShort, "elevenchars": passwords.ErrShort, strings.Repeat("long", 300): passwords.ErrLong,
		"aaaaaaaaaaaaaaaa": passwords.ErrGuessable, "abcabcabcabcabc": passwords.ErrGuessable, "Password1234": passwords.ErrGuessable, "administrator": passwords.ErrGuessable,
		"anna.amberg.12": passwords.ErrGuessable, "anna anna anna": passwords.ErrGuessable, "123456123456": passwords.ErrGuessable,
	} {
		if got := passwords.Check(password, "anna", "amberg"); !errors.Is(got, want) {
			t.Errorf("%.20q: %v, want %v", password, got, want)
		}
	}
}
