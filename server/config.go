package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Config is what a [Server] is made of. Store, Search, Definitions and BaseURL are required; the zero value of the rest has a default.
type Config struct {
	Store       store.Store
	Search      *search.Registry
	Definitions *spec.Definitions
	Adapters    *adapters.Registry // nil: /ingest knows no adapter

	// BaseURL is the address clients know the service by, such as http://127.0.0.1:8080/fhir, without a final slash. It is in
	// every link. Requests are served under /fhir whatever the path of BaseURL, so that a proxy may add its own.
	BaseURL string

	// Origins are those whose scripts may use the service from a browser (CORS), as https://app.example or LoopbackOrigins; empty means all.
	Origins []string

	// ClientOrigins tells of other origins whose scripts may use the service, such as those of registered apps; nil: there are none.
	ClientOrigins func(ctx context.Context, origin string) bool

	// OwnHostsOnly refuses requests whose Host is neither a loopback address, nor localhost, nor the host of BaseURL (--dev). Without authorization that is what keeps
	// out a page whose own name was made to resolve to this machine (DNS rebinding): its requests are of its own origin, so that CORS does not apply.
	OwnHostsOnly bool

	// Explain answers _explain=true of a search with how it was answered (--dev). It tells about the store, not about resources the caller may not see.
	Explain bool

	Authenticator Authenticator // nil lets everybody do everything (--dev)
	OAuth         *OAuth        // where tokens are to be had; nil: nowhere
	Auditor       Auditor       // nil records nothing; with a trail, Store is to be [audit.Over] it

	Logger *slog.Logger     // nil discards
	Clock  func() time.Time // nil is time.Now; only for durations, Date elements and ids: the store stamps resources
	IDs    func() string    // ids of new resources and of requests; nil makes UUIDs of version 7, which sort by time
	Limits Limits

	// Refresh is how often a server on a store that others may have open looks for what they changed, and says that it lives ([store.Shared]); 0 means 1 s.
	Refresh time.Duration

	Validation Validation // of what is written
	Version    string     // of the software, for the CapabilityStatement
}

// Limits bound what one request may ask for. Zero values mean the defaults named.
type Limits struct {
	BodyBytes     int64         // largest request body, also after decompression: 64 MiB
	BundleEntries int           // most entries of a batch or transaction: 5,000
	DefaultCount  int           // page size when the client names none: 50
	MaxCount      int           // largest page size: 1,000
	DeleteMatches int           // most resources that one conditional delete deletes: 1
	Jobs          int           // most requests in the background, running or with a result that is kept: 16
	JobTime       time.Duration // how long a request in the background may run, and how long its result is kept: 1 h
	Timeout       time.Duration // for a write, a search, a history, a Bundle or an ingested payload: 60 s; negative for none
}

func (l Limits) withDefaults() Limits {
	if l.BodyBytes <= 0 {
		l.BodyBytes = 64 << 20
	}
	if l.BundleEntries <= 0 {
		l.BundleEntries = 5000
	}
	if l.DefaultCount <= 0 {
		l.DefaultCount = 50
	}
	if l.MaxCount <= 0 {
		l.MaxCount = 1000
	}
	if l.DeleteMatches <= 0 {
		l.DeleteMatches = 1
	}
	if l.Jobs <= 0 {
		l.Jobs = 16
	}
	if l.JobTime <= 0 {
		l.JobTime = time.Hour
	}
	if l.Timeout == 0 {
		l.Timeout = time.Minute
	}
	return l
}

// withDefaults checks what is required and fills in the rest.
func (c Config) withDefaults() (Config, error) {
	if c.Store == nil || c.Search == nil || c.Definitions == nil {
		return c, errors.New("server: Store, Search and Definitions are required")
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" {
		return c, fmt.Errorf("server: BaseURL %q is not an absolute http or https URL", c.BaseURL)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.IDs == nil {
		c.IDs = newUUIDs(c.Clock).next
	}
	if c.Refresh <= 0 {
		c.Refresh = time.Second
	}
	if c.Version == "" {
		c.Version = "devel"
	}
	c.Limits = c.Limits.withDefaults()
	return c, nil
}
