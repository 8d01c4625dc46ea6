package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/progress"
	"github.com/firth-health/firth/internal/storecopy"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store"
)

func storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Copy, check and back up stores",
		Long:  "Work on stores that no server has open.",
		Example: `  firth store check --store data
  firth store backup --store data /backup/2026-11-21
  firth store copy data /mnt/new/data`,
	}
	cmd.AddCommand(storeCopyCommand(), storeCheckCommand(), storeBackupCommand())
	return cmd
}

func storeCopyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Move everything into another store, history included",
		Long: `Copy all versions of all resources, deletions included, under their ids, version ids and instants, into an empty store. Index keys are made anew. Accounts, apps, what they
were allowed, and the audit trail come along; the key files of --keys do not. Then both stores are read and compared: the checksum that is printed is that of both.

A copy that was interrupted goes on where it stopped when the command is given again. Nothing may write to FROM meanwhile.`,
		Example: "  firth store copy data mongodb://db.example/firth?replicaSet=rs0\n  firth store copy data /mnt/new/data",
		Args:    cobra.ExactArgs(2),
	}
	load := settings(cmd, handlerSettings("listen", "base-url", "keys")...)
	cmd.RunE = failing(func(cmd *cobra.Command, args []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		return copyStore(cmd.Context(), c, args[0], args[1], cmd.OutOrStdout())
	})
	return cmd
}

func copyStore(ctx context.Context, c config.Config, source, target string, out io.Writer) (err error) {
	if source == target {
		return usageError{errors.New("FROM and TO are the same store")}
	}
	if err := mustExist(source); err != nil {
		return err
	}
	c.Store = source
	from, registry, err := openIndexed(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	c.Store = target
	to, err := openStore(ctx, c, logger(c))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	var p storecopy.Progress
	line := progress.Start(os.Stderr, func() progress.State {
		text := fmt.Sprintf("%d versions copied", p.Copied())
		if n := p.Verified(); n > 0 {
			text = fmt.Sprintf("%s, %d read back", text, n)
		}
		return progress.State{Done: p.Done(), Total: p.Steps(), Text: text}
	})
	patients, err := allPatients(ctx, from)
	if err != nil {
		return err
	}
	c.Store = source
	told := &audit.Event{Interaction: audit.Export, Query: "firth store copy " + storeName(source) + " " + storeName(target), Detail: "everything, history included", Patients: patients}
	if err := tellOfCommand(ctx, c, from, told); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	chains, err := audit.Kinds(ctx, from)
	if err != nil {
		return err
	}
	report, err := storecopy.Run(ctx, storecopy.Options{From: from, To: to, Registry: registry, Kinds: append(smart.Kinds(), chains...)}, &p)
	line.Stop()
	if err != nil {
		return err
	}
	return writeCopied(report, out)
}

// openIndexed opens a store, and makes a registry that knows its search parameters, those that were created through the API too.
func openIndexed(ctx context.Context, c config.Config) (store.Store, *search.Registry, error) {
	definitions, err := spec.R4()
	if err != nil {
		return nil, nil, err
	}
	registry, err := search.NewRegistry(definitions, search.Options{BaseURL: baseURL(c, c.Listen), References: true, Content: c.Content})
	if err != nil {
		return nil, nil, err
	}
	s, err := openStore(ctx, c, logger(c))
	if err != nil {
		return nil, nil, err
	}
	if err := server.ReadParameters(ctx, s, registry, logger(c)); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, registry, nil
}

func writeCopied(report *storecopy.Report, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range report.Types {
		fmt.Fprintf(table, "%s\t%d resources\t%d versions\n", t.Type, t.Resources, t.Versions)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if report.Records > 0 {
		fmt.Fprintf(out, "%d records of accounts, apps and the audit trail, the same in both stores\n", report.Records)
	}
	_, err := fmt.Fprintf(out, "%d versions, the same in both stores: sha256 sum %s\n", report.Versions, report.Checksum)
	return err
}

// mustExist keeps a command that reads from making a store of a misspelt name.
func mustExist(dir string) error {
	if isURI(dir) {
		return nil
	}
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("no store: %w", err)
	}
	return nil
}

func storeCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Verify that indexes, versions and counters agree",
		Long: `Read the whole store and compare current versions, index keys, history and counters with each other. Each disagreement is printed as a line.

Exit codes: 0 the store agrees with itself; 1 it does not, or it could not be read.`,
		Example: "  firth store check --store data",
		Args:    cobra.NoArgs,
	}
	load := settings(cmd, "store", "cache", "mongo-allow-standalone")
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		return checkStore(cmd.Context(), c, cmd.OutOrStdout())
	})
	return cmd
}

func checkStore(ctx context.Context, c config.Config, out io.Writer) error {
	return withStore(ctx, c, func(s store.Store) error {
		checker, ok := store.Unwrap(s).(store.Checker)
		if !ok {
			return errors.New("this kind of store has no check")
		}
		found := 0
		n, err := checker.Check(ctx, func(f store.Finding) {
			found++
			fmt.Fprintf(out, "%s: %s\n", f.Key, f.Text)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d resources checked, %d findings\n", n, found)
		if found > 0 {
			return errQuiet
		}
		return nil
	})
}

func storeBackupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "backup DIR",
		Short:   "Write a copy of the embedded store that opens like any store",
		Long:    "Write a consistent copy of the embedded store into DIR, which must not exist. On one file system most of it is links, so that it takes little time and space.",
		Example: "  firth store backup --store data /backup/2026-11-21",
		Args:    cobra.ExactArgs(1),
	}
	load := settings(cmd, "store", "keys", "cache", "mongo-allow-standalone")
	cmd.RunE = failing(func(cmd *cobra.Command, args []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		return withStore(cmd.Context(), c, func(s store.Store) error {
			b, ok := store.Unwrap(s).(store.Backuper)
			if !ok {
				return errors.New("this kind of store is backed up with its own tools")
			}
			if err := tellOfCommand(cmd.Context(), c, s, &audit.Event{Interaction: audit.Export, Query: "firth store backup " + args[0], Detail: "a copy of the store"}); err != nil {
				return fmt.Errorf("audit: %w", err)
			}
			return b.Backup(cmd.Context(), args[0])
		})
	})
	return cmd
}

// withStore opens the store that must be there.
func withStore(ctx context.Context, c config.Config, f func(store.Store) error) (err error) {
	if err := mustExist(c.Store); err != nil {
		return err
	}
	s, err := openStore(ctx, c, logger(c))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f(s)
}
