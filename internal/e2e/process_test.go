package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
)

// binary is the path of the program under test.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "firth-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "firth")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/firth")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build cmd/firth:", err)
	} else {
		code = m.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// clean is the environment without settings of whoever runs the tests.
func clean(extra ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "FIRTH_") {
			env = append(env, pair)
		}
	}
	return append(env, extra...)
}

// run executes one command to its end.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runIn(t, "", clean(), stdin, args...)
}

func runIn(t *testing.T, dir string, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	stderr text
	exited chan struct{} // closed when the process has ended and all output is read

	mu    sync.Mutex
	lines []string // of the standard output

	base string // FHIR base URL
}

// text is what a process has written so far.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *text) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *text) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// serve starts `firth serve --dev` on a port of the system's choice and waits for its ready line.
func serve(t *testing.T, store string, extra ...string) *process {
	t.Helper()
	p := launch(t, append([]string{"serve", "--dev", "--listen", "127.0.0.1:0", "--store", store}, extra...)...)
	p.await(t, "ready ")
	p.base = p.line(t, "ready ")
	return p
}

// launch starts a command that keeps running. It is killed at the end of the test when it still does.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	return launchWith(t, clean(), args...)
}

func launchWith(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = env, &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.follow(out)
	t.Cleanup(func() { p.kill(t) })
	return p
}

func (p *process) follow(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		p.mu.Unlock()
	}
	_ = p.cmd.Wait() // the exit code is read from ProcessState
	close(p.exited)
}

// awaitLog waits for a log record.
func (p *process) awaitLog(t *testing.T, part string) {
	t.Helper()
	for !strings.Contains(p.stderr.String(), part) {
		select {
		case <-p.exited:
			t.Fatalf("ended with %d before %q\n%s", p.cmd.ProcessState.ExitCode(), part, p.stderr.String())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// output is what was printed so far.
func (p *process) output() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.lines...)
}

// await waits for a line that begins so.
func (p *process) await(t *testing.T, prefix string) {
	t.Helper()
	for {
		for _, line := range p.output() {
			if strings.HasPrefix(line, prefix) {
				return
			}
		}
		select {
		case <-p.exited:
			t.Fatalf("ended with %d before %q\n%s\n%s", p.cmd.ProcessState.ExitCode(), prefix, strings.Join(p.output(), "\n"), p.stderr.String())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// kill is kill -9.
func (p *process) kill(t *testing.T) {
	t.Helper()
	select {
	case <-p.exited:
		return
	default:
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-p.exited
}

// stop asks the process to end and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	return p.wait()
}

// wait returns the exit code when the process has ended.
func (p *process) wait() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// line is the rest of the first line that begins so.
func (p *process) line(t *testing.T, prefix string) string {
	t.Helper()
	for _, line := range p.output() {
		if rest, found := strings.CutPrefix(line, prefix); found {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("no line begins with %q:\n%s", prefix, strings.Join(p.output(), "\n"))
	return ""
}

// request sends one request and returns status, headers and body.
func request(method, url, body string, headers ...string) (int, http.Header, []byte, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, data, err
}

// ask sends a request that must be answered with the status, and returns the answer's JSON.
func ask(t *testing.T, status int, method, url, body string, headers ...string) fhir.Node {
	t.Helper()
	got, _, data, err := request(method, url, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	if got != status {
		t.Fatalf("%s %s answered %d, want %d: %.500s", method, url, got, status, data)
	}
	root, err := fhir.Parse(data)
	if err != nil {
		t.Fatalf("%s %s: %v in %.300s", method, url, err, data)
	}
	return root
}

// count is the total of a search.
func count(t *testing.T, base, query string) string {
	t.Helper()
	joint := "?"
	if strings.Contains(query, "?") {
		joint = "&"
	}
	return ask(t, 200, "GET", base+"/"+query+joint+"_summary=count", "").Get("total").Text()
}
