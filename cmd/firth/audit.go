package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/internal/config"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Prove, export and prune the audit trail",
		Long: `Work on the audit trail of a store: a chain of events that cannot be changed without that being found. While a server runs on the store, the command asks it over a socket in the directory of
--keys; otherwise it opens the store, or a backup of it, itself. Programs read and search AuditEvents at /fhir/AuditEvent of a server.`,
		Example: `  firth audit verify --store data
  firth audit export --store data --patient 123 --format html > disclosures.html
  firth audit checkpoint --store data >> /elsewhere/checkpoints.jsonl`,
	}
	cmd.AddCommand(auditVerifyCommand(), auditExportCommand(), auditCheckpointCommand(), auditPruneCommand(), auditKeyCommand())
	return cmd
}

// auditSettings are those of everything that works on the trail of a store.
func auditSettings() []string {
	return []string{"store", "keys", "base-url", "cache", "mongo-allow-standalone", "log-level", "log-format"}
}

func auditVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that no event was altered, removed, inserted or moved",
		Long: `Read the whole trail and prove it: each event rests on the one before, and signed checkpoints say where the chain was when. Of each chain the first event that is wrong is named. That events are
missing at the end is seen by the checkpoints in the store, in the key directory, and in the files given with --checkpoints: keep some where those who can change the store cannot.

Exit codes: 0 the trail is intact; 1 it is not, or it could not be read.`,
		Example: `  firth audit verify --store data
  firth audit verify --store data --since last-year.jsonl --key audit.pub`,
		Args: cobra.NoArgs,
	}
	since := cmd.Flags().String("since", "", "`FILE` with a checkpoint, up to which events count as verified before")
	known := cmd.Flags().StringSlice("checkpoints", nil, "more `FILES` of checkpoints that the trail must agree with")
	public := cmd.Flags().StringSlice("key", nil, "PEM `FILES` of keys that may have signed (none: the one of --keys)")
	load := settings(cmd, auditSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		opts, err := verifyOptions(c, *since, *known, *public)
		if err != nil {
			return err
		}
		return verifyTrail(cmd.Context(), c, opts, cmd.OutOrStdout())
	})
	return cmd
}

// verifyOptions reads the files that a trail is held against.
func verifyOptions(c config.Config, since string, known, public []string) (opts audit.VerifyOptions, err error) {
	if since != "" {
		if opts.Since, err = readCheckpoints(since); err != nil {
			return opts, err
		}
	}
	for _, name := range known {
		list, err := readCheckpoints(name)
		if err != nil {
			return opts, err
		}
		opts.Known = append(opts.Known, list...)
	}
	for _, name := range public {
		key, err := audit.LoadPublicKey(name)
		if err != nil {
			return opts, err
		}
		opts.Keys = append(opts.Keys, key)
	}
	if c.Keys == "" && isURI(c.Store) {
		return opts, nil
	}
	files, err := openKeyFiles(c)
	if err != nil {
		return opts, err
	}
	list, err := readCheckpoints(files.path(checkpointsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, audit.ErrNoCheckpoint) {
		return opts, err
	}
	opts.Known = append(opts.Known, list...)
	if len(opts.Keys) > 0 {
		return opts, nil
	}
	key, err := audit.LoadPublicKey(files.path(auditKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return opts, nil
	}
	opts.Keys = []ed25519.PublicKey{key}
	return opts, err
}

func readCheckpoints(name string) ([]audit.Checkpoint, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	list, err := audit.ParseCheckpoints(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return list, nil
}

func verifyTrail(ctx context.Context, c config.Config, opts audit.VerifyOptions, out io.Writer) error {
	return withAuditor(ctx, c, false, func(a auditor) error {
		reports, err := a.verify(ctx, opts)
		if err != nil {
			return err
		}
		if len(opts.Keys) == 0 {
			fmt.Fprintln(out, "no key is known: signatures were taken at their word (--key)")
		}
		broken := false
		for i := range reports {
			writeChain(out, &reports[i])
			broken = broken || reports[i].Finding != nil
		}
		switch {
		case broken:
			return errQuiet
		case len(reports) == 0:
			fmt.Fprintln(out, "there is no audit trail")
		default:
			fmt.Fprintln(out, "intact")
		}
		return nil
	})
}

func writeChain(out io.Writer, r *audit.ChainReport) {
	fmt.Fprintf(out, "chain %s: %d events verified from event %d on, %d checkpoints agree", r.Chain, r.Events, r.From, r.Checkpoints)
	if r.Removed > 0 {
		fmt.Fprintf(out, ", %d events were removed by policy", r.Removed)
	}
	fmt.Fprintf(out, "; the newest is %d, hash %s\n", r.Number, r.Hash)
	if r.Finding != nil {
		fmt.Fprintln(out, r.Finding)
	}
}

func auditExportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write AuditEvents for auditors and patients",
		Long: `Write the events of a time, about a patient or all, newest first: as NDJSON, an AuditEvent of FHIR R4 a line, or as an HTML page that people read and print, the accounting of disclosures that
HIPAA (45 CFR 164.528) lets a patient ask for. The export is an event of the trail itself,
and comes first in it.`,
		Example: `  firth audit export --store data --patient 123 --format html > disclosures.html
  firth audit export --store data --from 2026-01-01 --to 2027-01-01 > 2026.ndjson`,
		Args: cobra.NoArgs,
	}
	var opts audit.ExportOptions
	cmd.Flags().StringVar(&opts.Patient, "patient", "", "logical `ID` of the patient")
	from := cmd.Flags().String("from", "", "first `DAY` or instant, UTC unless it says otherwise")
	to := cmd.Flags().String("to", "", "`DAY` or instant before which events are wanted")
	format := cmd.Flags().String("format", "ndjson", "ndjson or html")
	load := settings(cmd, auditSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		if opts.From, err = day(*from); err == nil {
			opts.To, err = day(*to)
		}
		if err == nil && *format != "ndjson" && *format != "html" {
			err = fmt.Errorf("--format %s: it is ndjson or html", *format)
		}
		if err != nil {
			return usageError{err}
		}
		opts.HTML = *format == "html"
		return exportTrail(cmd.Context(), c, opts, cmd.OutOrStdout())
	})
	return cmd
}

// day reads a day or an instant; the empty text is no bound.
func day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a day such as 2026-11-21 nor an instant such as 2026-11-21T08:00:00Z", text)
}

func exportTrail(ctx context.Context, c config.Config, opts audit.ExportOptions, out io.Writer) error {
	return withAuditor(ctx, c, true, func(a auditor) error { return a.export(ctx, opts, out) })
}

func auditCheckpointCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the newest signed checkpoint of each chain",
		Long: `Sign where the trail is now, and print the newest checkpoint of each chain as a line of JSON. Who keeps such lines out of reach of those who can change the store can prove later that nothing before
was changed, and that the end is not missing: firth audit verify --checkpoints FILE. A running server writes each of its checkpoints to checkpoints.jsonl in the key directory.`,
		Example: "  firth audit checkpoint --store data >> /elsewhere/checkpoints.jsonl",
		Args:    cobra.NoArgs,
	}
	load := settings(cmd, auditSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		return withAuditor(cmd.Context(), c, true, func(a auditor) error {
			list, err := a.checkpoint(cmd.Context())
			if err != nil {
				return err
			}
			lines := json.NewEncoder(cmd.OutOrStdout())
			for i := range list {
				err = errors.Join(err, lines.Encode(&list[i]))
			}
			return err
		})
	})
	return cmd
}

func auditPruneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove events older than a day, and leave a signed record of the gap",
		Long: `Remove the events that were recorded before a day, in whole blocks, so that some of that day's eve may stay. A signed record says which events went, and the chain goes on behind it, so that verify
still proves the rest. Laws say how long a trail must be kept: HIPAA 6 years.`,
		Example: "  firth audit prune --store data --before 2020-01-01",
		Args:    cobra.NoArgs,
	}
	before := cmd.Flags().String("before", "", "first `DAY` that is kept")
	load := settings(cmd, auditSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		limit, err := day(*before)
		if err == nil && limit.IsZero() {
			err = errors.New("--before must name a day")
		}
		if err != nil {
			return usageError{err}
		}
		return withAuditor(cmd.Context(), c, true, func(a auditor) error {
			removed, err := a.prune(cmd.Context(), limit)
			fmt.Fprintf(cmd.OutOrStdout(), "%d events removed\n", removed)
			return err
		})
	})
	return cmd
}

func auditKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "key",
		Short:   "Print the public key that checkpoints are signed with",
		Long:    "Print the public key of the audit trail in PEM, for those who are to verify it without being able to sign.",
		Example: "  firth audit key --store data > audit.pub",
		Args:    cobra.NoArgs,
	}
	load := settings(cmd, auditSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		files, err := openKeyFiles(c)
		if err != nil {
			return err
		}
		key, err := audit.LoadKey(files.path(auditKeyFile))
		if err != nil {
			return err
		}
		text, err := audit.EncodePublicKey(key)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	})
	return cmd
}
