package keys

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// RefusedError says that an address must not be asked.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

// NewClient returns an HTTP client for URLs that others chose. It connects to public addresses only, whatever their name resolves to at the moment of the connection, follows no redirect, uses
// no proxy and waits for nobody longer than five seconds. With mayBePrivate it also connects to private networks and to this machine: for a site whose clients live there.
func NewClient(mayBePrivate bool) *http.Client {
	dialer := &net.Dialer{Timeout: fetchTimeout, KeepAlive: -1}
	if !mayBePrivate {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return &RefusedError{"not an address"}
			}
			if !isPublic(at.Addr()) {
				return &RefusedError{"an address that is not public"}
			}
			return nil
		}
	}
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    fetchTimeout,
			ResponseHeaderTimeout:  fetchTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
			MaxIdleConnsPerHost:    1,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return &RefusedError{"a redirect"} },
	}
}

// special are ranges that [netip.Addr] has no predicate for (RFC 6890 and its registries).
func special() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/8", // addresses of IPv4 in old clothes: ::127.0.0.1, ::ffff:0:127.0.0.1
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func isPublic(at netip.Addr) bool {
	at = at.Unmap()
	if !at.IsGlobalUnicast() || at.IsPrivate() || at.IsLoopback() || at.IsLinkLocalUnicast() || at.Zone() != "" {
		return false
	}
	return !slices.ContainsFunc(special(), func(p netip.Prefix) bool { return p.Contains(at) })
}
