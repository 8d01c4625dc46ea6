package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Process is a server in a process of its own that has said it is ready.
type Process struct {
	Address string        // host:port
	Ready   time.Duration // from the start of the process
	PID     int
	Stop    func() error
}

// Start is how fast a server is there and what it costs to keep.
type Start struct {
	Resources int           `json:"resources"`
	Starts    int           `json:"starts"`
	Ready     time.Duration `json:"readyNanoseconds"` // median
	Idle      int64         `json:"idleBytes"`        // resident memory a while after the start, median; 0 where the system does not tell
	Used      int64         `json:"usedBytes"`        // resident memory after a few hundred searches, median
}

// starts is how often the server is started.
const starts = 5

// RunStart measures start and idle memory on a store of opts.Resources Observations: the one in keep, which is filled when it is not there and stays,
// or a temporary one when keep is empty.
func RunStart(ctx context.Context, system System, opts Options, keep string) (_ *Report, err error) {
	r, facts, err := begin(system, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	store := keep
	if store == "" {
		store = filepath.Join(r.dir, "start")
	}
	if _, statErr := os.Stat(store); errors.Is(statErr, os.ErrNotExist) {
		if err := fillStore(ctx, system, store, opts.Resources, r.say); err != nil {
			return nil, err
		}
	}
	s, err := r.measureStarts(ctx, store)
	return &Report{Facts: facts, Start: s}, err
}

func (r *run) measureStarts(ctx context.Context, store string) (*Start, error) {
	var ready []time.Duration
	var idle, used []int64
	for i := range starts {
		r.say("start %d of %d", i+1, starts)
		p, err := r.Command(ctx, store)
		if err != nil {
			return nil, err
		}
		idleNow, usedNow, err := r.memoryOf(ctx, p)
		if err := errors.Join(err, p.Stop()); err != nil {
			return nil, err
		}
		ready, idle, used = append(ready, p.Ready), append(idle, idleNow), append(used, usedNow)
	}
	return &Start{Resources: r.Resources, Starts: starts, Ready: median(ready), Idle: median(idle), Used: median(used)}, nil
}

// settle is how long a server is left alone before its memory is read.
const settle = 2 * time.Second

func (r *run) memoryOf(ctx context.Context, p *Process) (idle, used int64, err error) {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	idle = residentBytes(p.PID)
	for i := range 300 {
		target := fmt.Sprintf("/fhir/Observation?patient=%s&code=http://loinc.org%%7C8867-4&_sort=-date&_count=20", PatientID(i%Patients(r.Resources)))
		if _, err := fetch(ctx, p.Address, target, ""); err != nil {
			return 0, 0, err
		}
	}
	return idle, residentBytes(p.PID), nil
}

func residentBytes(pid int) int64 {
	return kilobytes(procValue(fmt.Sprintf("/proc/%d/status", pid), "VmRSS"))
}

func median[T time.Duration | int64](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func (s *Start) write(w io.Writer) error {
	const mib = 1 << 20
	_, err := fmt.Fprintf(w, "start with %d Observations: ready after %s, resident %.0f MiB idle, %.0f MiB after 300 searches (median of %d; aims at 1,000,000: 1 s, 150 MB idle)\n",
		s.Resources, short(s.Ready), float64(s.Idle)/mib, float64(s.Used)/mib, s.Starts)
	return err
}
