package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/importer"
	"github.com/firth-health/firth/internal/progress"
)

func importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Load Bundles and NDJSON into a server or a store",
		Long: `Load files of FHIR resources: Bundles (batch, transaction, collection, searchset), NDJSON and single resources, plain or gzip (told by their content,
not their name), several at once. "-" is the standard input. With --server they go to a running server; otherwise into the store of --store, which no
server may have open, by the same rules.

Transactions are loaded whole or not at all. Lines of NDJSON and entries of collections keep their ids and are loaded many at a time; a bad one fails alone. A
reference to a resource that does not exist is fine. Resources with conditional references (Practitioner?identifier=...) are loaded last, when their
targets are there.

At the end the totals by type and the rate are printed, and what failed with file, line or entry and the reason. A file in which nothing has a resourceType, such
as the log of a bulk export, is skipped and named; that is a failure only when there is no other file.

Exit codes: 0 everything loaded; 1 something failed; 2 wrong usage.`,
		Example: `  firth import --store data patients.ndjson.gz observations.ndjson.gz
  firth import --server http://127.0.0.1:8080/fhir bundles/*.json
  zcat export.ndjson.gz | firth import --store data -`,
		Args: cobra.MinimumNArgs(1),
	}
	workers := cmd.Flags().Int("parallel", 2*runtime.NumCPU(), "files and requests under way at once")
	load := settings(cmd, loadingSettings("store", "server", "listen", "base-url", "keys")...)
	cmd.RunE = failing(func(cmd *cobra.Command, files []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		if *workers < 1 {
			return usageError{errors.New("--parallel must be at least 1")}
		}
		return importFiles(cmd.Context(), c, *workers, files, cmd.OutOrStdout(), cmd.ErrOrStderr())
	})
	return cmd
}

func importFiles(ctx context.Context, c config.Config, workers int, files []string, out, errOut io.Writer) (err error) {
	opts := importer.Options{Client: &http.Client{}, Base: c.Server, Workers: workers}
	if c.Server != "" {
		return runImport(ctx, opts, files, out, errOut)
	}
	opts.Base = baseURL(c, c.Listen)
	p, err := openParts(ctx, c, logger(c), opts.Base, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	told := &audit.Event{Interaction: audit.Import, Query: "firth import " + strings.Join(files, " "), Detail: fmt.Sprintf("%d files, into the store itself", len(files))}
	if err := tellOfCommand(ctx, c, p.store, told); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	opts.Client.Transport = importer.Local{Handler: p.handler()}
	return runImport(ctx, opts, files, out, errOut)
}

func runImport(ctx context.Context, opts importer.Options, files []string, out, errOut io.Writer) error {
	counters := &importer.Counters{}
	line := progress.Start(os.Stderr, func() progress.State {
		text := fmt.Sprintf("%d resources", counters.Done())
		if failed := counters.Failed(); failed > 0 {
			text += fmt.Sprintf(", %d failed", failed)
		}
		return progress.State{Done: counters.Read(), Total: counters.Size(), Text: text}
	})
	report := importer.Run(ctx, opts, files, counters)
	line.Stop()
	if err := report.WriteTotals(out); err != nil {
		return err
	}
	report.WriteFailures(errOut)
	if !report.OK() {
		return failure{errQuiet}
	}
	return nil
}
