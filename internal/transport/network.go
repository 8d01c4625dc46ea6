package transport

import "net/netip"

// subnet is what one subscriber has of IPv6 at least (RFC 6177): whoever has one address of it can send from all.
const subnet = 64

// Network is what stands for a sender where requests of one are counted: an IPv4 address, or the /64 that an IPv6 address is in. A text that is no address stands for itself.
func Network(host string) string {
	at, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	at = at.Unmap().WithZone("")
	if at.Is4() {
		return at.String()
	}
	prefix, err := at.Prefix(subnet)
	if err != nil { // cannot be: no address is shorter
		return host
	}
	return prefix.String()
}
