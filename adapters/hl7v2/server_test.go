package hl7v2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// running is a Server on a loopback port.
type running struct {
	*Server
	addr  string
	ended chan error
	logs  *logBuffer
}

// logBuffer is a writer that the server's connections share with the test.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func serve(t *testing.T, s *Server) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Server: s, addr: l.Addr().String(), ended: make(chan error, 1), logs: &logBuffer{}}
	s.Logger = slog.New(slog.NewTextHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() { r.ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return r
}

// client is one device's connection.
type client struct {
	t *testing.T
	net.Conn
	answers *Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, Conn: conn, answers: NewReader(conn, 0)}
}

func (c *client) send(message string) {
	c.t.Helper()
	if err := WriteFrame(c.Conn, []byte(message)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) expect(want string) {
	c.t.Helper()
	got, err := c.answers.Next()
	if err != nil || string(got) != want {
		c.t.Fatalf("answer %q, %v; want %q", got, err, want)
	}
}

// expectClosed reads until the server has closed the connection.
func (c *client) expectClosed() {
	c.t.Helper()
	if got, err := io.ReadAll(c.Conn); len(got) > 0 || isTimeout(err) {
		c.t.Fatalf("read %q, %v; want a closed connection", got, err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func echo(_ context.Context, message []byte) []byte { return append([]byte("ack "), message...) }

func TestServerAnswersInOrder(t *testing.T) {
	r := serve(t, &Server{Handler: echo})
	c := dial(t, r.addr)
	for i := range 100 { // all sent before the first answer is read
		c.send(fmt.Sprint(i))
	}
	for i := range 100 {
		c.expect(fmt.Sprintf("ack %d", i))
	}
}

func TestServerServesConnectionsSideBySide(t *testing.T) {
	both := make(chan struct{}, 2)
	r := serve(t, &Server{Handler: func(_ context.Context, m []byte) []byte {
		both <- struct{}{}
		for len(both) < 2 { // each waits until the other is at work as well
			time.Sleep(time.Millisecond)
		}
		return m
	}})
	a, b := dial(t, r.addr), dial(t, r.addr)
	a.send("a")
	b.send("b")
	a.expect("a")
	b.expect("b")
}

func TestServerWithoutAnswer(t *testing.T) {
	r := serve(t, &Server{Handler: func(_ context.Context, m []byte) []byte {
		if string(m) == "quiet" {
			return nil
		}
		return m
	}})
	c := dial(t, r.addr)
	c.send("quiet")
	c.send("loud")
	c.expect("loud")
}

func TestServerAcknowledgesMessages(t *testing.T) {
	r := serve(t, &Server{Handler: func(_ context.Context, data []byte) []byte {
		m, err := Parse(data)
		if err != nil {
			return Ack(Header(data), AckError, err.Error(), fixedNow, "A1")
		}
		return Ack(m, AckAccept, "", fixedNow, "A1")
	}})
	c := dial(t, r.addr)
	c.send(header + "PID|1\r")
	c.expect("MSH|^~\\&|||||20260203040506.007+0100||ACK^R01^ACK|A1|P|2.6\rMSA|AA|1\r")
	c.send("nonsense")
	c.expect("MSH|^~\\&|||||20260203040506.007+0100||ACK^^ACK|A1|P|2.6\rMSA|AE||hl7v2: message does not begin with MSH\r" +
		"ERR|||207^Application internal error^HL70357|E||||hl7v2: message does not begin with MSH\r")
}

func TestServerEndsBrokenStreams(t *testing.T) {
	tests := []struct{ name, in, log string }{
		{"no frame", "MSH|secret", "byte 0x4D stands between frames"},
		{"too long", "\x0b" + strings.Repeat("secret", 10), "over the size limit"},
		{"frame in a frame", "\x0bsecret\x0b", "begins a frame inside another"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := serve(t, &Server{Handler: echo, MaxBytes: 20})
			c := dial(t, r.addr)
			if _, err := io.WriteString(c, tt.in); err != nil {
				t.Fatal(err)
			}
			c.expectClosed()
			if err := r.Shutdown(context.Background()); err != nil {
				t.Fatal(err)
			}
			if logs := r.logs.String(); !strings.Contains(logs, tt.log) || strings.Contains(logs, "secret") {
				t.Errorf("log %q, want %q and nothing of the message", logs, tt.log)
			}
		})
	}
}

func TestServerLimitsConnections(t *testing.T) {
	r := serve(t, &Server{Handler: echo, MaxConns: 1})
	first := dial(t, r.addr)
	first.send("1")
	first.expect("ack 1")
	dial(t, r.addr).expectClosed()
	first.send("2")
	first.expect("ack 2")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; { // the place is free once the server has seen the end
		c := dial(t, r.addr)
		if err := WriteFrame(c.Conn, []byte("3")); err == nil {
			if got, err := c.answers.Next(); err == nil && string(got) == "ack 3" {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("no place became free")
		}
	}
}

func TestServerClosesIdleConnections(t *testing.T) {
	r := serve(t, &Server{Handler: echo, IdleTimeout: 20 * time.Millisecond})
	c := dial(t, r.addr)
	if _, err := io.WriteString(c, "\x0bhalf"); err != nil {
		t.Fatal(err)
	}
	c.expectClosed()
}

func TestServerOutlivesAPanic(t *testing.T) {
	r := serve(t, &Server{Handler: func(_ context.Context, m []byte) []byte {
		if string(m) == "bad" {
			panic("secret")
		}
		return m
	}})
	c := dial(t, r.addr)
	c.send("bad")
	c.expectClosed()
	again := dial(t, r.addr)
	again.send("good")
	again.expect("good")
	if logs := r.logs.String(); !strings.Contains(logs, "handler panicked") || strings.Contains(logs, "secret") {
		t.Errorf("log %q, want the panic without its value", logs)
	}
}

func TestShutdownLetsHandlersAnswer(t *testing.T) {
	entered, proceed := make(chan struct{}), make(chan struct{})
	r := serve(t, &Server{Handler: func(_ context.Context, m []byte) []byte {
		close(entered)
		<-proceed
		return m
	}})
	waiting, busy := dial(t, r.addr), dial(t, r.addr)
	busy.send("1")
	<-entered
	down := make(chan error, 1)
	go func() { down <- r.Shutdown(context.Background()) }()
	if err := <-r.ended; !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve = %v, want ErrServerClosed", err)
	}
	waiting.expectClosed()
	select {
	case err := <-down:
		t.Fatalf("Shutdown returned %v before the handler", err)
	default:
	}
	close(proceed)
	busy.expect("1")
	busy.expectClosed()
	if err := <-down; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Serve(l); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve after Shutdown = %v, want ErrServerClosed", err)
	}
}

func TestShutdownRunsOutOfPatience(t *testing.T) {
	entered := make(chan struct{})
	r := serve(t, &Server{Handler: func(ctx context.Context, _ []byte) []byte {
		close(entered)
		<-ctx.Done()
		return nil
	}})
	dial(t, r.addr).send("1")
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond) // the subject: it ends while the handler does not
	defer cancel()
	if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown = %v, want the context's error", err)
	}
}

func TestServeReportsTheListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (&Server{Handler: echo}).Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener = %v, want net.ErrClosed", err)
	}
}

// failing is a listener whose first attempts to accept fail, as with too many open files.
type failing struct {
	net.Listener
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, errors.New("too many open files")
	}
	return f.Listener.Accept()
}

func TestServeGoesOnAfterPassingFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Handler: echo, Logger: slog.New(slog.DiscardHandler)}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(&failing{Listener: l, left: 2}) }()
	c := dial(t, l.Addr().String())
	c.send("1")
	c.expect("ack 1")
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve = %v, want ErrServerClosed", err)
	}
}
