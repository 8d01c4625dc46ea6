package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// resolve runs the whole path: file, variables and flags given as name=value.
func resolve(t *testing.T, file string, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	c := Defaults()
	settings := c.Settings()
	var flags []*Flag
	for _, s := range settings {
		f := s.Flag()
		flags = append(flags, f)
		for _, arg := range args {
			if name, value, _ := strings.Cut(arg, "="); name == s.Name {
				if err := f.Set(value); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	lookup := func(name string) (string, bool) { v, found := env[name]; return v, found }
	err := Resolve(settings, File{Name: "firth.yaml", Data: []byte(file)}, lookup, flags)
	return c, err
}

func TestPrecedence(t *testing.T) {
	tests := []struct {
		name string
		file string
		env  map[string]string
		args []string
		want string
	}{
		{name: "default", want: "127.0.0.1:8080"},
		{name: "file over default", file: "listen: 127.0.0.1:1", want: "127.0.0.1:1"},
		{name: "variable over file", file: "listen: 127.0.0.1:1", env: map[string]string{"FIRTH_LISTEN": "127.0.0.1:2"}, want: "127.0.0.1:2"},
		{name: "flag over all", file: "listen: 127.0.0.1:1", env: map[string]string{"FIRTH_LISTEN": "127.0.0.1:2"},
			args: []string{"listen=127.0.0.1:3"}, want: "127.0.0.1:3"},
		{name: "flag over file", file: "listen: 127.0.0.1:1", args: []string{"listen=127.0.0.1:3"}, want: "127.0.0.1:3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := resolve(t, tt.file, tt.env, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			if c.Listen != tt.want {
				t.Errorf("Listen = %q, want %q", c.Listen, tt.want)
			}
		})
	}
}

func TestEverySettingFromEachSource(t *testing.T) {
	want := Config{Listen: "[::1]:9", Store: "/srv/firth", BaseURL: "https://h/fhir", Server: "http://s/fhir", MLLP: "127.0.0.1:2575", Dev: true,
		Keys: "/k", TLSCertificate: "/c.pem", TLSKey: "/k.pem", ClientCA: "/ca.pem", ClientCertified: true, Issuers: []string{"https://i.example", "https://j.example/realm"}, IssuerAudience: "api", IssuerClient: "firth", IssuerSecretFile: "/s",
		Registration: true, PrivateClients: true, RequestRate: 50, Audit: "off", Name: "Ward 3", Metrics: "all", AuditKeep: 2200, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		MongoStandalone: true, MongoRead: "nearest", Validation: "off", Content: true, Origins: []string{"https://a.example", "http://b.example:8080", "loopback"},
		LogLevel: -4, LogFormat: "json", Memory: 2 << 30, Cache: 1 << 30, QueryCost: 1000, MaxBody: 65536, MaxEntries: 5, MaxDeletes: 8, PageSize: 6, MaxPageSize: 7, MaxJobs: 9,
		RequestTime: time.Second, HeaderTime: 2 * time.Second, IdleTime: 3 * time.Second, ShutdownTime: 4 * time.Second}
	file := `
listen: "[::1]:9"
store: /srv/firth
base-url: https://h/fhir/
server: http://s/fhir
mllp: 127.0.0.1:2575
dev: yes
keys: /k
tls: {cert: /c.pem, key: /k.pem, client-ca: /ca.pem, client-required: true}
oidc: {issuers: "https://i.example, https://j.example/realm", audience: api, client: firth, secret-file: /s}
auth: {registration: true, private-clients: true, name: Ward 3}
audit: off
metrics: all
audit-keep: 2200
trusted-proxies: "10.0.0.0/8, ::1"
mongo: {allow-standalone: true, read: nearest}
validation: off
content: true
origins: https://a.example, http://b.example:8080, loopback
memory-limit: 2GiB
log: {level: debug, format: json}
cache: 1GiB
limits:
  body: 64KiB
  entries: 5
  deletes: 8
  page: 6
  max-page: 7
  jobs: 9
  query-cost: 1000
  rate: 50
timeouts: {request: 1s, header: 2s, idle: 3s, shutdown: 4s}
`
	env := map[string]string{"FIRTH_LISTEN": "[::1]:9", "FIRTH_STORE": "/srv/firth", "FIRTH_BASE_URL": "https://h/fhir", "FIRTH_SERVER": "http://s/fhir",
		"FIRTH_MLLP": "127.0.0.1:2575", "FIRTH_DEV": "1", "FIRTH_MONGO_ALLOW_STANDALONE": "true", "FIRTH_MONGO_READ": "nearest", "FIRTH_LOG_LEVEL": "debug", "FIRTH_LOG_FORMAT": "json", "FIRTH_CACHE": "1024MiB",
		"FIRTH_MAX_BODY": "65536", "FIRTH_MAX_ENTRIES": "5", "FIRTH_MAX_DELETES": "8", "FIRTH_VALIDATION": "off", "FIRTH_PAGE_SIZE": "6", "FIRTH_MAX_PAGE_SIZE": "7", "FIRTH_REQUEST_TIMEOUT": "1s",
		"FIRTH_CONTENT": "yes", "FIRTH_ORIGINS": "https://a.example,http://b.example:8080,loopback", "FIRTH_MEMORY_LIMIT": "2048MiB", "FIRTH_MAX_JOBS": "9",
		"FIRTH_KEYS": "/k", "FIRTH_TLS_CERT": "/c.pem", "FIRTH_TLS_KEY": "/k.pem", "FIRTH_CLIENT_CA": "/ca.pem", "FIRTH_CLIENT_CERT_REQUIRED": "1", "FIRTH_OIDC_ISSUER": "https://i.example,https://j.example/realm",
		"FIRTH_OIDC_AUDIENCE": "api", "FIRTH_OIDC_CLIENT": "firth", "FIRTH_OIDC_SECRET_FILE": "/s", "FIRTH_REGISTRATION": "yes", "FIRTH_PRIVATE_CLIENTS": "yes", "FIRTH_REQUEST_RATE": "50", "FIRTH_AUDIT": "off", "FIRTH_NAME": "Ward 3", "FIRTH_METRICS": "all", "FIRTH_AUDIT_KEEP": "2200", "FIRTH_TRUSTED_PROXIES": "10.0.0.0/8,::1",
		"FIRTH_QUERY_COST": "1000", "FIRTH_HEADER_TIMEOUT": "2s", "FIRTH_IDLE_TIMEOUT": "3s", "FIRTH_SHUTDOWN_TIMEOUT": "4s"}
	args := []string{"listen=[::1]:9", "store=/srv/firth", "base-url=https://h/fhir", "server=http://s/fhir/", "mllp=127.0.0.1:2575", "dev=true", "mongo-allow-standalone=true", "mongo-read=nearest",
		"log-level=debug", "log-format=json", "cache=1GiB", "max-body=64KiB", "max-entries=5", "max-deletes=8", "validation=off", "page-size=6", "max-page-size=7",
		"content=true", "origins=https://a.example,http://b.example:8080, loopback", "memory-limit=2GiB", "max-jobs=9", "query-cost=1000",
		"keys=/k", "tls-cert=/c.pem", "tls-key=/k.pem", "client-ca=/ca.pem", "client-cert-required=true", "oidc-issuer=https://i.example,https://j.example/realm", "oidc-audience=api", "oidc-client=firth", "oidc-secret-file=/s",
		"registration=true", "private-clients=true", "request-rate=50", "audit=off", "name=Ward 3", "metrics=all", "audit-keep=2200", "trusted-proxies=10.1.2.3/8,::1",
		"request-timeout=1s", "header-timeout=2s", "idle-timeout=3s", "shutdown-timeout=4s"}
	if settings := (&Config{}).Settings(); len(env) != len(settings) || len(args) != len(settings) {
		t.Fatalf("%d variables and %d flags for %d settings", len(env), len(args), len(settings))
	}
	for name, source := range map[string]func() (Config, error){
		"file":      func() (Config, error) { return resolve(t, file, nil) },
		"variables": func() (Config, error) { return resolve(t, "", env) },
		"flags":     func() (Config, error) { return resolve(t, "", nil, args...) },
	} {
		t.Run(name, func(t *testing.T) {
			got, err := source()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("Config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name string
		file string
		env  map[string]string
		args []string
		want string
	}{
		{name: "unknown key", file: "listen: 127.0.0.1:1\n\nlissten: x\n",
			want: "firth.yaml:3: unknown setting lissten; known: listen, store, base-url, server, dev, keys, tls, oidc, auth, audit-keep, trusted-proxies, metrics, audit, mllp, mongo, validation, content, origins, log, memory-limit, cache, limits, timeouts"},
		{name: "unknown key of a group", file: "log:\n  levle: info\n", want: "firth.yaml:2: unknown setting log.levle; known under log: level, format"},
		{name: "group without names", file: "log: info\n", want: "firth.yaml:1: expected settings as `name: value` under log"},
		{name: "list", file: "- listen\n", want: "firth.yaml:1: expected settings as `name: value`"},
		{name: "duplicate key", file: "dev: true\ndev: false\n", want: "firth.yaml:2: dev is already set in line 1"},
		{name: "value in file", file: "limits:\n  body: many\n",
			want: `firth.yaml:2: limits.body: "many" is not a size such as 65536, 512KiB, 64MiB or 1GiB`},
		{name: "mapping as value", file: "listen:\n  host: x\n", want: "firth.yaml:2: listen: expected one value"},
		{name: "two documents", file: "dev: true\n---\ndev: true\n", want: "firth.yaml: more than one YAML document"},
		{name: "value in variable", env: map[string]string{"FIRTH_PAGE_SIZE": "0"}, want: `FIRTH_PAGE_SIZE: "0" is not a whole number above zero`},
		{name: "value of flag", args: []string{"listen=8080"}, want: `--listen: "8080" is not HOST:PORT`},
		{name: "port", args: []string{"listen=127.0.0.1:http"}, want: `--listen: "127.0.0.1:http" has no port between 0 and 65535`},
		{name: "empty listen", args: []string{"listen="}, want: `--listen: "" is not HOST:PORT`},
		{name: "level", args: []string{"log-level=loud"}, want: `--log-level: "loud" is none of debug, info, warn, error`},
		{name: "format", args: []string{"log-format=xml"}, want: `--log-format: "xml" is none of text, json`},
		{name: "duration", args: []string{"idle-timeout=5"}, want: `--idle-timeout: "5" is not a duration such as 30s or 2m`},
		{name: "base with query", args: []string{"base-url=http://h/fhir?x=1"},
			want: `--base-url: "http://h/fhir?x=1" is not an http or https URL without user, query and fragment`},
		{name: "origin with path", args: []string{"origins=loopback,https://app.example/"},
			want: `--origins: "https://app.example/" is not an origin such as https://app.example:8443, nor loopback, nor *`},
		{name: "no origin", env: map[string]string{"FIRTH_ORIGINS": ""}, want: `FIRTH_ORIGINS: "" is not an origin such as https://app.example:8443, nor loopback, nor *`},
		{name: "memory", args: []string{"memory-limit=1MiB"}, want: `--memory-limit: "1MiB" is less than 64MiB`},
		{name: "cache too small", args: []string{"cache=1KiB"}, want: `--cache: "1KiB" is less than 1MiB`},
		{name: "size overflow", args: []string{"max-body=99999999999GiB"},
			want: `--max-body: "99999999999GiB" is not a size such as 65536, 512KiB, 64MiB or 1GiB`},
		{name: "issuer", args: []string{"oidc-issuer=https://i.example,i"}, want: `--oidc-issuer: "i" is not an absolute http or https URL`},
		{name: "network", args: []string{"trusted-proxies=10.0.0.0/8,x"}, want: `--trusted-proxies: "x" is not a network such as 10.0.0.0/8, nor an address`},
		{name: "rate", args: []string{"request-rate=-1"}, want: `--request-rate: "-1" is not a number of 0 or more`},
		{name: "boolean", env: map[string]string{"FIRTH_DEV": "maybe"}, want: `FIRTH_DEV: "maybe" is neither true nor false`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := resolve(t, tt.file, tt.env, tt.args...)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error = %v\nwant    %s", err, tt.want)
			}
		})
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, file := range []string{"", "\n", "# nothing\n", "---\n", "log:\n"} {
		c, err := resolve(t, file, nil)
		if err != nil {
			t.Errorf("%q: %v", file, err)
		}
		if diff := cmp.Diff(Defaults(), c); diff != "" {
			t.Errorf("%q (-want +got):\n%s", file, diff)
		}
	}
}

func TestDefaultsSurviveTheirOwnText(t *testing.T) {
	c := Defaults()
	for _, s := range c.Settings() {
		if err := s.Value.Set(s.Value.String()); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	if diff := cmp.Diff(Defaults(), c); diff != "" {
		t.Errorf("after setting each default again (-want +got):\n%s", diff)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("listen: 127.0.0.1:1\nlimits: {body: 1MiB}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := Defaults()
		none := func(string) (string, bool) { return "", false }
		if err := Resolve(c.Settings(), File{Name: "f", Data: data}, none, nil); err != nil && err.Error() == "" {
			t.Error("an error without text")
		}
	})
}

// TestContradictions checks settings that do not go together.
func TestContradictions(t *testing.T) {
	for want, args := range map[string][]string{
		"the page size 9 is above the largest page size 8": {"page-size=9", "max-page-size=8"},
		"tls-cert and tls-key go together":                 {"tls-cert=c"},
		"client-ca needs tls-cert and tls-key":             {"client-ca=c"},
		"client-cert-required needs client-ca":             {"tls-cert=c", "tls-key=k", "client-cert-required=true"},
		"oidc-client and oidc-secret-file go together":     {"oidc-client=c"},
	} {
		c, err := resolve(t, "", nil, args...)
		if err == nil {
			err = c.Check()
		}
		if err == nil || err.Error() != want {
			t.Errorf("error = %v\nwant    %s", err, want)
		}
	}
}
