package hl7v2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"
)

// ErrServerClosed is returned by Server.Serve after Shutdown.
var ErrServerClosed = errors.New("hl7v2: server closed")

// The defaults of a Server.
const (
	DefaultIdleTimeout = 5 * time.Minute
	DefaultMaxConns    = 256
)

// Between attempts to accept while that fails.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

// Server answers HL7 messages over MLLP. Messages of one connection are handled one after the other and answered in order; connections are handled
// side by side. Fields must not change once Serve runs.
type Server struct {
	// Handler returns the acknowledgement of a message, which it may keep; nothing is sent back when it returns nil. It must not acknowledge what is not durable. Its context
	// ends when Shutdown runs out of patience.
	Handler func(ctx context.Context, message []byte) (ack []byte)

	MaxBytes    int           // of one message; 0: DefaultMaxBytes. A longer one ends the connection.
	IdleTimeout time.Duration // for a whole message to arrive, and for an answer to be taken; 0: DefaultIdleTimeout
	MaxConns    int           // at once; 0: DefaultMaxConns. Further ones are closed at once.
	Logger      *slog.Logger  // nil: slog.Default(). Never gets message contents.

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]struct{}
	stop      context.CancelFunc
	ctx       context.Context
	closing   bool
	running   sync.WaitGroup // one for each connection
}

// Serve accepts connections until Shutdown, and then returns ErrServerClosed; when the listener is closed by others, its error. Passing failures to accept, such as
// too many open files, are logged and tried again. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	if !s.track(l) {
		return errors.Join(ErrServerClosed, l.Close())
	}
	defer s.untrack(l)
	pause := minAcceptPause
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = minAcceptPause
		case s.isClosing():
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("hl7v2: accept: %w", err)
		default:
			s.log().Warn("MLLP connection not accepted", "error", err, "again_in", pause)
			time.Sleep(pause)
			pause = min(2*pause, maxAcceptPause)
			continue
		}
		ctx, admitted := s.admit(conn)
		if !admitted {
			s.log().Warn("MLLP connection refused", "remote", conn.RemoteAddr().String(), "limit", orDefault(s.MaxConns, DefaultMaxConns))
			s.close(conn)
			continue
		}
		go s.serveConn(ctx, conn)
	}
}

// Shutdown stops accepting, closes connections that wait for a message, lets messages that are being handled be answered, and returns when all is closed.
// When the context ends first, it ends the handlers' context, closes what is left and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	var errs []error
	for l := range s.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for conn := range s.conns { // wakes those that wait; handlers that are at work do not read
		if err := conn.SetReadDeadline(time.Unix(1, 0)); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	stop := s.stop
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
		s.closeAll()
	}
	if stop != nil {
		stop()
	}
	return errors.Join(errs...)
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		s.close(conn)
	}
}

// serveConn reads, handles and answers until the stream ends.
func (s *Server) serveConn(ctx context.Context, conn net.Conn) {
	remote := conn.RemoteAddr().String()
	defer s.release(conn)
	defer func() { // a defect in a handler must cost one connection, not every device's
		if reason := recover(); reason != nil {
			s.log().Error("MLLP handler panicked", "remote", remote, "type", fmt.Sprintf("%T", reason), "stack", string(debug.Stack()))
		}
	}()
	frames := NewReader(conn, s.MaxBytes)
	for s.expectFrame(conn) {
		message, err := frames.Next()
		if err != nil {
			s.logEnd(remote, err)
			return
		}
		ack := s.Handler(ctx, message)
		if ack == nil {
			continue
		}
		if err := s.answer(conn, ack); err != nil {
			s.log().Warn("MLLP answer not sent", "remote", remote, "error", err)
			return
		}
	}
}

// expectFrame gives the next message its time; false when the server closes.
func (s *Server) expectFrame(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	return conn.SetReadDeadline(time.Now().Add(s.idleTimeout())) == nil
}

func (s *Server) answer(conn net.Conn, ack []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(s.idleTimeout())); err != nil {
		return err
	}
	return WriteFrame(conn, ack)
}

// logEnd tells an ordinary end of a connection from one that an operator should know of.
func (s *Server) logEnd(remote string, err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF), s.isClosing():
		s.log().Debug("MLLP connection closed", "remote", remote)
	case errors.As(err, &timeout) && timeout.Timeout():
		s.log().Info("MLLP connection idle", "remote", remote, "after", s.idleTimeout())
	default:
		s.log().Warn("MLLP connection broken off", "remote", remote, "error", err)
	}
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	if s.listeners == nil {
		s.listeners = map[net.Listener]struct{}{}
		s.conns = map[net.Conn]struct{}{}
		s.ctx, s.stop = context.WithCancel(context.Background())
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) untrack(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log().Warn("MLLP listener", "error", err)
	}
}

// admit counts a connection in, unless the server is full or closing.
func (s *Server) admit(conn net.Conn) (context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.conns) >= orDefault(s.MaxConns, DefaultMaxConns) {
		return nil, false
	}
	s.conns[conn] = struct{}{}
	s.running.Add(1)
	return s.ctx, true
}

func (s *Server) release(conn net.Conn) {
	s.close(conn)
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	s.running.Done()
}

func (s *Server) close(conn net.Conn) {
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log().Debug("MLLP connection", "remote", conn.RemoteAddr().String(), "error", err)
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) idleTimeout() time.Duration {
	if s.IdleTimeout <= 0 {
		return DefaultIdleTimeout
	}
	return s.IdleTimeout
}

func (s *Server) log() *slog.Logger {
	if s.Logger == nil {
		return slog.Default()
	}
	return s.Logger
}
