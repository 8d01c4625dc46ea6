package e2e

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/firthtest"
)

// startDemo runs the demo on free ports, its temporary files in dir.
func startDemo(t *testing.T, dir string, extra ...string) *firthtest.Process {
	t.Helper()
	p := binary.Launch(t, firthtest.Environment("TMPDIR="+dir), append([]string{"demo", "--listen", "127.0.0.1:0", "--mllp", "127.0.0.1:0"}, extra...)...)
	p.Await(t, "ready")
	p.Base = p.Line(t, "FHIR ")
	return p
}

// curls are the commands the demo prints, in order.
func curls(p *firthtest.Process) (commands []string) {
	for _, line := range p.Output() {
		if strings.HasPrefix(line, "curl ") {
			commands = append(commands, line)
		}
	}
	return commands
}

// shell runs a command line as a user would, and returns the JSON it prints.
func shell(t *testing.T, command string) fhir.Node {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl on this machine to try the printed commands with")
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "curl ", "curl -s -S --fail-with-body ", 1)).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	root, err := fhir.Parse(out)
	if err != nil {
		t.Fatalf("%s: %v\n%.500s", command, err, out)
	}
	return root
}

func TestDemo(t *testing.T) {
	dir := t.TempDir()
	p := startDemo(t, dir)
	commands := curls(p)
	if len(commands) != 3 {
		t.Fatalf("%d curl commands, want 3:\n%s", len(commands), strings.Join(p.Output(), "\n"))
	}
	t.Run("people and devices", func(t *testing.T) {
		for _, query := range []string{"Patient?_id=demo-ada,demo-ben", "Device?patient=demo-ada,demo-ben"} {
			if got := count(t, p.Base, query); got != "2" {
				t.Errorf("%s: %s, want 2", query, got)
			}
		}
	})
	t.Run("newest heart rates", func(t *testing.T) { newestHeartRates(t, commands[0]) })
	t.Run("high blood pressures", func(t *testing.T) { highBloodPressures(t, commands[1]) })
	t.Run("a payload", func(t *testing.T) {
		report := shell(t, commands[2])
		if got := report.Path("counts", "written").Text(); got != "1" {
			t.Errorf("written %s the first time", got)
		}
		again := shell(t, commands[2])
		if written, unchanged := again.Path("counts", "written").Text(), again.Path("counts", "unchanged").Text(); written != "0" || unchanged != "1" {
			t.Errorf("the second time written %s, unchanged %s", written, unchanged)
		}
		found := ask(t, 200, "GET", p.Base+"/Observation?patient=demo-ada&code=29463-7&date=2015-05-31", "")
		if got := found.Get("entry").Index(0).Path("resource", "valueQuantity", "value").Text(); got != "74.126" {
			t.Errorf("weight %q", got)
		}
	})
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Stderr.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// newestHeartRates asks until the answer has moved on.
func newestHeartRates(t *testing.T, command string) {
	newest := ""
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		bundle := shell(t, command)
		last := ""
		if got := bundle.Get("entry").Len(); got != 5 {
			t.Fatalf("%d entries, want 5", got)
		}
		for entry := range bundle.Get("entry").Children() {
			r := entry.Get("resource")
			at := r.Get("effectiveDateTime").Text()
			if last != "" && at > last {
				t.Errorf("%s behind %s", at, last)
			}
			last = at
			if r.Path("subject", "reference").Text() != "Patient/demo-ada" || !hasCode(r, "8867-4") || r.Path("valueQuantity", "code").Text() != "/min" {
				t.Errorf("not a heart rate of Ada: %s", r.Raw())
			}
		}
		first := bundle.Get("entry").Index(0).Path("resource", "effectiveDateTime").Text()
		if newest != "" && first > newest {
			return
		}
		newest = first
		if time.Now().After(deadline) {
			t.Fatalf("the stream does not grow: still %s", newest)
		}
	}
}

func hasCode(element fhir.Node, code string) bool {
	for coding := range element.Path("code", "coding").Children() {
		if coding.Get("code").TextIs(code) {
			return true
		}
	}
	return false
}

func highBloodPressures(t *testing.T, command string) {
	entries := shell(t, command).Get("entry")
	if entries.Len() == 0 {
		t.Error("none")
	}
	for entry := range entries.Children() {
		high := false
		for component := range entry.Path("resource", "component").Children() {
			value, err := fhir.ParseDecimal(component.Path("valueQuantity", "value").Text())
			high = high || err == nil && hasCode(component, "8480-6") && value.Cmp(fhir.NewDecimal(120, 0)) > 0
		}
		if !high {
			t.Errorf("not above 120: %s", entry.Get("resource").Raw())
		}
	}
}

func TestDemoStopsByItself(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := t.TempDir()
	for range 2 {
		p := launch(t, "demo", "--for", "1ms", "--data", data, "--listen", taken.Addr().String(), "--mllp", taken.Addr().String())
		if code := p.Wait(); code != 0 {
			t.Fatalf("exit code %d\n%s", code, p.Stderr.String())
		}
		if base := p.Line(t, "FHIR "); strings.Contains(base, taken.Addr().String()) {
			t.Errorf("took the port of somebody else: %s", base)
		}
	}
	p := serve(t, data)
	if got := count(t, p.Base, "Patient?_id=demo-ada,demo-ben"); got != "2" {
		t.Errorf("%s patients kept in --data, want 2", got)
	}
}

func TestDemoRefusesOtherAddresses(t *testing.T) {
	_, stderr, code := run(t, "", "demo", "--listen", "0.0.0.0:8080")
	if code != 2 || !strings.Contains(stderr, "is not a loopback address") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}
