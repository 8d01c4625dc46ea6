package secrets_test

import (
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/auth/smart/secrets"
)

func TestSecrets(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	secret := secrets.New(secrets.AccessToken, now)
	id, ok := secrets.ID(secrets.AccessToken, secret)
	if !ok || !strings.HasPrefix(id, "6b49d200-") || len(id) != 73 || strings.Contains(id, secret[20:]) {
		t.Fatalf("%s %v", id, ok)
	}
	if again, _ := secrets.ID(secrets.AccessToken, secret); again != id {
		t.Error("another id")
	}
	if secrets.New(secrets.AccessToken, now) == secret {
		t.Error("the same secret")
	}
	if h := secrets.Handle(id); len(h) != 32 || !strings.Contains(id, h) {
		t.Errorf("handle %s", h)
	}
	for name, text := range map[string]string{
		"of another kind": "firth_rt_" + secret[9:], "empty": "", "shorter": secret[:len(secret)-1], "longer": secret + "A", "no base64": secret[:len(secret)-1] + "!", "a bare prefix": "firth_at_",
	} {
		if id, ok := secrets.ID(secrets.AccessToken, text); ok {
			t.Errorf("%s: %s", name, id)
		}
	}
	if secrets.Handle("x") != "" {
		t.Error("a handle of nothing")
	}
}

// What ended before an instant lies in front of its bound, all else behind.
func TestBound(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for shift, want := range map[time.Duration]bool{-time.Second: true, -time.Hour * 24 * 365: true, 0: false, time.Second: false, time.Hour * 24 * 365 * 40: false} {
		id, _ := secrets.ID(secrets.Code, secrets.New(secrets.Code, now.Add(shift)))
		if got := id < secrets.Bound(now); got != want {
			t.Errorf("%v: %v", shift, got)
		}
	}
}

func TestMatches(t *testing.T) {
	secret := secrets.Random()
	if len(secret) != 43 || !secrets.Matches(secret, secrets.Hash(secret)) || secrets.Matches(secret, "") || secrets.Matches("", "") || secrets.Matches(secret+"x", secrets.Hash(secret)) {
		t.Error("what matches")
	}
	if first, second := secrets.Name(), secrets.Name(); len(first) != 32 || first == second {
		t.Error("names")
	}
}
