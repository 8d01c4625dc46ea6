package smart_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/auth/smart/totp"
)

// buffer is a log that several write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// Nothing that gives access is in an event, in a log or in the store.
func TestSecrecy(t *testing.T) {
	log := &buffer{}
	s := newSite(t, func(o *smart.Options) {
		o.Registration = true
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	doctor, err := s.Accounts().Find(t.Context(), "doctor")
	if err != nil {
		t.Fatal(err)
	}
	var given []string
	keep := func(values ...string) {
		for _, value := range values {
			if len(value) < 6 {
				t.Fatalf("secret %q", value)
			}
			given = append(given, value)
		}
	}
	keep(password, s.secret, verifier, string(key()))

	b := s.browser()
	b.login(b.get("/auth/login"), "doctor")
	secret := regexp.MustCompile(`<code>([A-Z2-7]+)</code>`).FindStringSubmatch(b.get("/auth/account/one-time").body)[1]
	code, err := totp.Code(secret, totp.Step(s.now()))
	if err != nil {
		t.Fatal(err)
	}
	b.send(b.get("/auth/account/one-time"), "/auth/account/one-time", "code", code).at(t, "/auth/account/one-time")
	keep(secret, code)
	if err := s.Accounts().RemoveTOTP(t.Context(), doctor.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accounts().BeginTOTP(t.Context(), doctor.ID); err != nil {
		t.Fatal(err)
	}
	link, err := s.Accounts().NewLink(t.Context(), doctor.ID)
	if err != nil {
		t.Fatal(err)
	}
	keep(link)
	b.login(s.browser().get("/auth/login"), "doctor")
	b.send(b.get("/auth/login"), "/auth/login", "name", "doctor", "password", "a wrong password")
	keep("a wrong password")

	launch := s.prepare(`{"client_id":"public","patient":"ben"}`).text("launch")
	answer := s.browser().consented(s.ask("scope", ehrScopes+" offline_access", "launch", launch), "doctor", "")
	assertion := s.assertion("service", "ec", nil, nil)
	first := s.call("/auth/token", codeForm(answer.query.Get("code")))
	second := s.refresh(first.text("refresh_token"))
	service := s.call("/auth/token", serviceForm(assertion))
	registered := s.post("/auth/register", "application/json", `{"redirect_uris":["`+redirectURI+`"]}`)
	keep(launch, answer.query.Get("code"), first.text("access_token"), first.text("refresh_token"), first.text("id_token"), second.text("access_token"), second.text("refresh_token"), assertion, service.text("access_token"), registered.text("client_secret"))
	s.call("/auth/introspect", url.Values{"token": {first.text("access_token")}}, basic("confidential", s.secret)...)
	keep(s.refresh(first.text("refresh_token")).text("access_token")) // of another tab
	s.pass(31 * time.Second)
	s.refresh(first.text("refresh_token")) // reuse
	s.call("/auth/token", codeForm(answer.query.Get("code")))
	s.call("/auth/token", serviceForm(assertion))
	s.call("/auth/token", codeForm("x", "client_secret", s.secret))
	s.call("/auth/revoke", url.Values{"token": {second.text("access_token")}, "client_id": {"public"}})
	u, err := url.Parse(s.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		keep(c.Value)
	}

	events, err := json.Marshal(s.events)
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"events": string(events), "log": log.b.String(), "store": s.stored()} {
		for _, value := range given {
			if value == code && place == "store" {
				continue // six digits are in many numbers
			}
			if value == code && !regexp.MustCompile(`(^|\D)`+code+`(\D|$)`).MatchString(text) {
				continue // and in nanoseconds
			}
			if strings.Contains(text, value) {
				t.Errorf("%s has %q", place, value)
			}
		}
		if strings.Contains(text, "PRIVATE KEY") {
			t.Errorf("%s has a private key", place)
		}
	}
	if len(s.events) < 20 {
		t.Errorf("%d events", len(s.events))
	}
}

// stored is all that the authorization server keeps.
func (s *site) stored() string {
	s.t.Helper()
	var stored strings.Builder
	for _, kind := range []string{"account", "login", "attempts", "link", "session", "client", "request", "launch", "authorization", "code", "access", "refresh", "assertion", "signing-key", "brands"} {
		list, err := s.store.ListState(s.t.Context(), "smart-"+kind, "", 1000)
		if err != nil || len(list) == 0 && !slices.Contains([]string{"launch", "attempts", "request", "authorization"}, kind) {
			s.t.Fatalf("%s: %d %v", kind, len(list), err)
		}
		for _, record := range list {
			stored.WriteString(record.ID + " " + string(record.Value) + "\n")
		}
	}
	return stored.String()
}

// When the store fails, nobody is let in and nothing internal is told.
func TestStoreFails(t *testing.T) {
	s := newSite(t, nil)
	token := s.tokens(s.ask(), "anna", "")
	failing := &failingState{State: s.store}
	s.Server = s.open(func(o *smart.Options) { o.State = failing })
	failing.failing.Store(true)
	s.pass(time.Minute)
	if _, err := s.Lookup(t.Context(), token.text("access_token")); err == nil || strings.Contains(err.Error(), "not valid") {
		t.Errorf("lookup: %v", err)
	}
	for _, got := range []answered{
		s.refresh(token.text("refresh_token")), s.call("/auth/token", codeForm("x")), s.call("/auth/revoke", url.Values{"token": {"x"}, "client_id": {"public"}}), s.request(http.MethodGet, "/auth/authorize?"+s.ask().Encode(), ""),
		s.call("/auth/introspect", url.Values{"token": {"x"}}, basic("confidential", s.secret)...),
	} {
		if got.status != http.StatusInternalServerError || strings.Contains(got.body, "disk") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}
