package hl7v2

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestTreeGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hl7")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test messages: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".hl7")
		t.Run(name, func(t *testing.T) {
			m := mustParse(t, readFile(t, file))
			golden(t, filepath.Join("testdata", name+".json"), m)
		})
	}
}

// golden compares the indented tree of a message with a file.
func golden(t *testing.T, file string, m *Message) {
	t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, m.AppendJSON(nil), "", " "); err != nil {
		t.Fatalf("AppendJSON wrote malformed JSON: %v", err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readFile(t, file)), got.String()); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

func TestTreeShapes(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"empty fields are left out", "PID|||7||", `"PID":{"3":[["7"]]}`},
		{"segment without fields", "PID", `"PID":{}`},
		{"empty components and repetitions stay", "PID|^a^~~b", `"PID":{"1":[["","a",""],[""],["b"]]}`},
		{"null", `PID|""|""^x`, `"PID":{"1":[[null]],"2":[[null,"x"]]}`},
		{"subcomponents", "PID|a&b^^c~d", `"PID":{"1":[["a","","c"],["d"]],"1&":[[["a","b"],[""],["c"]],[["d"]]]}`},
		{"null in subcomponents", `PID|""&b`, `"PID":{"1":[[null]],"1&":[[[null,"b"]]]}`},
		{"characters that JSON escapes", "PID|a\"b\tc\\E\\d\\.br\\e\x01", `"PID":{"1":[["a\"b\u0009c\\d\ne\u0001"]]}`},
		{"observation without order", "OBX|1\rNTE|1", `"orders":[{"observations":[{"OBX":{"1":[["1"]]},"notes":[{"1":[["1"]]}]}]}]`},
		{"orders without ORC", "OBR|1\rOBR|2", `"orders":[{"OBR":{"1":[["1"]]}},{"OBR":{"1":[["2"]]}}]`},
		{"ORC begins an order", "ORC|1\rOBR|1\rORC|2\rOBR|2", `"orders":[{"ORC":{"1":[["1"]]},"OBR":{"1":[["1"]]}},{"ORC":{"1":[["2"]]},"OBR":{"1":[["2"]]}}]`},
		{"timing belongs to the order", "OBR|1\rOBX|1\rTQ1|1", `"orders":[{"OBR":{"1":[["1"]]},"TQ1":[{"1":[["1"]]}],"observations":[{"OBX":{"1":[["1"]]}}]}]`},
		{"specimen before any order", "SPM|1\rOBX|1\rOBR|2", `"specimens":[{"SPM":{"1":[["1"]]},"observations":[{"OBX":{"1":[["1"]]}}]}],"orders":[{"OBR":{"1":[["2"]]}}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := mustParse(t, []byte(header+tt.in))
			_, got, found := strings.Cut(string(m.AppendJSON(nil)), `"10":[["1"]]},`)
			if !found {
				t.Fatalf("no header in %s", m.AppendJSON(nil))
			}
			if diff := cmp.Diff(tt.want+"}", got); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPatients(t *testing.T) {
	m := mustParse(t, readFile(t, "testdata/two-patients.hl7"))
	split, err := m.Patients()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range split {
		got = append(got, string(one.AppendJSON(nil)))
	}
	const msh = `{"MSH":{"1":[["|"]],"2":[["^~\\&"]],"3":[["HUB"]],"4":[["HOME"]],"5":[["FIRTH"]],"6":[["CLINIC"]],"7":[["20260203"]],"9":[["ORU","R01"]],"10":[["T-1"]],"11":[["T"]],"12":[["2.5.1"]]},`
	want := []string{
		msh + `"PID":{"1":[["1"]],"3":[["P-1"]]},"SFT":[{"1":[["Acme"]],"2":[["1.0"]]}],"orders":[` +
			`{"ORC":{"1":[["RE"]],"2":[["A"]]},"OBR":{"1":[["1"]],"2":[["A"]],"4":[["BP"]]},"observations":[{"OBX":{"1":[["1"]],"2":[["NM"]],"3":[["SYS"]],"5":[["120"]]}}]},` +
			`{"ORC":{"1":[["RE"]],"2":[["B"]]},"OBR":{"1":[["2"]],"2":[["B"]],"4":[["HR"]]},"observations":[{"OBX":{"1":[["1"]],"2":[["NM"]],"3":[["PULSE"]],"5":[["60"]]}}]}]}`,
		msh + `"PID":{"1":[["2"]],"3":[["P-2"]]},"PV1":{"2":[["O"]]},"SFT":[{"1":[["Acme"]],"2":[["1.0"]]}],"DSC":[{"1":[["end"]]}],"orders":[` +
			`{"observations":[{"OBX":{"1":[["1"]],"2":[["NM"]],"3":[["PULSE"]],"5":[["90"]]}}]}]}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Patients (-want +got):\n%s", diff)
	}
	alone := mustParse(t, []byte(header))
	if split, err := alone.Patients(); err != nil || len(split) != 1 || split[0] != alone {
		t.Errorf("Patients of a message without PID = %v, %v; want the message itself", split, err)
	}
}

func BenchmarkTree(b *testing.B) {
	data, err := os.ReadFile("testdata/vitals.hl7")
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		m, err := Parse(data)
		if err != nil {
			b.Fatal(err)
		}
		out = m.AppendJSON(out[:0])
	}
}
