package e2e

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mllpSend sends one message in an MLLP frame (0x0B … 0x1C 0x0D) and returns the MSA segment of the answer.
func mllpSend(t *testing.T, conn net.Conn, message string) string {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("\x0b" + message + "\x1c\r")); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\x1c')
	if err != nil {
		t.Fatal(err)
	}
	for _, segment := range strings.Split(answer, "\r") {
		if strings.HasPrefix(segment, "MSA|") {
			return segment
		}
	}
	t.Fatalf("no MSA in %q", answer)
	return ""
}

func TestMLLP(t *testing.T) {
	dir := place(t)
	p := serve(t, dir, "--mllp", "127.0.0.1:0")
	conn, err := net.Dial("tcp", p.Line(t, "mllp "))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	samples, err := filepath.Glob("../../adapters/catalog/pcd01/samples/*.hl7")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	send := func() {
		for _, sample := range samples {
			message, err := os.ReadFile(sample)
			if err != nil {
				t.Fatal(err)
			}
			controlID := strings.Split(strings.SplitN(string(message), "\r", 2)[0], "|")[9]
			if got := mllpSend(t, conn, string(message)); got != "MSA|AA|"+controlID && !strings.HasPrefix(got, "MSA|AA|"+controlID+"|") {
				t.Errorf("%s: %s", filepath.Base(sample), got)
			}
		}
	}
	send()
	written := count(t, p.Base, "Observation")
	if written == "0" {
		t.Error("acknowledged, and nothing stored")
	}
	send()
	if again := count(t, p.Base, "Observation"); again != written {
		t.Errorf("%s Observations after sending all again, %s before", again, written)
	}
	for _, c := range []struct{ name, message, verdict string }{
		{"garbage", "once upon a time", "MSA|AE||"},
		{"broken segment", "MSH|^~\\&|A|B|C|D|20260101||ORU^R01^ORU_R01|7|P|2.6\rOBX|1|NM|x^\\Q\\|1|1\r", "MSA|AE|7|"},
		{"another message", "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|8|P|2.6\rPID|1||1\r", "MSA|AR|8|only ORU\\S\\R01 is taken here"},
	} {
		if got := mllpSend(t, conn, c.message); !strings.HasPrefix(got, c.verdict) || len(got) < len("MSA|AE||x") {
			t.Errorf("%s: %s, want %s and a reason", c.name, got, c.verdict)
		}
	}
	// What was acknowledged is durable.
	p.Kill(t)
	if after := count(t, serve(t, dir).Base, "Observation"); after != written {
		t.Errorf("%s Observations after kill -9, %s before", after, written)
	}
}
