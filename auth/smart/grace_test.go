package smart_test

import (
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/events"
)

// Who sends a refresh token again within 30 s gets the same successor, whatever tab or server it asks, and a token of its own.
func TestRefreshGrace(t *testing.T) {
	s := newSite(t, nil)
	first := s.tokens(s.ask(), "doctor", "anna")
	second := s.refresh(first.text("refresh_token"))
	s.pass(28 * time.Second)
	again := s.refresh(first.text("refresh_token"), "scope", lessScopes)
	if again.status != http.StatusOK || again.text("refresh_token") != second.text("refresh_token") || again.text("access_token") == second.text("access_token") || again.text("scope") != lessScopes ||
		again.text("patient") != "anna" {
		t.Fatalf("%d %s", again.status, again.body)
	}
	for _, token := range []string{first.text("access_token"), second.text("access_token"), again.text("access_token")} {
		if _, err := s.Lookup(t.Context(), token); err != nil {
			t.Errorf("an access token is void: %v", err)
		}
	}
	s.Server = s.open(nil)
	if other := s.refresh(first.text("refresh_token")); other.text("refresh_token") != second.text("refresh_token") {
		t.Errorf("another server: %d %s", other.status, other.body)
	}
	if told := s.told(events.TokenRefresh); len(told) != 3 || told[0].Detail != "" || told[1].Detail != "the refresh token that took the place of this one a moment ago was given again" {
		t.Errorf("events %+v", told)
	}
	if third := s.refresh(second.text("refresh_token")); third.status != http.StatusOK || third.text("refresh_token") == second.text("refresh_token") {
		t.Errorf("the successor is of no use: %d %s", third.status, third.body)
	}
}

// What grace does not excuse takes away everything; what another client sends, nothing.
func TestRefreshGraceEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(s *site, first, second string) answered
		want int
	}{
		{"in time", func(s *site, first, _ string) answered { return s.refresh(first) }, http.StatusOK},
		{"too late", func(s *site, first, _ string) answered {
			s.pass(31 * time.Second)
			return s.refresh(first)
		}, http.StatusBadRequest},
		{"asking again does not prolong it", func(s *site, first, _ string) answered {
			s.pass(20 * time.Second)
			s.refresh(first)
			s.pass(20 * time.Second)
			return s.refresh(first)
		}, http.StatusBadRequest},
		{"the successor was used", func(s *site, first, second string) answered {
			s.refresh(second)
			return s.refresh(first)
		}, http.StatusBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, nil)
			first := s.tokens(s.ask(), "doctor", "anna").text("refresh_token")
			second := s.refresh(first)
			if got := s.refresh(first, "client_id", "other"); got.text("error") != "invalid_grant" {
				t.Errorf("another client: %d %s", got.status, got.body)
			}
			got := tt.do(s, first, second.text("refresh_token"))
			_, err := s.Lookup(t.Context(), second.text("access_token"))
			if got.status != tt.want || (got.status == http.StatusOK) != (err == nil) {
				t.Errorf("%d %s; access: %v", got.status, got.body, err)
			}
			if told := s.told(events.TokenReuse); (len(told) == 1) != (tt.want != http.StatusOK) {
				t.Errorf("events %+v", told)
			}
		})
	}
}

// A thief who uses a token within its grace shares the successor with the client, and is found when the second of them uses that.
func TestRefreshGraceThief(t *testing.T) {
	s := newSite(t, nil)
	first := s.tokens(s.ask(), "doctor", "anna").text("refresh_token")
	client, thief := s.refresh(first), s.refresh(first)
	s.pass(time.Hour)
	client = s.refresh(client.text("refresh_token"))
	s.pass(time.Minute)
	if got := s.refresh(thief.text("refresh_token")); got.status != http.StatusBadRequest {
		t.Errorf("the thief: %d %s", got.status, got.body)
	}
	if _, err := s.Lookup(t.Context(), client.text("access_token")); !errors.Is(err, auth.ErrToken) {
		t.Errorf("access after a theft: %v", err)
	}
	if told := s.told(events.TokenReuse); len(told) != 1 || told[0].Client != "public" {
		t.Errorf("events %+v", told)
	}
}

// Tabs that refresh at the very same time all keep their access.
func TestRefreshRace(t *testing.T) {
	s := newSite(t, nil)
	first := s.tokens(s.ask(), "doctor", "anna").text("refresh_token")
	var mu sync.Mutex
	successors := map[string]int{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			got := s.call("/auth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first}, "client_id": {"public"}})
			_, err := s.Lookup(t.Context(), got.text("access_token"))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				successors[got.text("refresh_token")]++
			}
		})
	}
	group.Wait()
	if len(successors) != 1 {
		t.Fatalf("%d refresh tokens", len(successors))
	}
	for token, n := range successors {
		if n != 8 || s.refresh(token).status != http.StatusOK {
			t.Errorf("%d have it, or it is of no use", n)
		}
	}
}
