package smart_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/auth/smart/events"
)

// registering is a site at which clients register themselves, from addresses and at times that the test chooses.
type registering struct {
	*site
	from atomic.Value // string
	at   atomic.Int64 // nanoseconds
}

func newRegistering(t *testing.T) *registering {
	t.Helper()
	r := &registering{}
	r.from.Store("test")
	r.at.Store(time.Now().UnixNano())
	r.site = newSite(t, func(o *smart.Options) {
		o.Registration = true
		o.Remote = func(*http.Request) string { return r.from.Load().(string) }
		o.Clock = func() time.Time { return time.Unix(0, r.at.Load()) }
	})
	return r
}

// pass lets time pass, which stands still otherwise.
func (r *registering) pass(d time.Duration) { r.at.Add(int64(d)) }

func (r *registering) register(from string) answered {
	r.site.t.Helper()
	r.from.Store(from)
	return r.post("/auth/register", "application/json", `{"client_name":"Mine","redirect_uris":["`+redirectURI+`"],"token_endpoint_auth_method":"none"}`)
}

// count is how many clients there are that registered themselves.
func (r *registering) count() (n int) {
	r.site.t.Helper()
	all, err := r.Clients().List(r.site.t.Context())
	if err != nil {
		r.site.t.Fatal(err)
	}
	for _, c := range all {
		if c.Dynamic {
			n++
		}
	}
	return n
}

// refused fails the test unless an answer is that of OAuth to who has to wait.
func (r *registering) refused(got answered, wait string) {
	r.site.t.Helper()
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != wait || got.text("error") != "temporarily_unavailable" || got.text("error_description") == "" || got.header.Get("Cache-Control") != "no-store" {
		r.site.t.Errorf("%d %v %s, want to wait %s s", got.status, got.header, got.body, wait)
	}
}

// One address registers 20 clients, and then one every three minutes; a network of IPv6 is one address. What is refused for what it says does not count.
func TestRegistrationsOfOneAddress(t *testing.T) {
	s := newRegistering(t)
	for range 30 {
		s.from.Store("2001:db8::1")
		if got := s.post("/auth/register", "application/json", `{}`); got.status != http.StatusBadRequest {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	for i := range 20 {
		if got := s.register(fmt.Sprintf("2001:db8::%x", i)); got.status != http.StatusCreated {
			t.Fatalf("registration %d: %d %s", i, got.status, got.body)
		}
	}
	s.refused(s.register("2001:db8::ffff"), "180")
	if got := s.register("2001:db8:0:1::1"); got.status != http.StatusCreated {
		t.Errorf("of another address: %d %s", got.status, got.body)
	}
	s.pass(time.Minute)
	s.refused(s.register("2001:db8::1"), "120")
	s.pass(2 * time.Minute)
	if got := s.register("2001:db8::1"); got.status != http.StatusCreated {
		t.Errorf("after 3 minutes: %d %s", got.status, got.body)
	}
	if got := s.count(); got != 22 {
		t.Errorf("%d clients, want 22", got)
	}
}

// All addresses together register 60 clients an hour.
func TestRegistrationsOfAll(t *testing.T) {
	s := newRegistering(t)
	for i := range 60 {
		if got := s.register(fmt.Sprintf("192.0.2.%d", i)); got.status != http.StatusCreated {
			t.Fatalf("registration %d: %d %s", i, got.status, got.body)
		}
	}
	s.refused(s.register("198.51.100.1"), "60")
	s.pass(time.Minute)
	if got := s.register("198.51.100.2"); got.status != http.StatusCreated {
		t.Errorf("after a minute: %d %s", got.status, got.body)
	}
	if got := s.count(); got != 61 {
		t.Errorf("%d clients, want 61", got)
	}
}

// A client says what takes up to 32 KiB.
func TestRegistrationTooLarge(t *testing.T) {
	s := newRegistering(t)
	got := s.post("/auth/register", "application/json", `{"redirect_uris":["`+redirectURI+`"],"software_statement":"`+strings.Repeat("x", 32<<10)+`"}`)
	if got.status != http.StatusRequestEntityTooLarge || got.text("error") != "invalid_request" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A client that registered itself is forgotten after a week in which no person let it have anything; one that was used stays, as those do that were registered by the operator.
func TestUnusedRegistrations(t *testing.T) {
	s := newRegistering(t)
	used, unused := s.register("a").text("client_id"), s.register("b").text("client_id")
	looked := s.register("c").text("client_id")
	s.tokens(s.ask("client_id", used), "doctor", "anna")
	b := s.browser()
	b.login(b.authorize(s.ask("client_id", looked)), "doctor").at(t, "/auth/patient") // and no consent
	known := func() (ids []string) {
		t.Helper()
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := s.Clients().List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{used, unused, looked, "other"} {
			for _, c := range all {
				if c.ID == id {
					ids = append(ids, id)
				}
			}
		}
		return ids
	}
	s.pass(7*24*time.Hour - time.Minute)
	if diff := cmp.Diff([]string{used, unused, looked, "other"}, known()); diff != "" {
		t.Error("within a week:", diff)
	}
	s.pass(2 * time.Minute)
	if diff := cmp.Diff([]string{used, "other"}, known()); diff != "" {
		t.Error("after a week:", diff)
	}
	if p := s.browser().authorize(s.ask("client_id", unused)); p.status != http.StatusBadRequest || !strings.Contains(p.body, "not registered") {
		t.Errorf("%d %s", p.status, p.body)
	}
	var removed []string
	for _, e := range s.told(events.Client) {
		if e.Detail != "created" {
			removed = append(removed, e.By+": "+e.Detail)
		}
	}
	want := "this server: deleted, because it registered itself and was not used"
	if diff := cmp.Diff([]string{want, want}, removed); diff != "" {
		t.Error(diff)
	}
}
