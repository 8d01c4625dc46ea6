package authmatrix

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store"
)

// base is the address that all worlds say they have.
const base = "http://firth.test/fhir"

// begin is when the first version of a seed was written; the others follow a minute apart.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is a server with a store of its own.
type world struct {
	url    string // of the listener, without /fhir
	store  *counted
	server *server.Server
	denied *auth.Consents
	now    atomic.Int64 // commits, in minutes since begin
	run    atomic.Int64 // request; ids of what it makes begin with it
	ids    atomic.Int64
}

// instant is that of commits now, as FHIR writes it.
func (w *world) instant() string {
	return begin.Add(time.Duration(w.now.Load()) * time.Minute).Format("2006-01-02T15:04:05.000Z")
}

// token is the bearer token of a world's operator, who may do everything.
const token = "operator"

// newWorld starts a server over HTTP. Callers are by token; without any everybody may do everything.
func newWorld(t testing.TB, callers map[string]*caller, adjust ...func(*server.Config)) *world {
	t.Helper()
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	registry, err := search.NewRegistry(definitions, search.Options{BaseURL: base, References: true, Content: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	w.store = &counted{Store: teststore.Open(t, teststore.Options{Clock: func() time.Time { return begin.Add(time.Duration(w.now.Load()) * time.Minute) }})}
	config := server.Config{
		Store: w.store, Search: registry, Definitions: definitions, BaseURL: base, Version: "1",
		Clock:  func() time.Time { return begin.AddDate(1, 0, 0) },
		IDs:    func() string { return fmt.Sprintf("new-%d-%d", w.run.Load(), w.ids.Add(1)) },
		Limits: server.Limits{DeleteMatches: 5},
	}
	if callers != nil {
		w.denied = auth.NewConsents(auth.ConsentOptions{BaseURL: base, Clock: config.Clock})
		rules, err := auth.New(auth.Options{Definitions: definitions, Search: registry, BaseURL: base, Relations: kin{}, Consents: w.denied})
		if err != nil {
			t.Fatal(err)
		}
		config.Authenticator = &tokens{rules: rules, callers: callers}
	}
	for _, change := range adjust {
		change(&config)
	}
	if w.server, err = server.New(config); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(w.server.Handler())
	t.Cleanup(listener.Close)
	w.url = listener.URL
	return w
}

// deny puts Consents in force, and none but these.
func (w *world) deny(t testing.TB, policies []policy) {
	t.Helper()
	err := w.denied.Load(func(yield func(*fhir.Resource, error) bool) {
		for i := range policies {
			if res, err := fhir.ParseResource([]byte(policies[i].json(fmt.Sprintf("denial%d", i)))); !yield(res, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tokens is the Authenticator: a token is the name of a caller.
type tokens struct {
	rules   *auth.Rules
	callers map[string]*caller
	grants  sync.Map // by token: a server keeps them as well
}

// Authenticate implements [server.Authenticator].
func (a *tokens) Authenticate(r *http.Request) (server.Grant, error) {
	name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if name == token {
		return unlimited{}, nil
	}
	c := a.callers[name]
	if c == nil {
		return nil, fhir.Invalidf(fhir.CodeLogin, "", "no token")
	}
	if known, ok := a.grants.Load(name); ok {
		return known.(server.Grant), nil
	}
	g, err := a.rules.Grant(r.Context(), c.claims)
	if err != nil {
		return nil, err
	}
	known, _ := a.grants.LoadOrStore(name, server.TokenGrant(g))
	return known.(server.Grant), nil
}

// unlimited is the Grant of the operator.
type unlimited struct{}

func (unlimited) Allow(context.Context, server.Access) error    { return nil }
func (unlimited) Restrict(context.Context, *search.Query) error { return nil }
func (unlimited) Limit(string, auth.Action) (search.Plan, bool) { return nil, true }
func (unlimited) Owner() string                                 { return token }

// counted notes which methods of a store are called.
type counted struct {
	store.Store
	calls []string // only while one request runs at a time
	notes atomic.Bool
}

// Unwrap gives the store itself, for its extras.
func (c *counted) Unwrap() store.Store { return c.Store }

func (c *counted) note(name string) {
	if c.notes.Load() {
		c.calls = append(c.calls, name)
	}
}

func (c *counted) Read(ctx context.Context, key fhir.Key) (*store.Version, error) {
	c.note("read")
	return c.Store.Read(ctx, key)
}

func (c *counted) Search(ctx context.Context, q *search.Query) (*store.Page, error) {
	c.note("search")
	return c.Store.Search(ctx, q)
}

func (c *counted) History(ctx context.Context, q store.HistoryQuery) (*store.HistoryPage, error) {
	c.note("history")
	return c.Store.History(ctx, q)
}

func (c *counted) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	c.note("apply")
	return c.Store.Apply(ctx, ops)
}

// fill writes versions, each at the instant that it has in the whole seed.
func (w *world) fill(t testing.TB, whole, versions []version) {
	t.Helper()
	place := map[string]int{}
	for i, v := range whole {
		place[fmt.Sprint(v.key, v.number)] = i
	}
	for i := range versions {
		v := &versions[i]
		w.now.Store(int64(place[fmt.Sprint(v.key, v.number)]))
		r := request{method: "PUT", path: v.key, body: v.body}
		if v.body == "" {
			r.method = "DELETE"
		}
		if got := w.do(t, token, &r); got.status >= 300 {
			t.Fatalf("%s %s: %d %s", r.method, r.path, got.status, got.body)
		}
	}
	w.now.Store(int64(len(whole)))
}
