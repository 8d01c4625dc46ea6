package audit

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

const testBase = "https://firth.example/fhir"

// ticking is a clock that goes on by a millisecond each time.
type ticking struct {
	mu sync.Mutex
	t  time.Time
}

func newTicking() *ticking { return &ticking{t: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)} }

func (c *ticking) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond)
	return c.t
}

func memoryStore(t testing.TB) store.Store {
	t.Helper()
	s, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func testKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte("a seed of 32 bytes for the tests"))
}

func testKeys() []ed25519.PublicKey { return []ed25519.PublicKey{publicOf(testKey())} }

// openTrail opens a trail that the test closes at its end, or before.
func openTrail(t testing.TB, opts Options) *Trail {
	t.Helper()
	if opts.Store == nil {
		opts.Store = memoryStore(t)
	}
	opts.BaseURL, opts.Key = testBase, testKey()
	trail, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeTrail(t, trail) })
	return trail
}

func closeTrail(t testing.TB, trail *Trail) {
	t.Helper()
	if err := trail.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// must records an event.
func must(t testing.TB, trail *Trail, e *Event) {
	t.Helper()
	if err := trail.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// readOf is the event of a read.
func readOf(i int) *Event {
	return &Event{Interaction: "read", Key: fhir.Key{Type: "Observation", ID: fmt.Sprint("o", i), Version: "1"}, Query: fmt.Sprintf("Observation/o%d", i), Status: 200,
		Patients: []string{fmt.Sprint("p", i%50)}, RequestID: fmt.Sprint("request-", i), Address: "192.0.2.7", Agent: "app/1.0",
		Claims: &auth.Claims{Issuer: "https://login.example", Subject: "u1", Client: "app", TokenID: "handle", FHIRUser: "Practitioner/dr"}}
}

// verified is what verification says of a store with one chain.
func verified(t testing.TB, s store.Store, opts VerifyOptions) ChainReport {
	t.Helper()
	b, err := openBook(s)
	if err != nil {
		t.Fatal(err)
	}
	if opts.Keys == nil {
		opts.Keys = testKeys()
	}
	reports, err := b.Verify(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 {
		t.Fatalf("%d chains: %+v", len(reports), reports)
	}
	return reports[0]
}

// intact fails the test when a chain is not.
func intact(t testing.TB, s store.Store) ChainReport {
	t.Helper()
	r := verified(t, s, VerifyOptions{})
	if r.Finding != nil {
		t.Fatalf("not intact: %v", r.Finding)
	}
	return r
}

var registry = sync.OnceValues(func() (*search.Registry, error) {
	defs, err := spec.R4()
	if err != nil {
		return nil, err
	}
	return search.NewRegistry(defs, search.Options{BaseURL: testBase, References: true})
})

func testRegistry(t testing.TB) *search.Registry {
	t.Helper()
	r, err := registry()
	if err != nil {
		t.Fatal(err)
	}
	return r
}
