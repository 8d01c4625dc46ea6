package smart_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/passwords"
	"github.com/firth-health/firth/auth/smart/sealed"
	"github.com/firth-health/firth/auth/smart/signing"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

const (
	password    = "correct horse battery"
	redirectURI = "https://app.example/callback"
	allScopes   = "launch/patient openid fhirUser offline_access patient/Observation.rs patient/Condition.rs patient/Patient.r"
)

// clientKeys are those of the clients of all sites.
var clientKeys = sync.OnceValues(func() (*rsa.PrivateKey, *ecdsa.PrivateKey) {
	r, rErr := rsa.GenerateKey(rand.Reader, 2048)
	e, eErr := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err := errors.Join(rErr, eErr); err != nil {
		panic(err)
	}
	return r, e
})

// site is an authorization server that listens, with a store, people and clients.
type site struct {
	*smart.Server
	t     *testing.T
	http  *httptest.Server
	base  string // FHIR
	root  string
	store store.State

	mu     sync.Mutex
	time   time.Time // stands still but for pass, however slow the machine is
	events []events.Event

	secret string // of the client "confidential"
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
}

// people are the patients of a site.
type people []smart.Patient

func (p people) Find(_ context.Context, text string, limit int) (found []smart.Patient, err error) {
	for _, one := range p {
		if strings.HasPrefix(strings.ToLower(one.Name), strings.ToLower(text)) && len(found) < limit {
			found = append(found, one)
		}
	}
	return found, nil
}

func (p people) Get(_ context.Context, id string) (*smart.Patient, error) {
	if i := slices.IndexFunc(p, func(one smart.Patient) bool { return one.ID == id }); i >= 0 {
		return &p[i], nil
	}
	return nil, smart.ErrNoPatient
}

func patients() people {
	return people{
		{ID: "anna", Name: "Anna <Amberg>", BirthDate: "1980-02-03", Gender: "female", Identifier: "MRN 1"},
		{ID: "ben", Name: "Ben Bauer", BirthDate: "1990-12-31"}, {ID: "carl", Name: "Carl Carow"},
	}
}

func TestMain(m *testing.M) { os.Exit(teststore.Main(m.Run)) }

// openStore opens an empty store of the kind that is chosen for the run of the tests.
func openStore(t *testing.T) store.State {
	t.Helper()
	state, ok := store.Unwrap(teststore.Open(t, teststore.Options{})).(store.State)
	if !ok {
		t.Fatal("the store keeps no state")
	}
	return state
}

func openMemory() (*pebble.Store, error) {
	return pebble.Open("", pebble.Options{InMemory: true, CacheBytes: 4 << 20, MemTableBytes: 1 << 20})
}

func key() []byte { return []byte("0123456789abcdef0123456789abcdef") }

// newSite starts a site; change alters its options.
func newSite(t *testing.T, change func(*smart.Options)) *site {
	t.Helper()
	s := &site{t: t, store: openStore(t)}
	s.serve(change)
	s.populate()
	return s
}

// serve starts a server without people and clients.
func (s *site) serve(change func(*smart.Options)) {
	s.t.Helper()
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r) }))
	s.keepSigningKey()
	s.time = time.Now()
	s.root = "http://" + s.http.Listener.Addr().String()
	s.base = s.root + "/fhir"
	s.Server = s.open(change)
	s.http.Start()
	s.t.Cleanup(s.http.Close)
}

// open opens a server on the site's store, as another process would.
func (s *site) open(change func(*smart.Options)) *smart.Server {
	s.t.Helper()
	server, err := s.make(s.t.Context(), change)
	if err != nil {
		s.t.Fatal(err)
	}
	return server
}

func (s *site) make(ctx context.Context, change func(*smart.Options)) (*smart.Server, error) {
	o := smart.Options{
		State: s.store, BaseURL: s.base, Key: key(), Patients: patients(), Clock: s.now, Name: "Test Hospital",
		Fetcher:   keys.NewFetcher(keys.NewClient(true), s.now),
		Passwords: passwords.Options{Parameters: passwords.Parameters{Time: 1, Memory: 64, Threads: 1}, AtOnce: 8},
		Events: func(_ context.Context, e events.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	}
	if change != nil {
		change(&o)
	}
	return smart.New(ctx, o)
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.time
}

// pass lets time pass.
func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.time = s.time.Add(d)
}

// told returns the events of a type.
func (s *site) told(of events.Type) (list []events.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Type == of {
			list = append(list, e)
		}
	}
	return list
}

// populate makes people and clients: doctor (all patients), anna (herself), nurse (two patients); public, confidential, asymmetric, service.
func (s *site) populate() {
	s.t.Helper()
	for _, a := range []accounts.Account{
		{Login: "doctor", Name: "Dr. Dora Ding", FHIRUser: "Practitioner/dora"},
		{Login: "anna", Name: "Anna Amberg", FHIRUser: "Patient/anna"},
		{Login: "nurse", Name: "Nils Nolte", FHIRUser: "Practitioner/nils", Patients: []string{"anna", "ben"}},
		{Login: "clerk", Name: "Cora Clerk"},
	} {
		account, err := s.Accounts().Create(s.t.Context(), a)
		if err == nil {
			err = s.Accounts().SetPassword(s.t.Context(), account.ID, password)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.rsa, s.ec = clientKeys()
	set := s.keySet()
	s.client(clients.Client{ID: "public", Name: "Growth Charts", Type: clients.Public, RedirectURIs: []string{redirectURI, "https://app.example/other?x=1"}, LaunchURI: "https://app.example/launch"})
	s.secret = s.client(clients.Client{ID: "confidential", Name: "Portal & Sons", Type: clients.Symmetric, RedirectURIs: []string{redirectURI}})
	s.client(clients.Client{ID: "asymmetric", Name: "Keyed App", Type: clients.Asymmetric, RedirectURIs: []string{redirectURI}, JWKS: set})
	s.client(clients.Client{ID: "service", Name: "Warehouse", Type: clients.Asymmetric, JWKS: set, Scopes: "system/Observation.rs system/Patient.rs system/Device.cud firth/introspection firth/accounts"})
	s.client(clients.Client{ID: "other", Name: "Other", Type: clients.Public, RedirectURIs: []string{"https://other.example/cb"}})
}

func (s *site) keySet() json.RawMessage {
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.rsa.Public(), KeyID: "rsa", Algorithm: "RS384"}, {Key: s.ec.Public(), KeyID: "ec", Algorithm: "ES384"}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return set
}

func (s *site) client(c clients.Client) (secret string) {
	s.t.Helper()
	_, secret, err := s.Clients().Create(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

// signingKey is the record of a signing key that all sites begin with: making one takes long.
var signingKey = sync.OnceValue(func() []byte {
	memory, err := openMemory()
	if err != nil {
		panic(err)
	}
	box, err := sealed.NewBox(key())
	if err != nil {
		panic(err)
	}
	if _, err := signing.Open(context.Background(), signing.Options{State: memory, Box: box, Clock: time.Now}); err != nil {
		panic(err)
	}
	list, err := memory.ListState(context.Background(), "smart-signing-key", "", 1)
	if err := errors.Join(err, memory.Close()); err != nil {
		panic(err)
	}
	return list[0].Value
})

func (s *site) keepSigningKey() {
	s.t.Helper()
	if _, err := s.store.PutState(s.t.Context(), "smart-signing-key", "00000001", signingKey(), 0); err != nil {
		s.t.Fatal(err)
	}
}

// failingState is a store whose disk is broken, on demand.
type failingState struct {
	store.State
	failing atomic.Bool
}

var errDisk = errors.New("the disk is on fire")

func (f *failingState) GetState(ctx context.Context, kind, id string) (*store.Record, error) {
	if f.failing.Load() {
		return nil, errDisk
	}
	return f.State.GetState(ctx, kind, id)
}

func (f *failingState) PutState(ctx context.Context, kind, id string, value []byte, revision uint64) (uint64, error) {
	if f.failing.Load() {
		return 0, errDisk
	}
	return f.State.PutState(ctx, kind, id, value, revision)
}
