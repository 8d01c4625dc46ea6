package importer

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// Counters may be read while [Run] works.
type Counters struct {
	size, read, done, failed atomic.Int64
}

// Size is the size of all files in bytes, as they lie on disk.
func (c *Counters) Size() int64 { return c.size.Load() }

// Read is how many of these bytes have been read.
func (c *Counters) Read() int64 { return c.read.Load() }

// Done counts resources loaded.
func (c *Counters) Done() int64 { return c.done.Load() }

// Failed counts failures.
func (c *Counters) Failed() int64 { return c.failed.Load() }

// Outcome is what became of one resource.
type Outcome uint8

// The outcomes of a resource that did not fail.
const (
	Created   Outcome = iota // did not exist
	Updated                  // a new version
	Unchanged                // was there already (conditional create)
	Deleted
	outcomes
)

// Counts is a number by [Outcome].
type Counts [outcomes]int

// Total is the number of resources of the type that the input holds and the server now has.
func (c Counts) Total() int { return c[Created] + c[Updated] + c[Unchanged] }

// Failure is one thing that did not load.
type Failure struct {
	File   string
	Line   int    // of an NDJSON file; 0 for other files
	Entry  int    // of a Bundle, counted from 0; -1 for none
	Reason string // the server's diagnostics, or what is wrong with the file
}

// String is "file:line, entry n: reason".
func (f Failure) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	if f.Entry >= 0 {
		fmt.Fprintf(&b, ", entry %d", f.Entry)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	return b.String() + f.Reason
}

// Skip is a file that holds no FHIR at all.
type Skip struct {
	File  string
	Lines int
}

// maxFailures bounds memory: who has more failures than this needs their first lines, not their last.
const maxFailures = 10_000

// Report says what became of the input.
type Report struct {
	Types    map[string]Counts
	Failures []Failure // in order of file and place; the first maxFailures
	Failed   int       // all failures
	Skipped  []Skip
	Files    int // files read to their end
	Duration time.Duration

	mu sync.Mutex
}

func newReport() *Report { return &Report{Types: map[string]Counts{}} }

func (r *Report) add(typ string, what Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.Types[typ]
	c[what]++
	r.Types[typ] = c
}

func (r *Report) fail(f Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Failed++
	if len(r.Failures) < maxFailures {
		at, _ := slices.BinarySearchFunc(r.Failures, f, compareFailures)
		r.Failures = slices.Insert(r.Failures, at, f)
	}
}

func compareFailures(a, b Failure) int {
	return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Entry-b.Entry, strings.Compare(a.Reason, b.Reason))
}

func (r *Report) skip(s Skip) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Skipped = append(r.Skipped, s)
	slices.SortFunc(r.Skipped, func(a, b Skip) int { return strings.Compare(a.File, b.File) })
}

func (r *Report) fileDone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Files++
}

// Total sums over all types.
func (r *Report) Total() (total Counts) {
	for _, c := range r.Types {
		for i, n := range c {
			total[i] += n
		}
	}
	return total
}

// OK reports whether the import did what was asked: nothing failed, and not every file turned out to be something else than FHIR. A file without FHIR beside others
// (the log of a bulk export, say) is no failure; it is named in the report.
func (r *Report) OK() bool {
	return r.Failed == 0 && (len(r.Skipped) == 0 || r.Files > len(r.Skipped))
}

// WriteTotals writes the table of totals by type, the rate, and the files skipped.
func (r *Report) WriteTotals(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "total\tcreated\tupdated\tunchanged\tdeleted\t  type")
	row := func(name string, c Counts) {
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t  %s\n", c.Total(), c[Created], c[Updated], c[Unchanged], c[Deleted], name)
	}
	for _, typ := range slices.Sorted(maps.Keys(r.Types)) {
		row(typ, r.Types[typ])
	}
	total := r.Total()
	row("all", total)
	if err := table.Flush(); err != nil {
		return err
	}
	seconds := r.Duration.Seconds()
	_, err := fmt.Fprintf(w, "%d resources from %d files in %.2f s, %.0f a second\n", total.Total(), r.Files, seconds, float64(total.Total())/max(seconds, 1e-9))
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "skipped %s: not FHIR (%d lines, none with a resourceType)\n", s.File, s.Lines)
	}
	return err
}

// WriteFailures lists what failed and why, nothing when all went well.
func (r *Report) WriteFailures(w io.Writer) {
	if r.Failed == 0 {
		return
	}
	fmt.Fprintf(w, "%d failed:\n", r.Failed)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "  %s\n", f)
	}
	if more := r.Failed - len(r.Failures); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}
