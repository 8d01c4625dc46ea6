package keys

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/firth-health/firth/auth/authtest"
)

// signer is a key of a client.
type signer authtest.Key

func newRSA(t testing.TB, id string, bits int) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, jose.RS384, key, key.Public()}
}

func newEC(t testing.TB, id string) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, jose.ES384, key, key.Public()}
}

// sign makes a JWT with what else is to be in its header.
func (s signer) sign(t testing.TB, claims any, extra map[jose.HeaderKey]any) string {
	t.Helper()
	header := map[jose.HeaderKey]any{jose.HeaderType: "JWT"}
	maps.Copy(header, extra)
	return authtest.Key(s).Sign(t, claims, header)
}

func setOf(t testing.TB, signers ...signer) []byte {
	t.Helper()
	list := make([]authtest.Key, len(signers))
	for i, s := range signers {
		list[i] = authtest.Key(s)
	}
	return authtest.Set(t, list...)
}

// memory is a Replay in memory.
type memory struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (m *memory) Use(_ context.Context, issuer, id string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[string]time.Time{}
	}
	name := issuer + "\x00" + id
	_, known := m.seen[name]
	m.seen[name] = until
	return !known, nil
}

const endpoint = "https://fhir.example.org/auth/token"

func TestAssertion(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	good, ec, small := newRSA(t, "r1", 2048), newEC(t, "e1"), newRSA(t, "small", 1024)
	twin := newRSA(t, "twin", 2048)
	set, err := ParseSet(setOf(t, good, ec, small, twin, twin))
	if err != nil {
		t.Fatal(err)
	}
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{"iss": "app", "sub": "app", "aud": endpoint, "exp": now.Add(time.Minute).Unix(), "jti": rand.Text()}
		if change != nil {
			change(c)
		}
		return c
	}
	with := func(name string, value any) func(map[string]any) { return func(c map[string]any) { c[name] = value } }
	without := func(name string) func(map[string]any) { return func(c map[string]any) { delete(c, name) } }
	wrong := good
	wrong.Private = newRSA(t, "", 2048).Private
	hmac := signer{"r1", jose.HS384, []byte(strings.Repeat("k", 48)), nil}
	unsigned := "eyJhbGciOiJub25lIiwia2lkIjoicjEifQ." + strings.Split(good.sign(t, claims(nil), nil), ".")[1] + "."
	rs256 := good
	rs256.Algorithm = jose.RS256
	unnamed, unknown := good, good
	unnamed.ID, unknown.ID = "", "r2"
	crossed := ec
	crossed.ID = "r1"
	for _, test := range []struct {
		name, assertion, want string
	}{
		{"RS384", good.sign(t, claims(nil), nil), ""},
		{"ES384", ec.sign(t, claims(nil), nil), ""},
		{"several audiences", good.sign(t, claims(with("aud", []string{"https://other.example.org", endpoint})), nil), ""},
		{"expired within the leeway", good.sign(t, claims(with("exp", now.Add(-20*time.Second).Unix())), nil), ""},
		{"five minutes", good.sign(t, claims(with("exp", now.Add(5*time.Minute).Unix())), nil), ""},
		{"iat and nbf", good.sign(t, claims(func(c map[string]any) { c["iat"], c["nbf"] = now.Unix(), now.Unix() }), nil), ""},
		{"wrong key", wrong.sign(t, claims(nil), nil), "the signature of the assertion does not fit"},
		{"RS256", rs256.sign(t, claims(nil), nil), "the assertion is not a JWT signed with RS384 or ES384"},
		{"none", unsigned, "the assertion is not a JWT signed with RS384 or ES384"},
		{"HMAC with what everybody knows", hmac.sign(t, claims(nil), nil), "the assertion is not a JWT signed with RS384 or ES384"},
		{"no JWT", "x", "the assertion is not a JWT signed with RS384 or ES384"},
		{"too long", good.sign(t, claims(with("x", strings.Repeat("x", MaxAssertionBytes))), nil), "the assertion is longer than 16384 bytes"},
		{"no kid", unnamed.sign(t, claims(nil), nil), "the assertion has no kid"},
		{"unknown kid", unknown.sign(t, claims(nil), nil), "the client has no key of this kid and type"},
		{"kid of a key of another type", crossed.sign(t, claims(nil), nil), "the client has no key of this kid and type"},
		{"small key", small.sign(t, claims(nil), nil), "the client has no key of this kid and type"},
		{"two keys of one kid", twin.sign(t, claims(nil), nil), "the client has several keys of this kid and type"},
		{"jku although inline", good.sign(t, claims(nil), map[jose.HeaderKey]any{"jku": "https://app.example.org/jwks"}), "jku of the assertion is not the registered URL of the client's keys"},
		{"typ", good.sign(t, claims(nil), map[jose.HeaderKey]any{"typ": "at+jwt"}), "typ of the assertion must be JWT"},
		{"expired", good.sign(t, claims(with("exp", now.Add(-time.Minute).Unix())), nil), "the assertion has expired"},
		{"too far ahead", good.sign(t, claims(with("exp", now.Add(6*time.Minute).Unix())), nil), "exp of the assertion is more than five minutes ahead"},
		{"no exp", good.sign(t, claims(without("exp")), nil), "the assertion has no exp"},
		{"not yet", good.sign(t, claims(with("nbf", now.Add(time.Minute).Unix())), nil), "the assertion is not valid yet"},
		{"from the future", good.sign(t, claims(with("iat", now.Add(time.Minute).Unix())), nil), "the assertion was issued in the future"},
		{"no jti", good.sign(t, claims(without("jti")), nil), "the assertion needs a jti of at most 256 bytes"},
		{"wrong aud", good.sign(t, claims(with("aud", "https://fhir.example.org/auth")), nil), "aud of the assertion must be the URL of the token endpoint"},
		{"no aud", good.sign(t, claims(without("aud")), nil), "aud of the assertion must be the URL of the token endpoint"},
		{"other iss", good.sign(t, claims(with("iss", "other")), nil), "iss and sub of the assertion must be the client_id"},
		{"no sub", good.sign(t, claims(without("sub")), nil), "iss and sub of the assertion must be the client_id"},
		{"other client", good.sign(t, claims(func(c map[string]any) { c["iss"], c["sub"] = "other", "other" }), nil), "the assertion is of another client"},
		{"claims of other types", good.sign(t, claims(with("exp", "soon")), nil), "the claims of the assertion are malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := &Assertions{Audiences: []string{endpoint}, Replay: &memory{}, Clock: func() time.Time { return now }}
			err := a.Verify(t.Context(), test.assertion, "app", Registration{Set: set})
			if got := text(err); got != test.want {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			var inv *InvalidError
			if err != nil && !errors.As(err, &inv) {
				t.Errorf("%T", err)
			}
			if err == nil {
				if got := text(a.Verify(t.Context(), test.assertion, "app", Registration{Set: set})); got != "the jti of the assertion was used before" {
					t.Errorf("a second time: %q", got)
				}
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// site serves a JWK Set that can change.
type site struct {
	*httptest.Server
	asked atomic.Int64
	mu    sync.Mutex
	body  []byte
	cache string
	code  int
}

func newSite(t *testing.T, body []byte, cache string) *site {
	t.Helper()
	s := &site{body: body, cache: cache, code: 200}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.cache != "" {
			w.Header().Set("Cache-Control", s.cache)
		}
		w.WriteHeader(s.code)
		_, _ = w.Write(s.body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) set(body []byte, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.code = body, code
}

// TestRotation follows a client that takes a new key into use, by what its Cache-Control allows.
func TestRotation(t *testing.T) {
	old, next := newEC(t, "old"), newEC(t, "next")
	for _, test := range []struct {
		name, cache string
		wait        time.Duration // until the new key is asked for
		asked       int64         // after the old key was used twice at once, and then the new one
		found       bool
	}{
		{"kept, but a new kid asks", "max-age=600", 11 * time.Second, 2, true},
		{"kept, and asked a moment ago", "max-age=600", time.Second, 1, false},
		{"never kept", "no-store", time.Second, 3, true},
		{"kept for a second", "private, max-age=1", 2 * time.Second, 2, true},
		{"nothing said", "", time.Second, 1, false},
		{"nothing said, six minutes", "", 6 * time.Minute, 2, true},
		{"malformed", "max-age=soon", time.Second, 3, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			s := newSite(t, setOf(t, old), test.cache)
			f := NewFetcher(NewClient(true), func() time.Time { return now })
			for range 2 {
				if _, err := f.Key(t.Context(), s.URL, "old", jose.ES384); err != nil {
					t.Fatal(err)
				}
			}
			s.set(setOf(t, next), 200)
			now = now.Add(test.wait)
			if _, err := f.Key(t.Context(), s.URL, "next", jose.ES384); (err == nil) != test.found {
				t.Error(err)
			}
			if got := s.asked.Load(); got != test.asked {
				t.Errorf("asked %d times, want %d", got, test.asked)
			}
		})
	}
}

// TestFetchFailures asks where no keys are to be had: the error says nothing of what was answered, and a flood asks once.
func TestFetchFailures(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name string
		body string
		code int
		want string
	}{
		{"status", "secret", 500, "keys cannot be fetched: status 500"},
		{"no JSON", "secret", 200, "keys cannot be fetched: not a JWK Set: not JSON of that shape"},
		{"no set", "{}", 200, "keys cannot be fetched: not a JWK Set: it has no member keys"},
		{"too long", strings.Repeat(" ", MaxSetBytes+1), 200, "keys cannot be fetched: a JWK Set of more than 262144 bytes"},
		{"too many", `{"keys":[` + strings.Repeat(`{},`, MaxKeys) + `{}]}`, 200, "keys cannot be fetched: a JWK Set of more than 100 keys"},
		{"symmetric", `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`, 200, "keys cannot be fetched: a JWK Set with a private or symmetric key"},
		{"redirect", "", 302, "keys cannot be fetched: a redirect"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, []byte(test.body), "")
			s.code = test.code
			if test.code == 302 {
				s.Config.Handler = http.RedirectHandler("/elsewhere", http.StatusFound)
			}
			f := NewFetcher(NewClient(true), func() time.Time { return now })
			var calls sync.WaitGroup
			for range 20 {
				calls.Go(func() {
					_, err := f.Key(context.Background(), s.URL, "x", jose.ES384)
					if text(err) != test.want || !errors.Is(err, ErrUnavailable) {
						t.Errorf("got %q, want %q", text(err), test.want)
					}
				})
			}
			calls.Wait()
			if got := s.asked.Load(); got > 1 {
				t.Errorf("asked %d times", got)
			}
		})
	}
}

func TestForeignKeysAreSkipped(t *testing.T) {
	one := newEC(t, "e")
	mixed := strings.Replace(string(setOf(t, one)), `"keys":[`, `"keys":[{"kty":"XYZ"},{"kty":"EC","crv":"P-384","x":"AA","y":"AA","kid":"off"},{},`, 1)
	set, err := ParseSet([]byte(mixed))
	if err != nil || set.Len() != 1 {
		t.Fatal(set, err)
	}
}

// TestSizesOfRSA has keys that are too weak, and such as cost whoever verifies with them more than the sender: neither is used.
func TestSizesOfRSA(t *testing.T) {
	for bits, want := range map[int]error{1024: errNoKey, 2048: nil, 4096: nil, 4097: errNoKey, 98_304: errNoKey} {
		modulus := new(big.Int).SetBit(big.NewInt(1), bits-1, 1) // its factors do not matter here
		set, err := ParseSet(setOf(t, signer{"k", jose.RS384, nil, &rsa.PublicKey{N: modulus, E: 65537}}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := set.key("k", jose.RS384); !errors.Is(err, want) {
			t.Errorf("%d bits: %v, want %v", bits, err, want)
		}
	}
}

func TestJKU(t *testing.T) {
	one := newEC(t, "e")
	s := newSite(t, setOf(t, one), "")
	a := &Assertions{Audiences: []string{endpoint}, Replay: &memory{}, Clock: time.Now, Fetcher: NewFetcher(NewClient(true), time.Now)}
	claims := func() map[string]any {
		return map[string]any{"iss": "app", "sub": "app", "aud": endpoint, "exp": time.Now().Add(time.Minute).Unix(), "jti": rand.Text()}
	}
	for jku, want := range map[string]string{s.URL: "", s.URL + "/": "jku of the assertion is not the registered URL of the client's keys"} {
		if got := text(a.Verify(t.Context(), one.sign(t, claims(), map[jose.HeaderKey]any{"jku": jku}), "app", Registration{URL: s.URL})); got != want {
			t.Errorf("%s: %q", jku, got)
		}
	}
	s.Close()
	gone := &Assertions{Audiences: a.Audiences, Replay: a.Replay, Clock: a.Clock, Fetcher: NewFetcher(NewClient(true), time.Now)}
	if err := gone.Verify(t.Context(), one.sign(t, claims(), nil), "app", Registration{URL: s.URL}); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

func TestPublicOnly(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true,
		"127.0.0.1": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "255.255.255.255": false, "224.0.0.1": false,
		"198.18.0.1": false, "240.0.0.1": false, "::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false,
		"2002:7f00:1::": false, "2001:db8::1": false, "2001::1": false, "::127.0.0.1": false, "::ffff:0:127.0.0.1": false, "64:ff9b:1::a00:1": false,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
	s := newSite(t, setOf(t, newEC(t, "e")), "")
	f := NewFetcher(NewClient(false), time.Now)
	for _, address := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), strings.Replace(s.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		if _, err := f.Key(t.Context(), address, "e", jose.ES384); text(err) != "keys cannot be fetched: an address that is not public" {
			t.Errorf("%s: %v", address, err)
		}
	}
	if s.asked.Load() != 0 {
		t.Error("it was asked")
	}
}

func TestCheckURL(t *testing.T) {
	for _, test := range []struct {
		url     string
		private bool
		want    string
	}{
		{"https://app.example.org/jwks.json", false, ""},
		{"http://127.0.0.1:8080/jwks", true, ""},
		{"http://app.example.org/jwks", false, "not an https URL"},
		{"file:///etc/passwd", true, "not an absolute URL"},
		{"/jwks", false, "not an absolute URL"},
		{"https:app.example.org", false, "not an absolute URL"},
		{"https://a:b@app.example.org/", false, "a URL with a user or a fragment"},
		{"https://app.example.org/#", false, "a URL with a user or a fragment"},
		{"gopher://app.example.org/", true, "not an https URL"},
	} {
		if got := text(CheckURL(test.url, test.private)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.url, got, test.want)
		}
	}
}

func FuzzAssertion(f *testing.F) {
	one := newEC(f, "e")
	set, err := ParseSet(setOf(f, one))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one.sign(f, map[string]any{"iss": "app", "sub": "app", "aud": "other", "exp": 1, "jti": "x"}, nil))
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	a := &Assertions{Audiences: []string{endpoint}, Replay: &memory{}, Clock: time.Now}
	f.Fuzz(func(t *testing.T, assertion string) {
		if a.Verify(t.Context(), assertion, "app", Registration{Set: set}) == nil {
			t.Fatal("nobody signed this for us")
		}
		if client, err := Subject(assertion); err == nil && client == "" {
			t.Fatal("no client")
		}
		_ = Unsigned(assertion, &struct{}{})
	})
}

func FuzzParseSet(f *testing.F) {
	f.Add(setOf(f, newEC(f, "e"), newRSA(f, "r", 2048)))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := ParseSet(data)
		if err == nil && set.Len() > MaxKeys {
			t.Fatal(fmt.Sprint(set.Len(), " keys"))
		}
	})
}
