package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// System is what is measured, as functions so that this package needs to know neither server nor store.
type System struct {
	Version string // of Firth

	// Place names a store that does not exist yet, by what it is for; nil: directories below the one for temporary files. Remove deletes it in the end.
	Place  func(purpose string) (store string)
	Remove func(ctx context.Context, store string) error

	// Ceilings say by the name of a scenario what it is held against; nil: what the embedded store is.
	Ceilings map[string]Ceiling

	// Serve runs a server on the store in dir, creating it when needed, and returns the host:port it listens on.
	Serve func(ctx context.Context, dir string) (address string, stop func() error, err error)

	// Authorization is the value of that header in every request to what Serve runs, asked for when it runs; nil: there is none.
	Authorization func(ctx context.Context) (string, error)

	// Fill puts n resources into the store in dir, which no server has open: item appends the i-th as JSON with its id.
	Fill func(ctx context.Context, dir string, n int, item func(dst []byte, i int) []byte) error

	// Engine writes straight to the store's engine in dir for a while and returns resources per second.
	Engine func(ctx context.Context, dir string, load EngineLoad) (perSecond float64, err error)

	// Finds asks the store's engine in dir for what GETs of the targets ask the server, and returns answers per second. Nil: the ceiling of reads and searches is a bare
	// handler that serves the same bytes.
	Finds func(ctx context.Context, dir string, load FindLoad) (perSecond float64, err error)

	// Readings appends a payload of n readings for the ingest path, none of which any other call has given.
	Readings func(dst []byte, client, n int) []byte
	// IngestPath is where it is posted to.
	IngestPath string

	// Command starts the program itself as `firth serve` on the store in dir; for start time and memory.
	Command func(ctx context.Context, dir string) (*Process, error)
}

// EngineLoad asks the engine for the same work a server did: the same keys and bytes, without HTTP, JSON and search.
type EngineLoad struct {
	Clients   int
	Batch     int // resources a commit
	Duration  time.Duration
	Resources [][]byte // samples of what the server stored
}

// FindLoad asks the engine for the same resources a server served.
type FindLoad struct {
	Clients  int
	Duration time.Duration
	Targets  []string // paths and queries, such as /fhir/Observation/x
}

// Ceiling is what a scenario is held against.
type Ceiling struct {
	Is       string  // what is measured
	Aim      float64 // rate that the design budgets for the scenario; 0 for none
	AimRatio float64 // share of the ceiling that it budgets; 0 for none
}

// embedded are the ceilings of the embedded store.
func embedded() map[string]Ceiling {
	return map[string]Ceiling{
		"create": {"engine, one resource a commit", 4000, 0.6},
		"ingest": {fmt.Sprintf("engine, %d resources a commit", ReadingsPerRequest), 10_000, 0.25},
		"import": {fmt.Sprintf("engine, %d resources a commit", ImportedPerRequest), 0, 0},
		"read":   {"bare net/http, the same bytes", 25_000, 0.5},
		"search": {"bare net/http, the same bytes", 8000, 0},
		"page":   {"bare net/http, the same bytes", 0, 0},
	}
}

// Options say how hard and how long.
type Options struct {
	Clients   int
	Duration  time.Duration // of each measurement
	Warmup    time.Duration // before each measurement, not counted
	Resources int           // in the store before read, search, start and scale
	Long      int           // more of one patient, for scale
	Only      string        // part of the names of the requests that scale measures; empty for all
	RatesOnly bool          // no ceilings are measured
	Dir       string        // where temporary stores are made; empty: the system's place for temporary files
	Progress  func(string)  // told what happens; nil: nobody
}

// Scenarios are the names Run knows, in the order of `all`.
func Scenarios() []string { return []string{"create", "ingest", "import", "read", "search", "page"} }

// Run measures the scenarios one after the other, each on stores of its own. The error tells of those that could not be measured; the report has the others as well, unless none
// could.
func Run(ctx context.Context, system System, opts Options, scenarios ...string) (_ *Report, err error) {
	r, facts, err := begin(system, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	if r.Ceilings == nil {
		r.Ceilings = embedded()
	}
	defer func() { err = errors.Join(err, r.removeAll(ctx)) }()
	report := &Report{Facts: facts, Clients: opts.Clients, Seconds: opts.Duration.Seconds()}
	var failures []error
	for _, name := range scenarios {
		measure, known := map[string]func(context.Context) (*Row, error){"create": r.create, "ingest": r.ingest, "import": r.importing, "read": r.read, "search": r.search, "page": r.page}[name]
		if !known {
			return nil, fmt.Errorf("no measurement is named %q", name)
		}
		row, err := measure(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", name, err))
			row = &Row{Failed: err.Error()}
		}
		row.Name = name
		if row.Ceiling > 0 {
			row.Ratio = row.PerSecond / row.Ceiling
		}
		report.Rows = append(report.Rows, *row)
	}
	if len(failures) == len(scenarios) {
		report = nil
	}
	return report, errors.Join(failures...)
}

// removeAll deletes the stores that are not in the directory for temporary files.
func (r *run) removeAll(ctx context.Context) (err error) {
	for _, store := range r.placed {
		err = errors.Join(err, r.Remove(context.WithoutCancel(ctx), store))
	}
	return err
}

// run is one call of Run.
type run struct {
	System
	Options
	dir    string
	filled string   // the store that read and search share
	placed []string // stores to remove
}

// begin makes the directory of a run, which the caller removes, and looks at the machine.
func begin(system System, opts Options) (*run, Facts, error) {
	dir, err := os.MkdirTemp(opts.Dir, "firth-bench-")
	if err != nil {
		return nil, Facts{}, err
	}
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	facts, err := gatherFacts(dir, system.Version)
	if err != nil {
		return nil, facts, errors.Join(err, os.RemoveAll(dir))
	}
	return &run{System: system, Options: opts, dir: dir}, facts, nil
}

func (r *run) say(format string, args ...any) { r.Progress(fmt.Sprintf(format, args...)) }

// serve runs f against a server on the store named.
func (r *run) serve(ctx context.Context, store string, f func(address string) error) (err error) {
	address, stop, err := r.Serve(ctx, store)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := stop(); err == nil {
			err = stopErr
		}
	}()
	return f(address)
}

// load is the closed loop of the options.
func (r *run) load(ctx context.Context, address string, expect int, request func([]byte, int, *rand.Rand) []byte) (*sample, error) {
	header, err := r.header(ctx)
	if err != nil {
		return nil, err
	}
	if header != "" {
		bare := request
		request = func(dst []byte, client int, random *rand.Rand) []byte {
			from := len(dst)
			return withHeader(bare(dst, client, random), from, header)
		}
	}
	l := load{address: address, clients: r.Clients, warmup: r.Warmup, duration: r.Duration, request: request, expect: expect}
	s, err := l.run(ctx)
	if err == nil && s.failed > 0 {
		err = fmt.Errorf("%d requests failed, the first: %w", s.failed, s.why)
	}
	if err == nil && s.latency.Count() == 0 {
		err = fmt.Errorf("not one answer in %v", r.Duration)
	}
	return s, err
}

// header is the line of a request that authorizes it; empty for none.
func (s *System) header(ctx context.Context) (string, error) {
	if s.Authorization == nil {
		return "", nil
	}
	value, err := s.Authorization(ctx)
	return "Authorization: " + value + "\r\n", err
}

// store is the path of a store that does not exist yet.
func (r *run) store(name string) string {
	if r.Place == nil {
		return filepath.Join(r.dir, name)
	}
	store := r.Place(name)
	r.placed = append(r.placed, store)
	return store
}

// row begins the row of a scenario.
func (r *run) row(scenario, unit string) *Row {
	c := r.Ceilings[scenario]
	return &Row{Unit: unit, CeilingIs: c.Is, Aim: c.Aim, AimRatio: c.AimRatio}
}

// fill makes the store that read and search share.
func (r *run) fill(ctx context.Context) (string, error) {
	if r.filled != "" {
		return r.filled, nil
	}
	dir := r.store("filled")
	if err := fillStore(ctx, r.System, dir, r.Resources, r.say); err != nil {
		return "", err
	}
	r.filled = dir
	return dir, nil
}

func fillStore(ctx context.Context, system System, dir string, n int, say func(string, ...any)) error {
	patients := Patients(n)
	say("filling a store with %d Observations of %d patients", n, patients)
	err := system.Fill(ctx, dir, patients, AppendPatient)
	if err != nil {
		return err
	}
	return system.Fill(ctx, dir, n, func(dst []byte, i int) []byte {
		return AppendObservation(dst, ObservationID(i), i, patients)
	})
}
