package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/version"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server",
		Long: `Run a server until SIGINT or SIGTERM: FHIR under /fhir, device payloads under /ingest, /healthz, /readyz and /metrics. The line
"ready URL" on the standard output says that requests are answered; log records go to the standard error.

Every request needs an access token: of the built-in SMART authorization server, at /auth, or of a provider that --oidc-issuer names. The first start prints the
address at which the administrator sets a password; accounts and apps are then made with firth user and firth client. Every interaction is recorded in the audit
trail (firth audit). Other addresses than loopback need TLS: --tls-cert and --tls-key, or an https --base-url with a proxy that terminates it.

With --dev there is no authorization and no record, for development on this machine: everybody who reaches the address may do everything, and any other address
than loopback (127.0.0.0/8, ::1, localhost) is refused.

When it is told to stop, the server takes no new requests, lets those under way end, and closes the store. A second signal ends it at once; what was
answered is safe in both cases.`,
		Example: `  firth serve --store /var/lib/firth/data
  firth serve --listen :8443 --tls-cert cert.pem --tls-key key.pem --base-url https://fhir.example.org/fhir
  firth serve --dev
  firth serve --dev --listen 127.0.0.1:9000 --store /var/lib/firth --mllp 127.0.0.1:2575
  FIRTH_DEV=true FIRTH_LOG_FORMAT=json firth serve --config firth.yaml`,
		Args: cobra.NoArgs,
	}
	load := settings(cmd, listenerSettings("listen", "store", "base-url", "dev", "mllp", "origins", "memory-limit", "keys", "tls-cert", "tls-key", "client-ca", "client-cert-required", "oidc-issuer", "oidc-audience", "oidc-client",
		"oidc-secret-file", "registration", "private-clients", "name", "metrics", "audit", "audit-keep", "trusted-proxies", "request-rate")...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		return serve(cmd.Context(), c, cmd.OutOrStdout())
	})
	return cmd
}

// checkAccess refuses to run where strangers could reach a server without authorization, or read tokens and passwords on their way.
func checkAccess(ctx context.Context, c config.Config) error {
	if !c.Dev {
		return checkTransport(ctx, c)
	}
	if slices.Contains(c.Origins, config.AllOrigins) {
		return usageError{errors.New("--dev runs without authorization: with --origins * a page of any site open in a browser here could read and write everything; name the origins")}
	}
	for _, address := range []string{c.Listen, c.MLLP} {
		if address == "" {
			continue
		}
		if err := config.CheckLoopback(ctx, address); err != nil {
			return usageError{fmt.Errorf("--dev runs without authorization and on loopback only: %w", err)}
		}
	}
	return nil
}

// checkTransport is checkAccess of a server with authorization.
func checkTransport(ctx context.Context, c config.Config) error {
	if c.TLSCertificate == "" && !strings.HasPrefix(c.BaseURL, "https://") {
		if err := config.CheckLoopback(ctx, c.Listen); err != nil {
			return usageError{fmt.Errorf("without TLS passwords and access tokens could be read on their way: give --tls-cert and --tls-key, or --base-url https://… behind a proxy that terminates TLS: %w", err)}
		}
	}
	if c.MLLP != "" && c.ClientCA == "" {
		if err := config.CheckLoopback(ctx, c.MLLP); err != nil {
			return usageError{fmt.Errorf("HL7 v2 does not say who is calling: --mllp on another address than loopback needs --client-ca (with --tls-cert and --tls-key): %w", err)}
		}
	}
	return nil
}

func serve(ctx context.Context, c config.Config, out io.Writer) error {
	if err := checkAccess(ctx, c); err != nil {
		return err
	}
	log := logger(c)
	limitMemory(c, log, os.LookupEnv, os.DirFS("/"))
	keepHeadroom(ctx, os.LookupEnv)
	r, err := start(ctx, c, log, listenExactly)
	if err != nil {
		return err
	}
	log.Info("serving", "base", r.base, "store", storeName(c.Store), "version", version.Read().String(), "authorization", !c.Dev)
	if r.mllp != nil {
		fmt.Fprintf(out, "mllp %s\n", r.mllp.address())
	}
	if err := announceAdministrator(ctx, r, out); err != nil {
		return errors.Join(err, r.stop())
	}
	fmt.Fprintf(out, "ready %s\n", r.base)
	err = r.wait(ctx)
	log.Info("stopping")
	if err := errors.Join(err, r.stop()); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// announceAdministrator prints where the administrator sets a password, as long as nobody has.
func announceAdministrator(ctx context.Context, r *running, out io.Writer) error {
	if r.parts.secured == nil {
		return nil
	}
	link, err := r.parts.secured.authorization.FirstLink(ctx)
	if err != nil {
		return fmt.Errorf("authorization server: %w", err)
	}
	if link != "" {
		fmt.Fprintf(out, "administrator %s\n", link)
	}
	return nil
}
