package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/internal/bench"
	"github.com/firth-health/firth/internal/config"
)

// guardAims are what of the rate without must be left with authorization and audit.
func guardAims() map[string]float64 {
	return map[string]float64{"create": 0.85, "ingest": 0.85, "import": 0.85, "read": 0.70, "search": 0.70, "page": 0.70}
}

func guardCommand(o *benchOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "guard", Short: "Measure what authorization and audit cost", Args: cobra.NoArgs,
		Long: `Measure create, ingest, import, read, search and page one after the other, each four times: on a server without authorization and audit, as serve --dev runs, twice on one with both, and again on one without,
so that a machine that gets slower or faster meanwhile favours neither. With both, every request carries an access token, and every interaction is in the audit trail, that of a write before it is answered.`,
		Example: "  firth bench guard --duration 5s",
	}
	load := settings(cmd, listenerSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		var rows []guardRow
		err := o.measure(cmd, load, func(ctx context.Context, open bench.System) (*bench.Report, error) {
			c, err := load()
			if err != nil {
				return nil, err
			}
			rows, err = o.guard(ctx, c, open)
			return nil, err
		})
		if err != nil {
			return err
		}
		return writeGuard(cmd.OutOrStdout(), rows)
	})
	return cmd
}

// guardRow is one scenario, with the mean rates without and with.
type guardRow struct {
	name, unit    string
	open, guarded float64
}

func (o *benchOptions) guard(ctx context.Context, c config.Config, open bench.System) (rows []guardRow, err error) {
	guarded := guardedSystem(c, logger(c))
	rates := o.Options
	rates.RatesOnly = true
	for _, name := range bench.Scenarios() {
		row := guardRow{name: name}
		for _, one := range []struct {
			system bench.System
			mean   *float64
		}{{open, &row.open}, {guarded, &row.guarded}, {guarded, &row.guarded}, {open, &row.open}} {
			report, err := bench.Run(ctx, one.system, rates, name)
			if err != nil {
				return nil, err
			}
			if len(report.Rows) != 1 {
				return nil, errors.New("no figure for " + name)
			}
			row.unit = report.Rows[0].Unit
			*one.mean += report.Rows[0].PerSecond / 2
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func writeGuard(out io.Writer, rows []guardRow) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\twithout\twith authorization and audit\tratio\taim\t")
	for _, r := range rows {
		aim := guardAims()[r.name]
		verdict := ""
		if r.guarded < aim*r.open {
			verdict = "below"
		}
		fmt.Fprintf(w, "%s\t%.0f %s\t%.0f %s\t%.2f\t%.2f\t%s\n", r.name, r.open, r.unit, r.guarded, r.unit, r.guarded/r.open, aim, verdict)
	}
	return w.Flush()
}
