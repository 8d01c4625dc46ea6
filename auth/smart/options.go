package smart

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/passwords"
	"github.com/firth-health/firth/auth/smart/scopes"
	"github.com/firth-health/firth/store"
)

// Options of [New]. State, BaseURL and Key are required; the zero value of the rest has a default.
type Options struct {
	State store.State

	// BaseURL is the FHIR base as clients know it: https://ehr.example/fhir. Everything else lives beside its last part: https://ehr.example is the issuer, https://ehr.example/auth/token the token endpoint.
	BaseURL string

	// Key is the operator's key of sealed.KeySize bytes (sealed.ReadKeyFile), under which signing keys and secrets of one-time codes are stored.
	Key []byte

	Patients    Patients      // nil: nobody can choose a patient but those of the account
	ParseScopes scopes.Parser // nil: auth.ParseScopes, the grammar alone; that of auth.Rules also refuses types and parameters that do not exist
	Fetcher     *keys.Fetcher // of clients' JWK Sets; nil: one that asks public addresses only
	Clock       func() time.Time
	Events      events.Sink // audit; nil: none
	Logger      *slog.Logger

	Passwords passwords.Options // cost of a hash, and how many at once

	// Registration lets clients register themselves (RFC 7591), as apps for people: without system/ scopes and rights at this server.
	Registration bool

	// Remote says from which network address a request comes; nil: the peer of the connection. A server behind a proxy reads what the proxy says.
	Remote func(*http.Request) string

	// Certificate is what the client of a request showed, or nil. Without it no client authenticates by a certificate.
	Certificate func(*http.Request) *keys.Certificate

	Name   string // of the service, on pages; empty: Firth
	Tenant string // launch context "tenant"; empty: none
	Brand  Brand
}

// Patient is what the page on which a patient is chosen shows.
type Patient struct {
	ID, Name, BirthDate, Gender string
	Identifier                  string // such as a medical record number
}

// ErrNoPatient says that there is no such patient.
var ErrNoPatient = errors.New("no such patient")

// Patients finds patients for people who log in without a patient at hand. Whom a person may open is decided before and after by their account.
type Patients interface {
	// Find returns up to limit patients whose name or identifier begins with a text; with an empty text some.
	Find(ctx context.Context, text string, limit int) ([]Patient, error)

	// Get returns a patient. ErrNoPatient.
	Get(ctx context.Context, id string) (*Patient, error)
}

// complete verifies the options and fills in defaults.
func (o *Options) complete() error {
	base, err := url.Parse(o.BaseURL)
	if err != nil || (base.Scheme != "https" && base.Scheme != "http") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return fmt.Errorf("base URL %q: want an absolute http or https URL", o.BaseURL)
	}
	if o.State == nil {
		return errors.New("the store keeps no state")
	}
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.ParseScopes == nil {
		o.ParseScopes = auth.ParseScopes
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Fetcher == nil {
		o.Fetcher = keys.NewFetcher(keys.NewClient(false), o.Clock)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Remote == nil {
		o.Remote = peer
	}
	if o.Name == "" {
		o.Name = "Firth"
	}
	return nil
}

func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
