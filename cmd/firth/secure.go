package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/bearer"
	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/oidc"
	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/consents"
	"github.com/firth-health/firth/internal/version"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store"
)

// secured is what stands between a server and the world: who may do what, and the record of who did.
type secured struct {
	authorization *smart.Server
	tokens        *server.Tokens
	trail         *audit.Trail // nil with --audit off
	audits        *auditWork   // for firth audit
	store         store.Store  // with the trail and the index of Consents over it

	consents    *consents.Store
	clients     clientCertificates
	own         *bearer.Reader // of this server's tokens
	metrics     string         // who may read them
	files       keyFiles
	socket      *socketServer // nil where none is wanted, or could be had
	checkpoints *os.File
	log         *slog.Logger
	stop        context.CancelFunc
	swept       chan struct{}
}

// How often what has expired is deleted from the store, and what other servers wrote is looked for.
const (
	sweepEvery = 5 * time.Minute
	lookEvery  = time.Second
)

// secure opens the authorization server and the audit trail of a store.
func secure(ctx context.Context, c config.Config, p *parts, base string, log *slog.Logger) (_ *secured, err error) {
	files, err := openKeyFiles(c)
	if err != nil {
		return nil, err
	}
	z := &secured{store: p.store, files: files, metrics: c.Metrics, log: log, swept: make(chan struct{})}
	member := memberships{relations{p.store}, p.registry, base, time.Now, log}
	index := auth.NewConsents(auth.ConsentOptions{BaseURL: base, Belongs: member.of})
	if z.consents, err = consents.Over(ctx, z.store, index, time.Now); err != nil {
		return nil, fmt.Errorf("consents: %w", err)
	}
	z.store = z.consents
	if c.Audit == "on" {
		if err := z.openTrail(ctx, files, p.registry, base, time.Duration(c.AuditKeep)*24*time.Hour); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, z.closeTrail())
		}
	}()
	if z.audits, err = openAudits(z, p.registry, base); err != nil {
		return nil, err
	}
	state, ok := store.Unwrap(p.store).(store.State)
	if !ok {
		return nil, errors.New("the store keeps no state, so there can be no authorization on it")
	}
	rules, err := auth.New(auth.Options{Definitions: p.definitions, Search: p.registry, BaseURL: base, Relations: member.relations, Consents: index})
	if err != nil {
		return nil, err
	}
	key, err := files.auth()
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	fetcher := keys.NewFetcher(keys.NewClient(c.PrivateClients), time.Now)
	z.authorization, err = smart.New(ctx, smart.Options{State: state, BaseURL: base, Key: key, Patients: patients{p.store, p.registry}, ParseScopes: rules.ParseScopes, Fetcher: fetcher, Events: z.record, Logger: log, Certificate: z.clients.of(c),
		Registration: c.Registration, Name: c.Name, Brand: smart.Brand{Name: c.Name}})
	if err != nil {
		return nil, fmt.Errorf("authorization server: %w", err)
	}
	foreign, err := foreignIssuers(c, base)
	if err != nil {
		return nil, err
	}
	reader := &bearer.Reader{Own: z.authorization, Devices: z.authorization, Certificate: z.clients.of(c)}
	if foreign != nil {
		reader.Foreign = foreign
	}
	z.own = &bearer.Reader{Own: z.authorization, Certificate: z.clients.of(c)}
	z.tokens = server.NewTokens(server.TokenOptions{Reader: reader, Rules: rules, Clock: time.Now, RequestRate: float64(c.RequestRate)})
	z.tend()
	return z, nil
}

func (z *secured) openTrail(ctx context.Context, files keyFiles, registry *search.Registry, base string, keep time.Duration) error {
	key, err := files.audit()
	if err != nil {
		return err
	}
	if z.checkpoints, err = files.checkpoints(); err != nil {
		return err
	}
	z.trail, err = audit.Open(ctx, audit.Options{Store: z.store, BaseURL: base, Version: version.Read().Version, Key: key, Checkpoints: z.checkpoints, Logger: z.log, Keep: keep})
	if err != nil {
		return errors.Join(err, z.checkpoints.Close())
	}
	z.store = audit.Over(z.store, z.trail, registry)
	return nil
}

// foreignIssuers returns nil when none is trusted.
func foreignIssuers(c config.Config, base string) (*oidc.Issuers, error) {
	if len(c.Issuers) == 0 {
		return nil, nil //nolint:nilnil // there are none
	}
	audiences, secret := []string{base}, ""
	if c.IssuerAudience != "" {
		audiences = append(audiences, c.IssuerAudience)
	}
	if c.IssuerSecretFile != "" {
		data, err := os.ReadFile(c.IssuerSecretFile)
		if err != nil {
			return nil, fmt.Errorf("--oidc-secret-file: %w", err)
		}
		secret = strings.TrimSpace(string(data))
	}
	o := oidc.Options{Base: base, Clock: time.Now}
	for _, issuer := range c.Issuers {
		o.Issuers = append(o.Issuers, oidc.Issuer{URL: issuer, Audiences: audiences, ClientID: c.IssuerClient, ClientSecret: secret})
	}
	issuers, err := oidc.New(o)
	if err != nil {
		return nil, usageError{err}
	}
	return issuers, nil
}

// tend does what has to be done now and then, until close: it deletes what has expired, and takes note of Consents that other servers wrote.
func (z *secured) tend() {
	ctx, cancel := context.WithCancel(context.Background())
	z.stop = cancel
	var look <-chan time.Time
	lookTick := time.NewTicker(lookEvery)
	if shared, ok := store.Unwrap(z.store).(store.Shared); ok && shared.Shared() {
		look = lookTick.C
	}
	go func() {
		defer close(z.swept)
		defer lookTick.Stop()
		sweep := time.NewTicker(sweepEvery)
		defer sweep.Stop()
		for {
			var what string
			var err error
			select {
			case <-sweep.C:
				what, err = "what has expired is still in the store", z.authorization.Sweep(ctx)
			case <-look:
				what, err = "Consents that other servers wrote are not known", z.consents.Look(ctx)
			case <-ctx.Done():
				return
			}
			if err != nil && ctx.Err() == nil {
				z.log.Warn(what, "error", err)
			}
		}
	}()
}

// guard has a server ask for tokens and record what is done.
func (z *secured) guard(c *server.Config) {
	c.Store, c.Authenticator, c.ClientOrigins = z.store, z.tokens, z.allowsOrigin
	if z.trail != nil {
		c.Auditor = z.trail
	}
	at := z.authorization.Endpoints()
	c.OAuth = &server.OAuth{Authorize: at.Authorize, Token: at.Token, Introspect: at.Introspect, Revoke: at.Revoke, Register: at.Register, Manage: at.Manage}
}

// handler puts the authorization server and its administration beside the FHIR API.
func (z *secured) handler(api http.Handler) http.Handler {
	administration, authorization := identified(http.StripPrefix(adminPath, z.administration(z.tokenActor))), identified(z.refusals(z.authorization))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, adminPath+"/"):
			administration.ServeHTTP(w, r)
		case z.authorization.Serves(r.URL.Path):
			authorization.ServeHTTP(w, r)
		case r.URL.Path == "/metrics" && !z.showsMetrics(r):
			http.NotFound(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// showsMetrics reports whether a request may read the metrics, which say how much of what is going on, though of nobody.
func (z *secured) showsMetrics(r *http.Request) bool {
	if z.metrics == "all" {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return z.metrics == "loopback" && err == nil && peer.Addr().Unmap().IsLoopback()
}

// allowsOrigin is about origins of registered clients.
func (z *secured) allowsOrigin(ctx context.Context, origin string) bool {
	ok, err := z.authorization.AllowsOrigin(ctx, origin)
	if err != nil {
		z.log.Warn("origins of clients cannot be read", "error", err)
	}
	return ok
}

// close ends what runs in the background, and the trail last.
func (z *secured) close() error {
	z.stop()
	<-z.swept
	return errors.Join(z.socket.close(), z.closeTrail())
}

func (z *secured) closeTrail() error {
	if z.trail == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(z.trail.Close(ctx), z.checkpoints.Close())
}
