package config

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// CheckLoopback refuses an address that somebody on another machine could reach: only 127.0.0.0/8, ::1 and the name localhost (when it resolves to
// nothing else) pass. An empty host means every interface and is refused.
func CheckLoopback(ctx context.Context, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", address)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !ip.Unmap().IsLoopback() {
			return fmt.Errorf("%s is not a loopback address", address)
		}
		return nil
	}
	if host != "localhost" {
		return fmt.Errorf("%q is not a loopback address: use 127.0.0.1, ::1 or localhost", address)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return fmt.Errorf("%s resolves to %s, which is not a loopback address", host, ip)
		}
	}
	return nil
}
