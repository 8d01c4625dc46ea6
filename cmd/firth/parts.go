package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/firth-health/firth/adapters/catalog"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/version"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
	"github.com/firth-health/firth/store/pebble"
)

// parts are what a server in this process is made of.
type parts struct {
	definitions *spec.Definitions
	registry    *search.Registry
	store       store.Store
	secured     *secured // nil without authorization
	server      *server.Server
}

// openParts opens the store and puts a server on it: with authorization and audit where guarded, and otherwise for this process or machine alone. baseURL is the FHIR base as clients see it.
func openParts(ctx context.Context, c config.Config, log *slog.Logger, baseURL string, guarded bool) (_ *parts, err error) {
	p := &parts{}
	if p.definitions, err = spec.R4(); err != nil {
		return nil, err
	}
	if p.registry, err = search.NewRegistry(p.definitions, search.Options{BaseURL: baseURL, References: true, Content: c.Content}); err != nil {
		return nil, err
	}
	built, err := catalog.Adapters()
	if err != nil {
		return nil, err
	}
	if p.store, err = openStore(ctx, c, log); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	settings := p.serverConfig(c, log, baseURL)
	settings.Adapters = built
	if guarded {
		if p.secured, err = secure(ctx, c, p, baseURL, log); err != nil {
			return nil, err
		}
		p.secured.guard(&settings)
		if err = p.secured.tellAdapters(ctx, p.store, built); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	if p.server, err = server.New(settings); err != nil {
		return nil, err
	}
	return p, nil
}

// serverConfig is what the settings say about a server.
func (p *parts) serverConfig(c config.Config, log *slog.Logger, baseURL string) server.Config {
	validation := server.ValidateWrites
	if c.Validation == "off" {
		validation = server.StoreAnything
	}
	return server.Config{
		Store: p.store, Search: p.registry, Definitions: p.definitions, BaseURL: baseURL, Logger: log, Version: version.Read().Version, Explain: c.Dev, OwnHostsOnly: c.Dev,
		Limits: server.Limits{BodyBytes: c.MaxBody, BundleEntries: int(c.MaxEntries), DefaultCount: int(c.PageSize), MaxCount: int(c.MaxPageSize),
			DeleteMatches: int(c.MaxDeletes), Jobs: int(c.MaxJobs), Timeout: c.RequestTime},
		Validation: validation,
		Origins:    origins(c),
	}
}

// origins are those whose scripts may use the service, as the server wants them.
func origins(c config.Config) []string {
	if slices.Contains(c.Origins, config.AllOrigins) {
		return nil
	}
	list := slices.Clone(c.Origins)
	if i := slices.Index(list, config.LoopbackOrigins); i >= 0 {
		list[i] = server.LoopbackOrigins
	}
	return list
}

// isURI tells the address of a database from the name of a directory.
func isURI(store string) bool { return strings.Contains(store, "://") }

// storeName is the store for people to read: without the password that a URI may hold.
func storeName(store string) string {
	scheme, rest, isURI := strings.Cut(store, "://")
	if !isURI {
		return store
	}
	hosts := rest[strings.LastIndexByte(rest, '@')+1:]
	hosts, _, _ = strings.Cut(hosts, "?")
	return scheme + "://" + hosts
}

// openStore opens what --store names.
func openStore(ctx context.Context, c config.Config, log *slog.Logger) (store.Store, error) {
	switch scheme, _, isURI := strings.Cut(c.Store, "://"); {
	case isURI && (scheme == "mongodb" || scheme == "mongodb+srv"):
		return openMongo(ctx, c, log)
	case isURI:
		return nil, usageError{fmt.Errorf("--store %s://…: a store is a directory, or a database at mongodb:// or mongodb+srv://", scheme)}
	case c.Store == "":
		return nil, usageError{errors.New("--store must name a directory or a mongodb:// URI")}
	}
	return pebble.Open(c.Store, pebble.Options{CacheBytes: cacheBytes(c, os.DirFS("/")), QueryCost: int(c.QueryCost), Logger: log})
}

func openMongo(ctx context.Context, c config.Config, log *slog.Logger) (store.Store, error) {
	return mongo.Open(ctx, c.Store, mongo.Options{AllowStandalone: c.MongoStandalone, SearchFrom: c.MongoRead, Logger: log})
}

// baseURL is the FHIR base of a server that listens on address, unless the configuration names one. Absolute references on it are
// indexed like relative ones, so commands that work on a store without a server use the same.
func baseURL(c config.Config, address string) string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	if c.TLSCertificate != "" {
		return "https://" + address + server.Mount
	}
	return "http://" + address + server.Mount
}

// handler answers HTTP requests.
func (p *parts) handler() http.Handler {
	if p.secured == nil {
		return p.server.Handler()
	}
	return p.secured.handler(p.server.Handler())
}

// close closes what was opened.
func (p *parts) close() (err error) {
	if p.server != nil {
		err = p.server.Close()
	}
	if p.secured != nil {
		err = errors.Join(err, p.secured.close())
	}
	return errors.Join(err, p.store.Close())
}
