package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/internal/bench"
	"github.com/firth-health/firth/internal/config"
)

// benchOptions are what the command line of bench says.
type benchOptions struct {
	bench.Options
	json    string // file for the report; "-" is the standard output, instead of the table
	profile string // file for a CPU profile
	store   string // of `bench start` and `bench scale`
	guarded bool   // with authorization and audit
	on      string // URI of a MongoDB deployment; empty: the embedded store
}

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine: create, ingest, import, read, search, page, start, scale",
		Long: `Measure a server of its own over loopback TCP, on durable stores in temporary directories. For each measurement the ceiling is measured in the same run:
the store's engine with the same keys and bytes but no server, or a bare net/http handler that serves the same bytes. The ratio to it says more about Firth than
the rate, which says much about the machine.

With --store mongodb://… the stores are databases of that deployment, named firth_bench_… and dropped afterwards; the database that the URI names is not touched. The ceilings are then raw
inserts, and raw finds by id or by patient, code and time, with a raw count where there is a total, of the same documents with the same indexes. A server that is no replica set needs --mongo-allow-standalone, and has no figure for
ingest and import, which take transactions.

  create   POST /fhir/Observation, one resource a request
  ingest   device readings, a hundred a payload, through the adapter
  import   transactions of 200 Observations with ids, as firth import sends them
  read     GET /fhir/Observation/[id]
  search   the 20 newest readings of one code of a patient, with their total
  page     the same without a total, as the pages behind the first are
  start    time from start to ready, and resident memory, with --resources in the store
  guard    all of these with authorization and audit, and without: what they cost
  scale    reads, searches and operations over all patients of a store of --resources

The generator runs in the same process and shares the cores with the server.`,
		Example: `  firth bench all
  firth bench create --clients 16 --duration 5s
  firth bench all --json bench.json
  firth bench guard
  firth bench start --resources 1000000
  firth bench scale --resources 10000000 --keep /var/tmp/firth-ten-million
  firth bench all --store "mongodb://127.0.0.1:27017/?replicaSet=rs0"`,
	}
	o := benchOptions{}
	flags := cmd.PersistentFlags()
	flags.IntVar(&o.Clients, "clients", 64, "connections at once")
	flags.DurationVar(&o.Duration, "duration", 10*time.Second, "length of each measurement")
	flags.DurationVar(&o.Warmup, "warmup", 2*time.Second, "time before each measurement that is not counted")
	flags.IntVar(&o.Resources, "resources", 100_000, "Observations in the store before read, search, start and scale")
	flags.StringVar(&o.Dir, "dir", "", "`DIR` for temporary stores, on the disk to be measured (default: the system's)")
	flags.StringVar(&o.json, "json", "", "write the report as JSON to `FILE` as well; - writes it to the standard output instead of the table")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the whole run to `FILE`")
	for _, name := range bench.Scenarios() {
		cmd.AddCommand(scenarioCommand(&o, name, "Measure "+name, name))
	}
	cmd.AddCommand(scenarioCommand(&o, "all", "Measure "+strings.Join(bench.Scenarios(), ", "), bench.Scenarios()...))
	cmd.AddCommand(startCommand(&o))
	cmd.AddCommand(scaleCommand(&o))
	cmd.AddCommand(guardCommand(&o))
	return cmd
}

func scenarioCommand(o *benchOptions, name, short string, scenarios ...string) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, Example: "  firth bench " + name + " --duration 5s"}
	cmd.Flags().BoolVar(&o.guarded, "guarded", false, "measure with authorization and audit, as serve runs without --dev")
	cmd.Flags().StringVar(&o.on, "store", "", "`URI` of a MongoDB deployment, mongodb://…, to measure instead of the embedded store")
	load := settings(cmd, listenerSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		return o.measure(cmd, load, func(ctx context.Context, system bench.System) (*bench.Report, error) {
			return bench.Run(ctx, system, o.Options, scenarios...)
		})
	})
	return cmd
}

func startCommand(o *benchOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "start", Short: "Measure start time and memory", Args: cobra.NoArgs,
		Long: `Start the program as "firth serve --dev" several times on a store of --resources Observations; measure the time to its ready line, and its resident
memory idle and after some searches. The store is temporary unless --keep names a directory, which is filled when it does not exist.`,
		Example: "  firth bench start --resources 1000000 --keep /var/tmp/firth-million",
	}
	cmd.Flags().StringVar(&o.store, "keep", "", "`DIR` of the store, filled when it does not exist, and kept")
	load := settings(cmd, listenerSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		return o.measure(cmd, load, func(ctx context.Context, system bench.System) (*bench.Report, error) {
			return bench.RunStart(ctx, system, o.Options, o.store)
		})
	})
	return cmd
}

func scaleCommand(o *benchOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "scale", Short: "Measure reads, searches and operations on a large store", Args: cobra.NoArgs,
		Long: `Measure reads, searches and operations on a store of --resources Observations, a thousand a patient, and of one patient with --long more. Requests are spread over all
patients, so that a cache helps as much as it would in life. The store is temporary unless --keep names a directory, which is filled when it does not exist.`,
		Example: "  firth bench scale --resources 10000000 --keep /var/tmp/firth-ten-million",
	}
	cmd.Flags().StringVar(&o.store, "keep", "", "`DIR` of the store, filled when it does not exist, and kept")
	cmd.Flags().IntVar(&o.Long, "long", 100_000, "readings of the one patient with a long history")
	cmd.Flags().StringVar(&o.Only, "only", "", "measure only the requests whose name contains `TEXT`")
	load := settings(cmd, listenerSettings()...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		return o.measure(cmd, load, func(ctx context.Context, system bench.System) (*bench.Report, error) {
			return bench.RunScale(ctx, system, o.Options, o.store)
		})
	})
	return cmd
}

// measure runs one command of bench and writes its report.
func (o *benchOptions) measure(cmd *cobra.Command, load func() (config.Config, error), run func(context.Context, bench.System) (*bench.Report, error)) (err error) {
	c, err := load()
	if err != nil {
		return err
	}
	if o.Clients < 1 || o.Duration <= 0 || o.Warmup < 0 || o.Resources < 1 {
		return usageError{errors.New("--clients, --duration and --resources must be above zero, --warmup not below")}
	}
	if o.on != "" && !isMongo(o.on) {
		return usageError{errors.New("--store takes a mongodb:// or mongodb+srv:// URI; where the embedded store is put --dir says")}
	}
	o.Progress = func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) }
	keepHeadroom(cmd.Context(), os.LookupEnv) // as a server does
	stopProfile, err := profile(o.profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopProfile()) }()
	system := benchSystem(c, logger(c))
	if o.guarded {
		system = guardedSystem(c, logger(c))
	}
	if o.on != "" {
		onMongo(&system, c, o.on)
	}
	report, err := run(cmd.Context(), system)
	if report == nil {
		return err
	}
	return errors.Join(o.write(report, cmd.OutOrStdout()), err)
}

func (o *benchOptions) write(report *bench.Report, out io.Writer) (err error) {
	if o.json == "-" {
		return report.WriteJSON(out)
	}
	if o.json != "" {
		f, err := os.Create(o.json)
		if err != nil {
			return err
		}
		if err := errors.Join(report.WriteJSON(f), f.Close()); err != nil {
			return err
		}
	}
	return report.WriteTable(out)
}

// profile writes a CPU profile until stop is called; without a file it does nothing.
func profile(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}
