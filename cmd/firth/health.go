package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the server of this machine whether it is well",
		Long: `Ask the server that listens at --listen for /healthz (the process answers), or with --ready for /readyz (requests are taken, and the store answers). It
is the health check of the container, which has no other program.

Exit codes: 0 the answer was 200; 1 it was another, or there was none within 5 seconds.`,
		Example: "  firth health\n  firth health --ready --listen 127.0.0.1:9000",
		Args:    cobra.NoArgs,
	}
	load := settings(cmd, "listen")
	ready := cmd.Flags().Bool("ready", false, "ask whether requests are taken")
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		path := "/healthz"
		if *ready {
			path = "/readyz"
		}
		return askHealth(cmd.Context(), "http://"+reachable(c.Listen)+path)
	})
	return cmd
}

// reachable is where a server that listens on an address can be asked from the same machine: one on every interface, on loopback.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	switch ip, err := netip.ParseAddr(host); {
	case host == "", err == nil && ip == netip.IPv4Unspecified():
		host = "127.0.0.1"
	case err == nil && ip == netip.IPv6Unspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

func askHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// Not the default transport: a proxy of the environment is not asked.
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // read to the end or not, the process ends
	text, err := io.ReadAll(io.LimitReader(response.Body, 200))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, response.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
