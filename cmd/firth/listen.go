package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/transport"
)

// running is a server that accepts requests.
type running struct {
	config   config.Config
	log      *slog.Logger
	parts    *parts
	base     string // FHIR base URL
	listener net.Listener
	tls      *transport.Reloader // nil without TLS
	http     *http.Server
	mllp     *mllpServer // nil without --mllp
	failed   chan error  // what ended a part before stop did
}

// start listens, opens the store and serves. Listening comes first, because a port in use is the likelier and the cheaper failure.
func start(ctx context.Context, c config.Config, log *slog.Logger, listen listenFunc) (_ *running, err error) {
	r := &running{config: c, log: log, failed: make(chan error, 3)}
	if r.listener, err = listen(ctx, c.Listen); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.listener.Close())
		}
	}()
	r.base = baseURL(c, r.listener.Addr().String())
	if err = r.useTLS(); err != nil {
		return nil, err
	}
	if r.parts, err = openParts(ctx, c, log, r.base, !c.Dev); err != nil {
		r.closeTLS()
		return nil, err
	}
	if z := r.parts.secured; z != nil {
		z.clients.tls = r.tls
		z.socket = z.listenLocally(ctx, z.files.path(adminSocket), log)
	}
	if c.MLLP != "" {
		if r.mllp, err = startMLLP(ctx, c, log, r.overTLS(listen), r.parts.server, r.failed); err != nil {
			r.closeTLS()
			return nil, errors.Join(err, r.parts.close())
		}
	}
	r.http = httpServer(c, log, transport.FromProxies(transport.Headers(r.parts.handler(), strings.HasPrefix(r.base, "https:")), c.Proxies))
	go func() { r.failed <- fmt.Errorf("http: %w", r.http.Serve(r.listener)) }()
	return r, nil
}

// useTLS puts TLS over the listener when there are files for it.
func (r *running) useTLS() (err error) {
	if r.config.TLSCertificate == "" {
		return nil
	}
	files := transport.Files{Certificate: r.config.TLSCertificate, Key: r.config.TLSKey, ClientCA: r.config.ClientCA, ClientsRequired: r.config.ClientCertified}
	if r.tls, err = transport.Load(files, r.log); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	r.listener = tls.NewListener(r.listener, r.tls.Config())
	return nil
}

// overTLS is how the HL7 v2 listener listens: as HTTP does, but always with certificates of clients, because the protocol has no other way to tell who is there.
func (r *running) overTLS(listen listenFunc) listenFunc {
	if r.config.ClientCA == "" {
		return listen
	}
	return func(ctx context.Context, address string) (net.Listener, error) {
		listener, err := listen(ctx, address)
		if err != nil {
			return nil, err
		}
		return tls.NewListener(listener, r.tls.MutualConfig()), nil
	}
}

func (r *running) closeTLS() {
	if r.tls != nil {
		r.tls.Close()
	}
}

// httpServer has a limit for everything a client could drag out. The handler's own limit ends first, so that a slow search is answered with an
// outcome instead of a broken connection.
func httpServer(c config.Config, log *slog.Logger, handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: c.HeaderTime,
		ReadTimeout:       c.RequestTime,
		WriteTimeout:      2*c.RequestTime + 5*time.Second,
		IdleTimeout:       c.IdleTime,
		MaxHeaderBytes:    64 << 10,
		ConnContext:       transport.ConnContext,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// address is host:port of the HTTP server.
func (r *running) address() string { return r.listener.Addr().String() }

// wait returns when ctx ends, or when a part has failed.
func (r *running) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.failed:
		return err
	}
}

// stop takes no new request, lets those under way end, and closes the store. What is not done after the shutdown time is cut off.
func (r *running) stop() error {
	r.parts.server.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), r.config.ShutdownTime)
	defer cancel()
	err := r.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		r.log.Warn("requests were cut off", "after", r.config.ShutdownTime)
		err = r.http.Close()
	}
	if r.mllp != nil {
		err = errors.Join(err, r.mllp.stop(ctx))
	}
	r.closeTLS()
	return errors.Join(err, r.parts.close())
}

// listenFunc opens a TCP listener.
type listenFunc func(ctx context.Context, address string) (net.Listener, error)

func listenExactly(ctx context.Context, address string) (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", address)
}

// listenNextFree takes the next ports of the same host when the one asked for is taken, and any port when many are.
func listenNextFree(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	first, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	for next := first; next < min(first+20, 1<<16); next++ {
		listener, err := listenExactly(ctx, net.JoinHostPort(host, strconv.Itoa(next)))
		if !errors.Is(err, syscall.EADDRINUSE) {
			return listener, err
		}
	}
	return listenExactly(ctx, net.JoinHostPort(host, "0"))
}
