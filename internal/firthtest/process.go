package firthtest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a command that keeps running.
type Process struct {
	Cmd    *exec.Cmd
	Stderr Text
	Exited chan struct{} // closed when the process has ended and all output is read
	Base   string        // FHIR base URL of a server

	mu    sync.Mutex
	lines []string // of the standard output
}

// Text is what a process has written so far. It is safe for concurrent use.
type Text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (b *Text) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String is a copy of all that was written.
func (b *Text) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Serve starts `firth serve --dev` on a port of the system's choice and waits for its ready line.
func (b Binary) Serve(t *testing.T, store string, extra ...string) *Process {
	t.Helper()
	p := b.Launch(t, Environment(), append([]string{"serve", "--dev", "--listen", "127.0.0.1:0", "--store", store}, extra...)...)
	p.Await(t, "ready ")
	p.Base = p.Line(t, "ready ")
	return p
}

// Launch starts a command that keeps running. It is killed at the end of the test when it still does.
func (b Binary) Launch(t *testing.T, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{Cmd: exec.Command(string(b), args...), Exited: make(chan struct{})}
	p.Cmd.Env, p.Cmd.Stderr = env, &p.Stderr
	out, err := p.Cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.follow(out)
	t.Cleanup(func() { p.Kill(t) })
	return p
}

func (p *Process) follow(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		p.mu.Unlock()
	}
	_ = p.Cmd.Wait() // the exit code is read from ProcessState
	close(p.Exited)
}

// AwaitLog waits for a log record.
func (p *Process) AwaitLog(t *testing.T, part string) {
	t.Helper()
	for !strings.Contains(p.Stderr.String(), part) {
		select {
		case <-p.Exited:
			t.Fatalf("ended with %d before %q\n%s", p.Cmd.ProcessState.ExitCode(), part, p.Stderr.String())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Output is what was printed so far.
func (p *Process) Output() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.lines...)
}

// Await waits for a line that begins so.
func (p *Process) Await(t *testing.T, prefix string) {
	t.Helper()
	for {
		for _, line := range p.Output() {
			if strings.HasPrefix(line, prefix) {
				return
			}
		}
		select {
		case <-p.Exited:
			t.Fatalf("ended with %d before %q\n%s\n%s", p.Cmd.ProcessState.ExitCode(), prefix, strings.Join(p.Output(), "\n"), p.Stderr.String())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Kill is kill -9.
func (p *Process) Kill(t *testing.T) {
	t.Helper()
	select {
	case <-p.Exited:
		return
	default:
	}
	if err := p.Cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) { // it may have ended just now
		t.Error(err)
	}
	<-p.Exited
}

// Stop asks the process to end and returns its exit code.
func (p *Process) Stop(t *testing.T) int {
	t.Helper()
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	return p.Wait()
}

// Wait returns the exit code when the process has ended.
func (p *Process) Wait() int {
	<-p.Exited
	return p.Cmd.ProcessState.ExitCode()
}

// Line is the rest of the first line that begins so.
func (p *Process) Line(t *testing.T, prefix string) string {
	t.Helper()
	for _, line := range p.Output() {
		if rest, found := strings.CutPrefix(line, prefix); found {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("no line begins with %q:\n%s", prefix, strings.Join(p.Output(), "\n"))
	return ""
}
