package smart

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/launches"
	"github.com/firth-health/firth/auth/smart/pages"
	"github.com/firth-health/firth/auth/smart/passwords"
	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/auth/smart/sealed"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/sessions"
	"github.com/firth-health/firth/auth/smart/signing"
	"github.com/firth-health/firth/auth/smart/tokens"
)

// Server is the authorization server, an [http.Handler]. It is safe for concurrent use.
type Server struct {
	o          Options
	issuer     string // BaseURL without its last part
	mux        *http.ServeMux
	accounts   *accounts.Accounts
	clients    *clients.Clients
	sessions   *sessions.Sessions
	launches   *launches.Launches
	tokens     *tokens.Tokens
	requests   records.Kind[request]
	keys       *signing.Keys
	assertions *keys.Assertions
	pages      *pages.Pages
	logins     *brake
	asks       *brake // for authorization
	registers  *brake // clients that register themselves, by address
	registered *brake // and all of them
	brands     brands
}

// New opens the authorization server of a store. sealed.ErrKey when the store was used with another key.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	box, err := sealed.NewBox(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, issuer: issuerOf(o.BaseURL), requests: records.NewKind[request](o.State, "smart-request")}
	s.logins, s.asks = newBrake(o.Clock, loginBurst, loginEvery), newBrake(o.Clock, requestBurst, requestEvery)
	s.registers, s.registered = newBrake(o.Clock, registerBurst, registerEvery), newBrake(o.Clock, registrationsBurst, registrationsEvery)
	if s.pages, err = pages.New(o.Name, s.path("")); err != nil {
		return nil, err
	}
	if s.keys, err = signing.Open(ctx, signing.Options{State: o.State, Box: box, Clock: o.Clock, Made: s.keyMade}); err != nil {
		return nil, err
	}
	if s.brands, err = newBrands(ctx, &o); err != nil {
		return nil, err
	}
	s.accounts = accounts.New(accounts.Options{State: o.State, Box: box, Hasher: passwords.NewHasher(o.Passwords), Clock: o.Clock, Events: s.changed})
	s.clients = clients.New(clients.Options{State: o.State, Clock: o.Clock, Events: s.changed})
	s.sessions = sessions.New(o.State, s.accounts, o.Clock)
	s.launches = launches.New(o.State, o.Clock)
	s.tokens = tokens.New(tokens.Options{State: o.State, Clock: o.Clock, Issuer: s.issuer, Box: box, Clients: s.clients, Accounts: s.accounts, Sessions: s.sessions})
	s.assertions = &keys.Assertions{Audiences: []string{s.url("/auth/token"), s.issuer}, Fetcher: o.Fetcher, Replay: s.tokens, Clock: o.Clock}
	s.mux = s.routes()
	return s, nil
}

// issuerOf is the base without its last part: https://ehr.example/fhir is https://ehr.example's.
func issuerOf(base string) string {
	u, err := url.Parse(base)
	if err != nil { // complete has read it before
		return base
	}
	u.Path = strings.TrimSuffix(path.Dir("/"+strings.Trim(u.Path, "/")), "/")
	return u.String()
}

// Issuer is the issuer of tokens: an absolute URL without a final slash.
func (s *Server) Issuer() string { return s.issuer }

// Accounts administers people.
func (s *Server) Accounts() *accounts.Accounts { return s.accounts }

// Clients administers apps and services.
func (s *Server) Clients() *clients.Clients { return s.clients }

// Tokens lists and revokes what was authorized.
func (s *Server) Tokens() *tokens.Tokens { return s.tokens }

// Lookup returns what an access token of this server says; auth.ErrToken for one that is unknown, expired or revoked. It is fast enough for every request: what a token says is remembered for three
// seconds. A revocation through this server holds at once, one through another server on the same store within those seconds.
func (s *Server) Lookup(ctx context.Context, token string) (*auth.Claims, error) {
	return s.tokens.Lookup(ctx, token)
}

// IsOwn implements bearer.Marked: it says whether a text is marked as a secret of such a server, so that no other issuer need be asked, or told.
func (s *Server) IsOwn(token string) bool { return secrets.IsMarked(token) }

// AllowsOrigin says whether a web origin is one of a registered client, so that its scripts may call the FHIR API and the token endpoint (SMART App Launch 2.2, app-launch.html#considerations-for-cross-origin-resource-sharing-cors-support).
func (s *Server) AllowsOrigin(ctx context.Context, origin string) (bool, error) {
	return s.clients.AllowsOrigin(ctx, origin)
}

// FirstLink returns the address at which the administrator sets a password, once, within 24 hours; empty when somebody has one already. Print it on the terminal, and nowhere else.
func (s *Server) FirstLink(ctx context.Context) (string, error) {
	secret, err := s.accounts.FirstLink(ctx)
	if err != nil || secret == "" {
		return "", err
	}
	return s.LinkURL(secret), nil
}

// LinkURL is the address of a link of accounts.NewLink.
func (s *Server) LinkURL(secret string) string {
	return s.url("/auth/welcome") + "?link=" + url.QueryEscape(secret)
}

// Sweep deletes what is over. Call it every few minutes; several servers on one store may.
func (s *Server) Sweep(ctx context.Context) error {
	_, err := s.requests.SweepBefore(ctx, secrets.Bound(s.o.Clock()))
	return errors.Join(err, s.accounts.Sweep(ctx), s.sessions.Sweep(ctx), s.launches.Sweep(ctx), s.tokens.Sweep(ctx), s.clients.Sweep(events.Acting(ctx, "this server")))
}

// url is the address of an endpoint as clients know it.
func (s *Server) url(endpoint string) string { return s.issuer + endpoint }

// path is an endpoint as browsers know it: with the path that a proxy may add.
func (s *Server) path(endpoint string) string {
	u, err := url.Parse(s.issuer)
	if err != nil { // complete has read it before
		return endpoint
	}
	return u.Path + endpoint
}

// changed tells of a change of accounts or clients, after which nothing that is remembered of tokens holds.
func (s *Server) changed(ctx context.Context, e events.Event) {
	if s.tokens != nil {
		s.tokens.Forget()
	}
	s.tell(ctx, e)
}

func (s *Server) tell(ctx context.Context, e events.Event) {
	if s.o.Events != nil {
		if e.Time.IsZero() {
			e.Time = s.o.Clock()
		}
		s.o.Events(ctx, e)
	}
}

// event begins an event about a request.
func (s *Server) event(r *http.Request, t events.Type) events.Event {
	return events.Event{Time: s.o.Clock(), Type: t, Remote: s.o.Remote(r), RequestID: r.Header.Get("X-Request-Id")}
}
