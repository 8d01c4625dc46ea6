package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/bench"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/version"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// benchSystem is this program, as the benchmark sees it.
func benchSystem(c config.Config, log *slog.Logger) bench.System {
	c.Listen, c.Dev = "127.0.0.1:0", true
	on := func(dir string) config.Config {
		local := c
		local.Store = dir
		return local
	}
	return bench.System{
		Version: version.Read().Version,
		Serve: func(ctx context.Context, dir string) (string, func() error, error) {
			r, err := start(ctx, on(dir), log, listenExactly)
			if err != nil {
				return "", nil, err
			}
			return r.address(), r.stop, nil
		},
		Fill: func(ctx context.Context, dir string, n int, item func([]byte, int) []byte) error {
			return fill(ctx, on(dir), log, n, item)
		},
		Engine:     engineCeiling,
		Readings:   benchReadings(),
		IngestPath: vitalsPath,
		Command:    func(ctx context.Context, dir string) (*bench.Process, error) { return startProcess(ctx, dir) },
	}
}

// guardedSystem is benchSystem with authorization and audit.
func guardedSystem(c config.Config, log *slog.Logger) bench.System {
	system := benchSystem(c, log)
	var token atomic.Pointer[string]
	system.Serve = func(ctx context.Context, dir string) (string, func() error, error) {
		local := c
		local.Listen, local.Store, local.Dev = "127.0.0.1:0", dir, false
		r, err := start(ctx, local, log, listenExactly)
		if err != nil {
			return "", nil, err
		}
		issued, err := r.parts.secured.benchToken(ctx)
		if err != nil {
			return "", nil, errors.Join(err, r.stop())
		}
		token.Store(&issued)
		return r.address(), r.stop, nil
	}
	system.Authorization = func(context.Context) (string, error) {
		if issued := token.Load(); issued != nil {
			return "Bearer " + *issued, nil
		}
		return "", errors.New("no server has run")
	}
	return system
}

// benchToken is a token of a service that may create, read and search Observations, as a gateway and a dashboard do.
func (z *secured) benchToken(ctx context.Context) (string, error) {
	const scope = "system/Observation.crus system/Device.crus system/Patient.crus"
	client := clients.Client{ID: "bench", Name: "firth bench", Type: clients.Asymmetric, JWKSURL: "https://bench.invalid/jwks", Scopes: scope}
	if _, _, err := z.authorization.Clients().Create(ctx, client); err != nil && !errors.Is(err, clients.ErrExists) {
		return "", err
	}
	issued, err := z.authorization.Tokens().Service(ctx, client.ID, scope, "")
	if err != nil {
		return "", err
	}
	return issued.Access, nil
}

// fillChunk is how many resources are committed together when a store is filled.
const fillChunk = 1000

// fill writes straight to the store, as many at a time as its transactions allow, with the keys that the server would have made.
func fill(ctx context.Context, c config.Config, log *slog.Logger, n int, item func(dst []byte, i int) []byte) (err error) {
	p, err := openParts(ctx, c, log, baseURL(c, c.Listen), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	chunk := fillChunk
	if t, ok := store.Unwrap(p.store).(store.Transactional); ok && !t.Transactions() {
		chunk = 1
	} else if ok {
		chunk = fillChunk / 4 // four of these are under way, within what a MongoDB store lets in without waiting
	}
	for from := 0; from < n && ctx.Err() == nil; from += chunk {
		group.Go(func() error {
			ops := make([]store.Op, 0, chunk)
			for i := from; i < min(from+chunk, n); i++ {
				op, err := p.creation(item(nil, i))
				if err != nil {
					return err
				}
				ops = append(ops, op)
			}
			_, err := p.store.Apply(ctx, ops)
			return err
		})
	}
	return group.Wait()
}

// creation is the operation that creates a resource under its own id.
func (p *parts) creation(data []byte) (store.Op, error) {
	resource, err := fhir.ParseResource(data)
	if err != nil {
		return store.Op{}, err
	}
	key := fhir.Key{Type: resource.Type(), ID: resource.ID()}
	stamped, err := resource.Stamp(key.ID)
	if err != nil {
		return store.Op{}, err
	}
	keys, err := p.registry.Extract(resource)
	return store.Op{Method: store.Create, Key: key, Resource: stamped, Keys: keys, Measure: search.MeasureOf(resource)}, err
}

// engineCeiling gives the engine the keys and bytes of what the server has stored.
func engineCeiling(ctx context.Context, dir string, load bench.EngineLoad) (float64, error) {
	ops, err := creations(load.Resources)
	if err != nil {
		return 0, err
	}
	return pebble.Ceiling(ctx, dir, store.CeilingLoad{Ops: ops, Clients: load.Clients, Batch: load.Batch, Duration: load.Duration})
}

// creations are the operations that create resources under their ids.
func creations(resources [][]byte) ([]store.Op, error) {
	registry, err := plainRegistry()
	if err != nil {
		return nil, err
	}
	p := &parts{registry: registry}
	ops := make([]store.Op, 0, len(resources))
	for _, data := range resources {
		op, err := p.creation(data)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// plainRegistry knows the search parameters of R4 and nothing of a server.
func plainRegistry() (*search.Registry, error) {
	definitions, err := spec.R4()
	if err != nil {
		return nil, err
	}
	return search.NewRegistry(definitions, search.Options{})
}

// startProcess runs this program's serve and waits for its ready line.
func startProcess(ctx context.Context, dir string) (*bench.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", "--dev", "--listen", "127.0.0.1:0", "--store", dir, "--log-level", "warn")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() error { return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()) }
	for lines := bufio.NewScanner(out); lines.Scan(); {
		base, found := strings.CutPrefix(lines.Text(), "ready ")
		if !found {
			continue
		}
		ready := time.Since(started)
		u, err := url.Parse(base)
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		return &bench.Process{Address: u.Host, Ready: ready, PID: cmd.Process.Pid, Stop: stop}, nil
	}
	return nil, errors.Join(fmt.Errorf("%s serve ended before it was ready", self), cmd.Wait())
}
