package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

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

This version has no authorization. It runs with --dev only, for development on this machine: everybody who reaches the address may do everything, and
any other address than loopback (127.0.0.0/8, ::1, localhost) is refused.

When it is told to stop, the server takes no new requests, lets those under way end, and closes the store. A second signal ends it at once; what was
answered is safe in both cases.`,
		Example: `  firth serve --dev
  firth serve --dev --listen 127.0.0.1:9000 --store /var/lib/firth --mllp 127.0.0.1:2575
  FIRTH_DEV=true FIRTH_LOG_FORMAT=json firth serve --config firth.yaml`,
		Args: cobra.NoArgs,
	}
	load := settings(cmd, listenerSettings("listen", "store", "base-url", "dev", "mllp", "origins", "memory-limit")...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		return serve(cmd.Context(), c, cmd.OutOrStdout())
	})
	return cmd
}

// checkAccess refuses to run where strangers could reach a server without authorization.
func checkAccess(ctx context.Context, c config.Config) error {
	if !c.Dev {
		return usageError{errors.New(`this version has no authorization, so serve does not run without --dev.
To develop on this machine: firth serve --dev (loopback addresses only; everybody there may do everything).
To serve others: wait for the version with authorization; do not put a proxy in front of --dev`)}
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

func serve(ctx context.Context, c config.Config, out io.Writer) error {
	if err := checkAccess(ctx, c); err != nil {
		return err
	}
	log := logger(c)
	limitMemory(c, log, os.LookupEnv, os.DirFS("/"))
	r, err := start(ctx, c, log, listenExactly)
	if err != nil {
		return err
	}
	log.Info("serving", "base", r.base, "store", storeName(c.Store), "version", version.Read().String(), "authorization", false)
	if r.mllp != nil {
		fmt.Fprintf(out, "mllp %s\n", r.mllp.address())
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
