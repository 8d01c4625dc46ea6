package smart_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/events"
)

// A code is good once, for its client, redirect URI and verifier, for a minute.
func TestCodeRefusals(t *testing.T) {
	s := newSite(t, nil)
	for _, tt := range []struct {
		name    string
		changes []string
		want    string
	}{
		{"verifier missing", []string{"code_verifier", ""}, "invalid_request"},
		{"verifier blank", []string{"code_verifier", " "}, "invalid_grant"},
		{"verifier wrong", []string{"code_verifier", strings.Repeat("a", 43)}, "invalid_grant"},
		{"verifier is the challenge", []string{"code_verifier", challenge}, "invalid_grant"},
		{"verifier too short", []string{"code_verifier", "abc"}, "invalid_grant"},
		{"verifier too long", []string{"code_verifier", strings.Repeat("a", 129)}, "invalid_grant"},
		{"code missing", []string{"code", ""}, "invalid_request"},
		{"code wrong", []string{"code", "xyz"}, "invalid_grant"},
		{"code of the right form", []string{"code", "firth_ac_" + strings.Repeat("A", 48)}, "invalid_grant"},
		{"redirect URI missing", []string{"redirect_uri", ""}, "invalid_request"},
		{"redirect URI of the same client", []string{"redirect_uri", "https://app.example/other?x=1"}, "invalid_grant"},
		{"another client", []string{"client_id", "other"}, "invalid_grant"},
		{"unknown client", []string{"client_id", "nobody"}, "invalid_client"},
		{"client missing", []string{"client_id", ""}, "invalid_client"},
		{"client that must authenticate", []string{"client_id", "confidential"}, "invalid_client"},
		{"grant_type missing", []string{"grant_type", ""}, "invalid_request"},
		{"grant_type unknown", []string{"grant_type", "password"}, "unsupported_grant_type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := s.browser().consented(s.ask(), "anna", "").query.Get("code")
			got := s.call("/auth/token", codeForm(code, tt.changes...))
			wantStatus := http.StatusBadRequest
			if tt.want == "invalid_client" {
				wantStatus = http.StatusUnauthorized
			}
			if got.status != wantStatus || got.text("error") != tt.want || got.json["access_token"] != nil {
				t.Errorf("%d %s, want %s", got.status, got.body, tt.want)
			}
			if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Pragma") != "no-cache" {
				t.Errorf("headers %v", got.header)
			}
		})
	}
	t.Run("after a minute", func(t *testing.T) {
		code := s.browser().consented(s.ask(), "anna", "").query.Get("code")
		s.pass(61 * time.Second)
		if got := s.call("/auth/token", codeForm(code)); got.status != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
	t.Run("a parameter twice", func(t *testing.T) {
		code := s.browser().consented(s.ask(), "anna", "").query.Get("code")
		if got := s.post("/auth/token", "application/x-www-form-urlencoded", codeForm(code).Encode()+"&code="+code); got.text("error") != "invalid_request" {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
	t.Run("JSON, multipart and query", func(t *testing.T) {
		code := s.browser().consented(s.ask(), "anna", "").query.Get("code")
		for _, got := range []answered{
			s.post("/auth/token", "application/json", `{"grant_type":"authorization_code"}`), s.post("/auth/token", "multipart/form-data; boundary=x", "--x--"),
			s.post("/auth/token?"+codeForm(code).Encode(), "application/x-www-form-urlencoded", ""), s.post("/auth/token", "", codeForm(code).Encode()),
		} {
			if got.status != http.StatusBadRequest || got.text("error") != "invalid_request" {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
		if got := s.call("/auth/token", codeForm(code)); got.status != http.StatusOK {
			t.Errorf("the code is gone: %s", got.body)
		}
	})
	t.Run("GET", func(t *testing.T) {
		if got := s.request(http.MethodGet, "/auth/token", ""); got.status != http.StatusMethodNotAllowed {
			t.Errorf("status %d", got.status)
		}
	})
}

// A code that is used twice takes away what it gave.
func TestCodeReuse(t *testing.T) {
	s := newSite(t, nil)
	code := s.browser().consented(s.ask(), "anna", "").query.Get("code")
	first := s.call("/auth/token", codeForm(code))
	if _, err := s.Lookup(t.Context(), first.text("access_token")); err != nil {
		t.Fatal(err)
	}
	s.pass(30 * time.Minute) // late, but the tokens still live
	if again := s.call("/auth/token", codeForm(code)); again.status != http.StatusBadRequest || again.text("error") != "invalid_grant" {
		t.Fatalf("%d %s", again.status, again.body)
	}
	if _, err := s.Lookup(t.Context(), first.text("access_token")); !errors.Is(err, auth.ErrToken) {
		t.Errorf("the access token lives: %v", err)
	}
	if got := s.refresh(first.text("refresh_token")); got.status != http.StatusBadRequest {
		t.Errorf("the refresh token lives: %s", got.body)
	}
	if told := s.told(events.TokenReuse); len(told) != 1 || told[0].Client != "public" || told[0].Patient != "anna" {
		t.Errorf("events %+v", told)
	}
}

// Of many that use a code at once one has tokens at most, and as there was a reuse, they do not live.
func TestCodeRace(t *testing.T) {
	s := newSite(t, nil)
	code := s.browser().consented(s.ask(), "anna", "").query.Get("code")
	var mu sync.Mutex
	var got []answered
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			answer := s.call("/auth/token", codeForm(code))
			mu.Lock()
			defer mu.Unlock()
			if answer.status == http.StatusOK {
				got = append(got, answer)
			}
		})
	}
	group.Wait()
	if len(got) > 1 {
		t.Fatalf("%d have tokens", len(got))
	}
	for _, answer := range got {
		if _, err := s.Lookup(t.Context(), answer.text("access_token")); !errors.Is(err, auth.ErrToken) {
			t.Errorf("the token lives: %v", err)
		}
	}
}
