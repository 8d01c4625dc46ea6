package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Config holds the settings of one run. [Defaults] fills it; a [Set] reads flags, environment and file into it.
type Config struct {
	Listen  string // host:port of the HTTP server
	Store   string // directory of the embedded store, or a mongodb:// URI
	BaseURL string // FHIR base URL as clients see it; empty: made from the address listened on
	Server  string // FHIR base URL of a running server, for commands that talk to one
	MLLP    string // host:port of the HL7 v2 listener; empty: none
	Dev     bool   // no authorization, loopback only

	Keys             string         // directory of key files; empty: beside the embedded store
	TLSCertificate   string         // PEM file of the chain; empty: no TLS
	TLSKey           string         // PEM file
	ClientCA         string         // PEM file of authorities of client certificates; empty: none is asked for
	ClientCertified  bool           // refuse connections without a client certificate
	Issuers          []string       // foreign OpenID providers that are trusted
	IssuerAudience   string         // what tokens of theirs are for, besides the base URL
	IssuerClient     string         // client id of this server with them, to ask about tokens
	IssuerSecretFile string         // file with its secret
	Registration     bool           // clients may register themselves
	PrivateClients   bool           // JWK Sets of clients may be on private networks
	RequestRate      int64          // requests a second that one client may make; 0: any number
	Audit            string         // "on" or "off"
	Name             string         // of the service, on its pages
	AuditKeep        int64          // days that events are kept; 0: for ever
	Proxies          []netip.Prefix // whose X-Forwarded-For is believed
	Metrics          string         // who may read /metrics: "loopback", "all" or "off"

	MongoStandalone bool   // take a MongoDB server without transactions
	MongoRead       string // members of a MongoDB deployment that answer searches: a mode of read preference

	Validation string   // of resources written: "on" or "off"
	Content    bool     // index every word of a resource, for _content
	Origins    []string // whose scripts may use the service from a browser: origins, [LoopbackOrigins] or [AllOrigins]

	LogLevel  slog.Level
	LogFormat string // "text" or "json"

	Memory       int64 // bytes of memory the Go runtime tries to stay below; [AutoMemory] or [NoMemoryLimit]
	Cache        int64 // bytes for memory tables and blocks of the embedded store, or [AutoCache]
	QueryCost    int64 // index entries that one search reads at most
	MaxBody      int64 // bytes of a request body
	MaxEntries   int64 // entries of one Bundle
	MaxDeletes   int64 // resources that one conditional delete deletes
	PageSize     int64 // resources on a page when the client does not say
	MaxPageSize  int64 // resources on a page at most
	MaxJobs      int64 // requests in the background, running or with a result that is kept
	RequestTime  time.Duration
	HeaderTime   time.Duration
	IdleTime     time.Duration
	ShutdownTime time.Duration
}

// Defaults are the settings nobody has changed.
func Defaults() Config {
	return Config{
		Listen:       "127.0.0.1:8080",
		Store:        "data",
		MongoRead:    "primary",
		Audit:        "on",
		Name:         "Firth",
		Metrics:      "loopback",
		Validation:   "on",
		Origins:      []string{LoopbackOrigins},
		LogLevel:     slog.LevelInfo,
		LogFormat:    "text",
		Memory:       AutoMemory,
		Cache:        AutoCache,
		QueryCost:    50_000_000,
		MaxBody:      64 << 20,
		MaxEntries:   5000,
		MaxDeletes:   1,
		PageSize:     50,
		MaxPageSize:  1000,
		MaxJobs:      16,
		RequestTime:  time.Minute,
		HeaderTime:   10 * time.Second,
		IdleTime:     2 * time.Minute,
		ShutdownTime: 20 * time.Second,
	}
}

// Settings is the table: every setting, in the order of the documentation, bound to the fields of c.
func (c *Config) Settings() []Setting {
	return []Setting{
		{"listen", "listen", "address of the HTTP server", address{&c.Listen, true}},
		{"store", "store", "directory of the embedded store, or mongodb:// URI", text{&c.Store, "STORE"}},
		{"base-url", "base-url", "FHIR base URL as clients see it (none: the address listened on, with /fhir)", baseURL{&c.BaseURL}},
		{"server", "server", "FHIR base URL of a running server to talk to", baseURL{&c.Server}},
		{"dev", "dev", "run without authorization, on a loopback address only", boolean{&c.Dev}},
		{"keys", "keys", "directory of the key files of the authorization server and the audit trail (none: beside the embedded store, with .keys)", text{&c.Keys, "DIR"}},
		{"tls-cert", "tls.cert", "PEM file of the certificate chain to serve TLS with; read again when it changes", text{&c.TLSCertificate, "FILE"}},
		{"tls-key", "tls.key", "PEM file of the certificate's key", text{&c.TLSKey, "FILE"}},
		{"client-ca", "tls.client-ca", "PEM file of the authorities whose client certificates are taken", text{&c.ClientCA, "FILE"}},
		{"client-cert-required", "tls.client-required", "refuse connections without a client certificate", boolean{&c.ClientCertified}},
		{"oidc-issuer", "oidc.issuers", "OpenID providers whose access tokens are taken too, with commas between", urls{&c.Issuers}},
		{"oidc-audience", "oidc.audience", "audience their tokens may have besides the base URL", text{&c.IssuerAudience, "TEXT"}},
		{"oidc-client", "oidc.client", "client id to ask them about tokens with (introspection)", text{&c.IssuerClient, "ID"}},
		{"oidc-secret-file", "oidc.secret-file", "file with the secret of that client", text{&c.IssuerSecretFile, "FILE"}},
		{"registration", "auth.registration", "let apps register themselves (dynamic registration)", boolean{&c.Registration}},
		{"private-clients", "auth.private-clients", "fetch keys of clients from private networks, too", boolean{&c.PrivateClients}},
		{"name", "auth.name", "name of the service on its pages", text{&c.Name, "TEXT"}},
		{"audit-keep", "audit-keep", "days that the audit trail keeps events, whose removal leaves a signed record; 0: for ever", number{&c.AuditKeep}},
		{"trusted-proxies", "trusted-proxies", "networks of proxies whose X-Forwarded-For tells where requests come from, with commas between: 10.0.0.0/8", networks{&c.Proxies}},
		{"metrics", "metrics", "who may read /metrics of a server with authorization: loopback (without a proxy), all, or off", choice{&c.Metrics, []string{"loopback", "all", "off"}}},
		{"audit", "audit", "record every interaction: on, or off", choice{&c.Audit, []string{"on", "off"}}},
		{"mllp", "mllp", "address of the HL7 v2 (MLLP) listener", address{&c.MLLP, false}},
		{"mongo-allow-standalone", "mongo.allow-standalone", "take a MongoDB server that is no replica set: without transactions and conditional creates", boolean{&c.MongoStandalone}},
		{"mongo-read", "mongo.read", "members of a MongoDB deployment that answer searches; all but primary may miss the newest writes", choice{&c.MongoRead, []string{"primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"}}},
		{"validation", "validation", "check resources that are written against the definitions: on, or off to store any", choice{&c.Validation, []string{"on", "off"}}},
		{"content", "content", "index every word of a resource for _content, about a hundred keys each (existing data is reindexed)", boolean{&c.Content}},
		{"origins", "origins", "origins whose scripts may use the service from a browser (CORS), with commas between; loopback: all of this machine, *: all", origins{&c.Origins}},
		{"log-level", "log.level", "least severe log record written: debug, info, warn or error", level{&c.LogLevel}},
		{"log-format", "log.format", "form of log records: text or json", choice{&c.LogFormat, []string{"text", "json"}}},
		{"memory-limit", "memory-limit", "memory to stay below (GOMEMLIMIT wins); auto: three quarters of the container's limit, or half of the machine; off: none", memory{&c.Memory}},
		{"cache", "cache", "memory for tables and blocks of the embedded store; auto: a quarter of the memory limit, at least 96MiB", cache{&c.Cache}},
		{"max-body", "limits.body", "largest request body", size{&c.MaxBody, 1 << 10}},
		{"max-entries", "limits.entries", "most entries of a batch or transaction Bundle", count{&c.MaxEntries}},
		{"max-deletes", "limits.deletes", "most resources that one conditional delete deletes", count{&c.MaxDeletes}},
		{"page-size", "limits.page", "resources on a page when the request has no _count", count{&c.PageSize}},
		{"max-page-size", "limits.max-page", "most resources on a page, whatever _count says", count{&c.MaxPageSize}},
		{"max-jobs", "limits.jobs", "most requests with Prefer: respond-async, running or with a result that is kept", count{&c.MaxJobs}},
		{"query-cost", "limits.query-cost", "most index entries that one search reads before it is refused", count{&c.QueryCost}},
		{"request-rate", "limits.rate", "most requests a second of one client; 0: any number", number{&c.RequestRate}},
		{"request-timeout", "timeouts.request", "longest time to read and to answer a request", duration{&c.RequestTime}},
		{"header-timeout", "timeouts.header", "longest time to send the headers of a request", duration{&c.HeaderTime}},
		{"idle-timeout", "timeouts.idle", "longest time a connection may stay open between requests", duration{&c.IdleTime}},
		{"shutdown-timeout", "timeouts.shutdown", "time given to requests under way when the server stops", duration{&c.ShutdownTime}},
	}
}

// Check refuses settings that contradict each other.
func (c *Config) Check() error {
	if c.PageSize > c.MaxPageSize {
		return fmt.Errorf("the page size %d is above the largest page size %d", c.PageSize, c.MaxPageSize)
	}
	switch {
	case (c.TLSCertificate == "") != (c.TLSKey == ""):
		return errors.New("tls-cert and tls-key go together")
	case c.ClientCA != "" && c.TLSCertificate == "":
		return errors.New("client-ca needs tls-cert and tls-key")
	case c.ClientCertified && c.ClientCA == "":
		return errors.New("client-cert-required needs client-ca")
	case (c.IssuerClient == "") != (c.IssuerSecretFile == ""):
		return errors.New("oidc-client and oidc-secret-file go together")
	}
	return nil
}
