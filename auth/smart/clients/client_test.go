package clients_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

func open(t *testing.T) *clients.Clients {
	t.Helper()
	s, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return clients.New(clients.Options{State: store.Unwrap(s).(store.State), Clock: time.Now})
}

// What is missing or too long is named, with the limit; what is just as long as it may be is taken.
func TestSizes(t *testing.T) {
	all := open(t)
	long := func(n int) string { return "https://app.example/" + strings.Repeat("a", n-len("https://app.example/")) }
	many := func(n int, uri string) []string { return slices.Repeat([]string{uri}, n) }
	for _, tt := range []struct {
		name   string
		change func(*clients.Client)
		want   string
	}{
		{"all is well", func(*clients.Client) {}, ""},
		{"no name", func(c *clients.Client) { c.Name = "" }, "it has no name; people are shown one"},
		{"name", func(c *clients.Client) { c.Name = strings.Repeat("n", 2049) }, "the name has 2049 bytes, which is more than 2048"},
		{"name, just so", func(c *clients.Client) { c.Name = strings.Repeat("n", 2048) }, ""},
		{"website", func(c *clients.Client) { c.Website = long(2049) }, "the website has 2049 bytes, which is more than 2048"},
		{"website, just so", func(c *clients.Client) { c.Website = long(2048) }, ""},
		{"launch", func(c *clients.Client) { c.LaunchURI = long(3000) }, "the launch address has 3000 bytes, which is more than 2048"},
		{"redirect URI", func(c *clients.Client) { c.RedirectURIs = []string{long(2049)} }, "a redirect URI has 2049 bytes, which is more than 2048"},
		{"redirect URIs", func(c *clients.Client) { c.RedirectURIs = many(33, long(30)) }, "it has 33 redirect URIs, which is more than 32"},
		{"redirect URIs, just so", func(c *clients.Client) { c.RedirectURIs = many(32, long(2048)) }, ""},
		{"origins", func(c *clients.Client) { c.Origins = many(40, "https://app.example") }, "it has 40 web origins, which is more than 32"},
		{"contacts", func(c *clients.Client) { c.Contacts = many(33, "x") }, "it has 33 contacts, which is more than 32"},
		{"contact", func(c *clients.Client) { c.Contacts = []string{strings.Repeat("x", 2049)} }, "a contact has 2049 bytes, which is more than 2048"},
		{"scopes", func(c *clients.Client) { c.Scopes = strings.Repeat("openid ", 2341) }, "the list of scopes has 16387 bytes, which is more than 16384"},
		{"keys", func(c *clients.Client) {
			c.Type, c.JWKS = clients.Asymmetric, []byte(strings.Repeat(" ", 65537))
		}, "the JWK Set has 65537 bytes, which is more than 65536"},
		{"id", func(c *clients.Client) { c.ID = strings.Repeat("x", 129) }, "the id has 1 to 128 letters, digits and any of -._~:/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := clients.Client{Name: "App", Type: clients.Public, RedirectURIs: []string{"https://app.example/back"}}
			tt.change(&c)
			_, _, err := all.Create(t.Context(), c)
			if got := errorText(err); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), "not a valid client: ")
}
