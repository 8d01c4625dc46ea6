package importer

import (
	"context"
	"net/http"
	"os"
	"sync"
	"time"
)

// Options says where to and how.
type Options struct {
	Client  *http.Client
	Base    string // FHIR base URL without the final slash
	Workers int    // files read and requests under way at once; at least 1

	// Size of the transactions made of single lines. Larger ones commit more a second; smaller ones lose less to one bad line.
	ChunkEntries int
	ChunkBytes   int
}

// WithDefaults fills what is zero.
func (o Options) WithDefaults() Options {
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Workers < 1 {
		o.Workers = 4
	}
	if o.ChunkEntries < 1 {
		o.ChunkEntries = 200
	}
	if o.ChunkBytes < 1 {
		o.ChunkBytes = 2 << 20
	}
	return o
}

// Run imports the files and returns when all is done or ctx ends. Everything that went wrong is in the report; counters, which may be nil, can be
// watched meanwhile. "-" is the standard input.
func Run(ctx context.Context, opts Options, files []string, counters *Counters) *Report {
	if counters == nil {
		counters = &Counters{}
	}
	counters.size.Store(totalSize(files))
	started := time.Now()
	im := &importing{opts: opts.WithDefaults(), counters: counters, report: newReport()}
	deferred := im.pass(ctx, files, false)
	if len(deferred) > 0 {
		counters.size.Add(totalSize(deferred))
		im.pass(ctx, deferred, true)
	}
	if err := ctx.Err(); err != nil {
		im.report.fail(Failure{Entry: -1, Reason: "stopped before the end: " + err.Error()})
	}
	im.report.Duration = time.Since(started)
	return im.report
}

// importing is one run.
type importing struct {
	opts     Options
	counters *Counters
	report   *Report
}

// pass reads all files. Conditional references (Practitioner?identifier=…) can only be resolved when their targets are loaded, whatever the order of the files;
// so resources on single lines that have one wait for the second pass, late. It returns the files that hold such lines.
func (im *importing) pass(ctx context.Context, files []string, late bool) (deferred []string) {
	lanes := im.startLanes(ctx)
	queue := make(chan string)
	var mu sync.Mutex
	var readers sync.WaitGroup
	for range min(im.opts.Workers, len(files)) {
		readers.Go(func() {
			for name := range queue {
				r := &fileReader{im: im, lanes: lanes, name: name, late: late}
				r.read(ctx)
				if r.deferred > 0 {
					mu.Lock()
					deferred = append(deferred, name)
					mu.Unlock()
				}
			}
		})
	}
	for _, name := range files {
		if ctx.Err() != nil {
			break
		}
		queue <- name
	}
	close(queue)
	readers.Wait()
	lanes.finish()
	return deferred
}

func totalSize(files []string) (total int64) {
	for _, name := range files {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
	}
	return total
}
