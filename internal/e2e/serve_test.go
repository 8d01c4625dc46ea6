package e2e

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/internal/teststore"
)

func TestServeRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"every interface without TLS", []string{"--listen", "0.0.0.0:0"}, 2, "without TLS passwords and access tokens could be read on their way"},
		{"HL7 v2 from strangers", []string{"--listen", "127.0.0.1:0", "--mllp", "0.0.0.0:0"}, 2, "HL7 v2 does not say who is calling: --mllp on another address than loopback needs --client-ca"},
		{"half of TLS", []string{"--tls-cert", "cert.pem"}, 2, "tls-cert and tls-key go together"},
		{"no certificate", []string{"--listen", "127.0.0.1:0", "--tls-cert", "/nonexistent.pem", "--tls-key", "/nonexistent.pem"}, 1, "tls: stat /nonexistent.pem: no such file or directory"},
		{"every interface", []string{"--dev", "--listen", "0.0.0.0:0"}, 2, "on loopback only: 0.0.0.0:0 is not a loopback address"},
		{"empty host", []string{"--dev", "--listen", ":0"}, 2, "is not a loopback address"},
		{"IPv6 everywhere", []string{"--dev", "--listen", "[::]:0"}, 2, "[::]:0 is not a loopback address"},
		{"another name", []string{"--dev", "--listen", "example.org:8080"}, 2, "is not a loopback address: use 127.0.0.1, ::1 or localhost"},
		{"MLLP elsewhere", []string{"--dev", "--listen", "127.0.0.1:0", "--mllp", "0.0.0.0:0"}, 2, "on loopback only: 0.0.0.0:0 is not a loopback address"},
		{"port in use", []string{"--dev", "--listen", taken.Addr().String()}, 1, "address already in use"},
		{"unknown flag", []string{"--prod"}, 2, "unknown flag: --prod"},
		{"argument", []string{"now"}, 2, `unknown command "now" for "firth serve"`},
		{"no such file", []string{"--config", "/nonexistent.yaml"}, 2, "/nonexistent.yaml: no such file or directory"},
		{"bad value", []string{"--dev", "--page-size", "0"}, 2, `--page-size: "0" is not a whole number above zero`},
		{"contradiction", []string{"--dev", "--page-size", "30", "--max-page-size", "20"}, 2, "the page size 30 is above the largest page size 20"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"serve"}, tt.args...)
			if !strings.Contains(strings.Join(args, " "), "--store") {
				args = append(args, "--store", t.TempDir())
			}
			stdout, stderr, code := run(t, "", args...)
			if code != tt.code || !strings.Contains(stderr, tt.says) || stdout != "" {
				t.Errorf("exit %d, want %d saying %q\nstdout %q\nstderr %q", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
}

func TestServeFromFileAndEnvironment(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "firth.yaml")
	content := "dev: true\nlisten: 0.0.0.0:1\nstore: " + filepath.Join(dir, "store") + "\nlimits:\n  page: 7\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := runIn(t, dir, firthtest.Environment("FIRTH_CONFIG="+file), "", "serve")
	if code != 2 || !strings.Contains(stderr, "0.0.0.0:1 is not a loopback address") {
		t.Errorf("with the file: exit %d, %q", code, stderr)
	}
	_, stderr, code = runIn(t, dir, firthtest.Environment("FIRTH_CONFIG="+file, "FIRTH_LISTEN=[::]:2"), "", "serve")
	if code != 2 || !strings.Contains(stderr, "[::]:2 is not a loopback address") {
		t.Errorf("with the variable: exit %d, %q", code, stderr)
	}
	_, stderr, code = runIn(t, dir, firthtest.Environment("FIRTH_CONFIG="+file, "FIRTH_LISTEN=[::]:2"), "", "serve", "--listen", "10.0.0.1:3")
	if code != 2 || !strings.Contains(stderr, "10.0.0.1:3 is not a loopback address") {
		t.Errorf("with the flag: exit %d, %q", code, stderr)
	}
	if err := os.WriteFile(file, []byte("dev: true\nlimits:\n  pages: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code = runIn(t, dir, firthtest.Environment(), "", "serve", "--config", file)
	if code != 2 || !strings.Contains(stderr, file+":3: unknown setting limits.pages; known under limits: body, entries, deletes, page, max-page") {
		t.Errorf("with an unknown setting: exit %d, %q", code, stderr)
	}
}

func TestServeKeepsAndStops(t *testing.T) {
	dir := place(t)
	p := serve(t, dir, "--page-size", "2")
	root := strings.TrimSuffix(p.Base, "/fhir")
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if status, _, body, err := request("GET", root+path, ""); err != nil || status != 200 {
			t.Errorf("%s: %d %.200s %v", path, status, body, err)
		}
	}
	for _, id := range []string{"a", "b", "c"} {
		ask(t, 201, "PUT", p.Base+"/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`","active":true}`)
	}
	if got := ask(t, 200, "GET", p.Base+"/Patient?active=true", "").Get("entry").Len(); got != 2 {
		t.Errorf("a page of %d, want 2", got)
	}
	if !teststore.MongoDB() { // an embedded store is of one process: the second one says so
		_, stderr, code := run(t, "", "serve", "--dev", "--listen", "127.0.0.1:0", "--store", dir)
		if code != 1 || !strings.Contains(stderr, "in use by another process") {
			t.Errorf("second server: exit %d, %q", code, stderr)
		}
	}
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM\n%s", code, p.Stderr.String())
	}
	again := serve(t, dir)
	if got := count(t, again.Base, "Patient?active=true"); got != "3" {
		t.Errorf("%s patients after the restart, want 3", got)
	}
	if code := again.Stop(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

func TestExplainOverHTTP(t *testing.T) {
	p := serve(t, place(t))
	ask(t, 201, "PUT", p.Base+"/Patient/a", `{"resourceType":"Patient","id":"a","identifier":[{"system":"urn:x","value":"1"}]}`)
	for _, test := range []struct {
		query string
		parts []string // of what is printed
	}{
		{"Patient?identifier=urn:x|1&_sort=-birthdate&nonsense=1", []string{"query    Patient?identifier=urn:x|1&_sort=-birthdate&_explain=true\n", "\nnote     ", "nonsense", "\nplan     Patient:\n         key", "\nsort     birthdate descending\n",
			"\nstrategy ", "\nscanned  ", " keys read, ", "\nfound    1 on this page of 1\nanswered "}},
		{"Patient/a/*?_type=Patient,Observation", []string{"plan     Patient:", "plan     Observation:", "\nscanned  2 searches: ", "\nfound    1 on this page of 1\n"}},
		{"?_type=Patient&_id=a", []string{"plan     Patient:", "\nfound    1 on this page of 1\n"}},
	} {
		stdout, stderr, code := run(t, "", "explain", "--server", p.Base, test.query)
		if code != 0 {
			t.Errorf("%s: exit %d, %s", test.query, code, stderr)
		}
		for _, part := range test.parts {
			if !strings.Contains(stdout, part) {
				t.Errorf("%s: no %q in\n%s", test.query, part, stdout)
			}
		}
	}
	if _, stderr, code := run(t, "", "explain", "--server", p.Base, "Patient/a"); code != 2 || !strings.Contains(stderr, "Patient/a is not a search: the server answered a Patient") {
		t.Errorf("a read: exit %d, %q", code, stderr)
	}
}

// hang opens a request that the server has to wait for: its body never comes.
func hang(t *testing.T, base string) net.Conn {
	t.Helper()
	host := strings.TrimSuffix(strings.TrimPrefix(base, "http://"), "/fhir")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	head := "POST /fhir/Patient HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/fhir+json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
	if _, err := conn.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	// The handler has begun to read the body when it asks for it.
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("%q %v", line, err)
	}
	return conn
}

func TestStopWaitsForRequestsAndNoLonger(t *testing.T) {
	p := serve(t, place(t), "--shutdown-timeout", "100ms")
	hang(t, p.Base)
	if code := p.Stop(t); code != 0 || !strings.Contains(p.Stderr.String(), "requests were cut off") {
		t.Errorf("exit %d\n%s", code, p.Stderr.String())
	}
}

func TestStopAnswersRequestsUnderWay(t *testing.T) {
	p := serve(t, place(t))
	conn := hang(t, p.Base)
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.AwaitLog(t, "msg=stopping")
	body := `{"resourceType":"Patient","active":true}`
	if _, err := conn.Write([]byte(body + strings.Repeat(" ", 100-len(body)))); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 201") {
		t.Errorf("%q %v", line, err)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("exit %d\n%s", code, p.Stderr.String())
	}
}

func TestSecondSignalForces(t *testing.T) {
	p := serve(t, place(t))
	hang(t, p.Base)
	if err := p.Cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p.AwaitLog(t, "msg=stopping")
	if code := p.Stop(t); code != 130 {
		t.Errorf("exit %d, want 130\n%s", code, p.Stderr.String())
	}
}
