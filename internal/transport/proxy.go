package transport

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// FromProxies gives requests that came through proxies the address of who sent them, as X-Forwarded-For tells it: the last address there that is not of a proxy that is trusted. From others the header
// is not believed, and taken out, so that nobody behind this relies on it. A certificate that a proxy shows is its own and not the sender's, so it is taken out as well.
func FromProxies(handler http.Handler, trusted []netip.Prefix) http.Handler {
	isTrusted := func(at netip.Addr) bool {
		at = at.Unmap()
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(at) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forwarded := r.Header["X-Forwarded-For"]
		if len(forwarded) == 0 && len(trusted) == 0 {
			handler.ServeHTTP(w, r)
			return
		}
		changed := *r
		if len(forwarded) > 0 {
			changed.Header = r.Header.Clone()
			changed.Header.Del("X-Forwarded-For")
		}
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && isTrusted(peer.Addr()) {
			if len(forwarded) > 0 {
				changed.RemoteAddr = net.JoinHostPort(sender(forwarded, peer.Addr(), isTrusted).String(), "0")
			}
			changed.TLS = anonymous(r.TLS)
		}
		handler.ServeHTTP(w, &changed)
	})
}

// anonymous is a connection without what was shown when it was made.
func anonymous(state *tls.ConnectionState) *tls.ConnectionState {
	if state == nil || len(state.PeerCertificates) == 0 {
		return state
	}
	without := *state
	without.PeerCertificates, without.VerifiedChains = nil, nil
	return &without
}

// sender goes back from the peer, hop by hop, to the first that is no trusted proxy. What cannot be read ends the way.
func sender(forwarded []string, peer netip.Addr, isTrusted func(netip.Addr) bool) netip.Addr {
	at := peer
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return at
		}
		if at = next; !isTrusted(next) {
			return at
		}
	}
	return at
}
