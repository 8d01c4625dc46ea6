package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/bearer"
	"github.com/firth-health/firth/auth/smart/admin"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/importer"
)

// adminPath is where the API for accounts and clients is, for programs with the right firth/accounts.
const adminPath = "/auth/api"

// adminSocket is in the directory of --keys. Who may open it may read the keys as well, so that nothing more is asked: it is for firth user, firth client and firth audit on the machine of a server.
const adminSocket = "admin.sock"

// administration is the API for accounts and clients, of who the actor is.
func (z *secured) administration(actor func(*http.Request) (string, error)) http.Handler {
	return admin.New(admin.Options{Accounts: z.authorization.Accounts(), Clients: z.authorization.Clients(), LinkURL: z.authorization.LinkURL, Actor: func(r *http.Request) (string, error) {
		who, err := actor(r)
		z.administered(r, who, err)
		return who, err
	}})
}

// local is what the socket answers.
func (z *secured) local() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(auditPath, auditHandler(z.audits))
	mux.Handle("/", z.administration(localActor))
	return identified(mux)
}

// tokenActor lets in who has a token with the right to administer accounts.
func (z *secured) tokenActor(r *http.Request) (string, error) {
	claims, err := z.own.Claims(r)
	var refused *bearer.Error
	if errors.As(err, &refused) {
		return "", &admin.Error{Status: refused.Status, Why: refused.Why}
	}
	if err != nil {
		return "", err
	}
	scopes, err := auth.ParseScopes(claims.Scope)
	if err != nil || !scopes.Has(auth.AccountAdministration) {
		return "", &admin.Error{Status: http.StatusForbidden, Why: "this takes the right " + auth.AccountAdministration}
	}
	return claims.Subject, nil
}

// localActor is who has access to this machine.
func localActor(r *http.Request) (string, error) {
	return commandLine + ": " + r.Header.Get(userHeader), nil
}

// socketServer answers firth user, firth client and firth audit.
type socketServer struct{ http *http.Server }

// listenLocally opens the socket. A server without one works, so that a problem is told and no more.
func (z *secured) listenLocally(ctx context.Context, path string, log *slog.Logger) *socketServer {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a server that was killed: the store is locked, so that no other runs
		log.Warn("firth user, firth client and firth audit cannot reach this server", "error", err)
		return nil
	}
	var c net.ListenConfig
	listener, err := c.Listen(ctx, "unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		log.Warn("firth user, firth client and firth audit cannot reach this server", "error", err)
		return nil
	}
	s := &socketServer{&http.Server{Handler: z.local(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("firth user, firth client and firth audit cannot reach this server any more", "error", err)
		}
	}()
	return s
}

func (s *socketServer) close() error {
	if s == nil {
		return nil
	}
	return s.http.Close()
}

// adminClient talks to the server that runs on a store, or opens the store when none does.
type adminClient struct {
	http  *http.Client
	close func() error
}

func openAdmin(ctx context.Context, c config.Config) (*adminClient, error) {
	files, err := openKeyFiles(c)
	if err != nil {
		return nil, err
	}
	if client := dialServer(ctx, files); client != nil {
		return &adminClient{client, func() error { client.CloseIdleConnections(); return nil }}, nil
	}
	p, err := openParts(ctx, c, logger(c), baseURL(c, c.Listen), true)
	if err != nil {
		return nil, advised(err, files)
	}
	return &adminClient{&http.Client{Transport: importer.Local{Handler: p.secured.local()}}, func() error {
		p.server.Drain()
		return p.close()
	}}, nil
}

// dialServer finds the server that runs with these keys; nil when none does.
func dialServer(ctx context.Context, files keyFiles) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", files.path(adminSocket))
	}
	conn, err := dial(ctx, "", "")
	if err != nil || conn.Close() != nil {
		return nil
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}

// whyRefused is why a server did not do what a command asked.
func whyRefused(answer []byte) error {
	var refused admin.Error
	if json.Unmarshal(answer, &refused) != nil || refused.Why == "" {
		refused.Why = strings.TrimSpace(string(answer))
	}
	return errors.New(refused.Why)
}

// do sends a request and reads the answer.
func (a *adminClient) do(ctx context.Context, method, path string, body, into any) error {
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, sent)
	if err != nil {
		return err
	}
	request.Header.Set(userHeader, machineUser())
	response, err := a.http.Do(request)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return whyRefused(data)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return nil
}
