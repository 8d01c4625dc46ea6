package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Files are PEM files of a TLS server.
type Files struct {
	Certificate string // the chain, the server's own certificate first
	Key         string
	ClientCA    string // authorities of client certificates; empty: none is asked for

	// ClientsRequired closes connections without a certificate of ClientCA. Otherwise any is taken, and [Reloader.Shown] says whether it is of ClientCA: a client may be known by a certificate that it made
	// itself (RFC 8705 section 2.2).
	ClientsRequired bool
}

// Reloader serves what is in the files, and what is in them later.
type Reloader struct {
	files  Files
	log    *slog.Logger
	config atomic.Pointer[tls.Config]
	mu     sync.Mutex
	stamps []stamp // of the files as they were loaded
	stop   chan struct{}
}

// stamp tells versions of a file apart without reading it.
type stamp struct {
	modified time.Time
	size     int64
}

// Interval is how often the files are looked at.
const Interval = 10 * time.Second

// Load reads the files. From then on, until [Reloader.Close], they are looked at again every [Interval]: files that are broken, or fit no longer, leave the former ones in use and are
// reported to the log.
func Load(files Files, log *slog.Logger) (*Reloader, error) {
	r := &Reloader{files: files, log: log, stop: make(chan struct{})}
	if err := r.read(); err != nil {
		return nil, err
	}
	go r.watch()
	return r, nil
}

// Close ends the watch.
func (r *Reloader) Close() { close(r.stop) }

func (r *Reloader) watch() {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.Check()
		case <-r.stop:
			return
		}
	}
}

// Check looks at the files now.
func (r *Reloader) Check() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now, err := r.look(); err == nil && slices.Equal(now, r.stamps) {
		return
	}
	if err := r.read(); err != nil {
		r.log.Error("TLS files changed and cannot be used; the former ones stay in use", "error", err)
		return
	}
	r.log.Info("TLS files changed and are in use", "expires", r.expires())
}

// Config is for a listener. HTTP/2 and HTTP/1.1 are offered.
func (r *Reloader) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return r.config.Load(), nil },
	}
}

// MutualConfig is Config for a protocol that is not HTTP and has no other way to tell who is there: a client certificate is required.
func (r *Reloader) MutualConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := r.config.Load().Clone()
		c.NextProtos, c.ClientAuth = nil, tls.RequireAndVerifyClientCert
		return c, nil
	}}
}

func (r *Reloader) expires() time.Time { return r.config.Load().Certificates[0].Leaf.NotAfter }

func (r *Reloader) names() []string {
	names := []string{r.files.Certificate, r.files.Key}
	if r.files.ClientCA != "" {
		names = append(names, r.files.ClientCA)
	}
	return names
}

func (r *Reloader) look() ([]stamp, error) {
	var stamps []stamp
	for _, name := range r.names() {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		stamps = append(stamps, stamp{info.ModTime(), info.Size()})
	}
	return stamps, nil
}

// read takes the files into use.
func (r *Reloader) read() error {
	stamps, err := r.look() // before they are read: a change meanwhile is seen at the next look
	if err != nil {
		return err
	}
	certificate, err := tls.LoadX509KeyPair(r.files.Certificate, r.files.Key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", r.files.Certificate, r.files.Key, err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{certificate}}
	if r.files.ClientCA != "" {
		data, err := os.ReadFile(r.files.ClientCA)
		if err != nil {
			return err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(data) {
			return fmt.Errorf("%s: no certificate in it", r.files.ClientCA)
		}
		config.ClientAuth = tls.RequestClientCert
		if r.files.ClientsRequired {
			config.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	if certificate.Leaf == nil {
		return errors.New("the certificate was not parsed")
	}
	r.config.Store(config)
	r.stamps = stamps
	return nil
}
