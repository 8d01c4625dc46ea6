package totp_test

import (
	"encoding/base32"
	"testing"
	"time"

	"github.com/firth-health/firth/auth/smart/totp"
)

// The test vectors of RFC 6238 appendix B for SHA-1, of which six digits remain.
func TestVectors(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for seconds, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		got, err := totp.Code(secret, seconds/30)
		if err != nil || got != want {
			t.Errorf("at %d: %s %v, want %s", seconds, got, err, want)
		}
	}
	if _, err := totp.Code("not base32!", 1); err == nil {
		t.Error("no error")
	}
}

// A code is good in its step and in the two beside it, and never again.
func TestVerify(t *testing.T) {
	secret := totp.NewSecret()
	now := time.Unix(1_800_000_000, 0)
	step := totp.Step(now)
	for _, tt := range []struct {
		name  string
		of    int64
		last  int64
		found bool
	}{
		{"now", step, 0, true}, {"the step before", step - 1, 0, true}, {"the step after", step + 1, 0, true}, {"two steps before", step - 2, 0, false}, {"two steps after", step + 2, 0, false},
		{"used", step, step, false}, {"older than one used", step - 1, step, false}, {"newer than one used", step, step - 1, true},
	} {
		code, err := totp.Code(secret, tt.of)
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := totp.Verify(secret, code[:3]+" "+code[3:], now, tt.last); ok != tt.found || ok && at != tt.of {
			t.Errorf("%s: %d %v", tt.name, at, ok)
		}
	}
	for _, code := range []string{"", "12345", "1234567", "abcdef"} {
		if _, ok := totp.Verify(secret, code, now, 0); ok {
			t.Errorf("%q is taken", code)
		}
	}
	if got, want := totp.URI("Test Hospital", "a@b", "ABC"), "otpauth://totp/Test%20Hospital:a@b?issuer=Test%20Hospital&secret=ABC"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
