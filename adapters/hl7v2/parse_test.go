package hl7v2

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// header is a minimal valid MSH; its control id is 1.
const header = "MSH|^~\\&|||||||ORU^R01|1\r"

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustParse(t *testing.T, data []byte) *Message {
	t.Helper()
	m, err := Parse(data)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return m
}

func TestGet(t *testing.T) {
	m := mustParse(t, readFile(t, "testdata/vitals.hl7"))
	tests := []struct{ path, want string }{
		{"MSH-1", "|"},
		{"MSH-2", `^~\&`},
		{"MSH-2.2", ""},
		{"MSH-9.2", "R01"},
		{"MSH-10", "M-0001"},
		{"MSH-99", ""},
		{"PID-3", "4711"},
		{"PID-3[2]", "A-99"},
		{"PID-3[2].4", ""},
		{"PID-3[2].4.2", "1.2.3.4"},
		{"PID-3[2].4.3", "ISO"},
		{"PID-3[3]", ""},
		{"PID-5.1", "Berg"},
		{"PID-5.1.2", "van den"},
		{"PID-5.2", "Åsa"},
		{"PID-5.3", Null},
		{"PID-11", "Main St 1\n2nd floor"},
		{"OBX-5", "72"},
		{"OBX[2]-5", Null},
		{"OBX[3]-5", ""},
		{"NTE[2]-3", "about the order: 37^C & rising"},
		{"NTE[4]-3", `C:\x Aé bold done`},
		{"NK1[2]-2.2", "Maja"},
		{"ZZZ-1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			got, err := m.Get(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("Get(%s) = %q, want %q", tt.path, got, tt.want)
			}
		})
	}
	for _, bad := range []string{"", "OBX", "OBX-", "OBX-0", "OBX-a", "obx-1", "OBXX-1", "OBX[0]-1", "OBX[1-1", "OBX-1[x]", "OBX-1.2.3.4", "OBX-1.", "OBX-+1", "OBX-1.2[3]"} {
		if got, err := m.Get(bad); err == nil {
			t.Errorf("Get(%q) = %q, want an error", bad, got)
		}
	}
}

func TestIteration(t *testing.T) {
	m := mustParse(t, []byte(header+"OBX|1||a^b&c~d|\"\"||"))
	s := m.Segments[1]
	var got []string
	for _, r := range s.Field(3).Reps() {
		for _, c := range r.Comps() {
			for _, sub := range c.Subs() {
				got = append(got, sub)
			}
			got = append(got, ".")
		}
		got = append(got, "~")
	}
	if diff := cmp.Diff([]string{"a", ".", "b", "c", ".", "~", "d", ".", "~"}, got); diff != "" {
		t.Errorf("iteration (-want +got):\n%s", diff)
	}
	if s.Len() != 6 || !s.Field(4).IsNull() || !s.Field(2).IsEmpty() || !s.Field(7).IsEmpty() || s.Field(3).Text() != "a" {
		t.Errorf("Len %d, field 4 %q, field 2 %q, field 3 %q", s.Len(), s.Field(4).Text(), s.Field(2).Text(), s.Field(3).Text())
	}
	for range (Field{}).Reps() {
		t.Error("the zero Field has a repetition")
	}
}

func TestParseAccepts(t *testing.T) {
	tests := []struct{ name, in, path, want string }{
		{"LF", "MSH|^~\\&|||||||ORU^R01|1\nPID|1\n", "PID-1", "1"},
		{"CRLF", "MSH|^~\\&|||||||ORU^R01|1\r\nPID|1\r\n", "PID-1", "1"},
		{"no end of line at the end", header + "PID|1", "PID-1", "1"},
		{"blank lines", header + "\r\rPID|1\r\r", "PID-1", "1"},
		{"other delimiters", "MSH$%*!;$$$$$$$ORU%R01$1\rPID$a!F!b*c%d;e", "PID-1", "a$b"},
		{"no escape character", "MSH|^~|||||||ORU^R01|1\rPID|a\\F\\b", "PID-1", `a\F\b`},
		{"truncation character", "MSH|^~\\&#|||||||ORU^R01|1\rPID|a\\P\\b", "PID-1", "a#b"},
		{"UTF-8 without MSH-18", header + "PID|Å", "PID-1", "Å"},
		{"UTF-8", "MSH|^~\\&|||||||ORU^R01|1||||||||UNICODE UTF-8\rPID|Å\\XC385\\", "PID-1", "ÅÅ"},
		{"UTF-8 over two hexadecimal escapes", "MSH|^~\\&|||||||ORU^R01|1||||||||utf-8\rPID|\\XC3\\\\X85\\", "PID-1", "Å"},
		{"ISO 8859-1", "MSH|^~\\&|||||||ORU^R01|1||||||||8859/1\rPID|\xC5\\XC5\\", "PID-1", "ÅÅ"},
		{"ISO 8859-1 by another name", "MSH|^~\\&|||||||ORU^R01|1||||||||ISO-8859-1\rPID|\xC5", "PID-1", "Å"},
		{"ASCII, and a second character set never used", "MSH|^~\\&|||||||ORU^R01|1||||||||ASCII~ISO IR87\rPID|A", "PID-1", "A"},
		{"formatting", header + `PID|a\.sp+2\b\.sk3\c\.in+4\d\.ce\e\.fi\`, "PID-1", "a\n\nb   cd\ne"},
		{"text that looks like the null", header + `PID|\X22\"`, "PID-1", `""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mustParse(t, []byte(tt.in)).Get(tt.path)
			if err != nil || got != tt.want {
				t.Errorf("%s = %q, %v; want %q", tt.path, got, err, tt.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	latin := "MSH|^~\\&|||||||ORU^R01|1||||||||"
	tests := []struct {
		name, in string
		limits   Limits
		want     string
	}{
		{name: "empty", in: "", want: "hl7v2: message does not begin with MSH"},
		{name: "garbage", in: "hello", want: "hl7v2: message does not begin with MSH"},
		{name: "frame bytes", in: "\x0b" + header, want: "hl7v2: message does not begin with MSH"},
		{name: "batch", in: "FHS|^~\\&\r" + header, want: "hl7v2: segment 1, FHS: batches are not supported; send one message at a time"},
		{name: "header too short", in: "MSH", want: "hl7v2: segment 1, MSH: the header ends before MSH-1, the field separator"},
		{name: "no encoding characters", in: "MSH|\r", want: "hl7v2: segment 1, MSH: MSH-2 has 0 encoding characters, not 2 to 5"},
		{name: "too many encoding characters", in: "MSH|^~\\&#%|", want: "hl7v2: segment 1, MSH: MSH-2 has 6 encoding characters, not 2 to 5"},
		{name: "same delimiter twice", in: "MSH|^^\\&|", want: "hl7v2: segment 1, MSH: '^' is given for two delimiters"},
		{name: "letter as delimiter", in: "MSHA^~\\&A", want: "hl7v2: segment 1, MSH: byte 0x41 in MSH-1 or MSH-2 cannot be a delimiter"},
		{name: "no message type", in: "MSH|^~\\&|||||||^R01|1", want: "hl7v2: segment 1, MSH-9: message type is missing"},
		{name: "no control id", in: "MSH|^~\\&|||||||ORU^R01", want: "hl7v2: segment 1, MSH-10: message control id is missing"},
		{name: "lower-case segment", in: header + "pid|1", want: "hl7v2: segment 2: line does not begin with a segment name and the field separator"},
		{name: "line break inside a field", in: header + "NTE|1||one\ntwo", want: "hl7v2: segment 3: line does not begin with a segment name and the field separator"},
		{name: "long segment name", in: header + "OBXX|1", want: "hl7v2: segment 2: line does not begin with a segment name and the field separator"},
		{name: "second message", in: header + "PID|1\r" + header, want: "hl7v2: segment 3, MSH: a second message begins; send one message at a time"},
		{name: "open escape", in: header + "OBX|1||x~a^b&c\\F", want: "hl7v2: segment 2, OBX-3[2].2.2: escape sequence is not closed"},
		{name: "escape across components", in: header + "OBX|a\\F^F\\", want: "hl7v2: segment 2, OBX-1.1.1: escape sequence is not closed"},
		{name: "empty escape", in: header + "OBX|\\\\", want: "hl7v2: segment 2, OBX-1.1.1: escape sequence is empty"},
		{name: "unknown escape", in: header + "OBX|\\Q\\", want: "hl7v2: segment 2, OBX-1.1.1: escape sequence is not known"},
		{name: "local escape", in: header + "OBX|\\Z01\\", want: "hl7v2: segment 2, OBX-1.1.1: escape sequence of kind Z is not supported"},
		{name: "character set escape", in: header + "OBX|\\C2842\\", want: "hl7v2: segment 2, OBX-1.1.1: escape sequence of kind C is not supported"},
		{name: "odd hexadecimal escape", in: header + "OBX|\\X123\\", want: "hl7v2: segment 2, OBX-1.1.1: hexadecimal escape sequence does not hold pairs of hexadecimal digits"},
		{name: "hexadecimal escape that is not UTF-8", in: header + "OBX|\\XFF\\", want: "hl7v2: segment 2, OBX-1.1.1: the bytes of a hexadecimal escape sequence are not UTF-8"},
		{name: "hexadecimal escape that is not ASCII", in: latin + "ASCII\rOBX|\\XC385\\", want: "hl7v2: segment 2, OBX-1.1.1: hexadecimal escape sequence holds a byte that is not ASCII"},
		{name: "unknown formatting", in: header + "OBX|\\.zz\\", want: "hl7v2: segment 2, OBX-1.1.1: formatting escape sequence is not known"},
		{name: "space without limit", in: header + "OBX|\\.sp999\\", want: "hl7v2: segment 2, OBX-1.1.1: formatting escape sequence needs a number from 0 to 20"},
		{name: "unknown character set", in: latin + "8859/15\r", want: `hl7v2: segment 1, MSH-18: character set "8859/15" is not supported; use ASCII, 8859/1 or UNICODE UTF-8`},
		{name: "not ASCII", in: latin + "ASCII\rOBX|1||a^\xC3\x85", want: "hl7v2: segment 2, OBX-3: byte 0xC3 is not ASCII, which MSH-18 names"},
		{name: "not UTF-8", in: latin + "UNICODE UTF-8\r\nPID|1\r\nOBX|\xC5|", want: "hl7v2: segment 3, OBX-1: byte 0xC5 is not UTF-8, which MSH-18 names"},
		{name: "no character set and not UTF-8", in: "MSH|^~\\&|\xC5||||||ORU^R01|1\r", want: "hl7v2: segment 1, MSH-3: byte 0xC5 is neither ASCII nor UTF-8, and MSH-18 names no character set"},
		{name: "too long", in: header, limits: Limits{MaxBytes: 10}, want: "hl7v2: message has 25 bytes, the limit is 10"},
		{name: "too many segments", in: header + "PID\rPV1\r", limits: Limits{MaxSegments: 2}, want: "hl7v2: message has more than 2 segments"},
		{name: "too many fields", in: header + "PID" + strings.Repeat("|", 513), want: "hl7v2: segment 2, PID: segment has more than 512 fields"},
		{name: "two visits", in: header + "PID\rPV1|1\rPV1|2", want: "hl7v2: segment 4, PV1: segment comes twice for one patient"},
		{name: "visit before the patients", in: header + "PV1|1\rPID|1\rPID|2", want: "hl7v2: segment 2, PV1: segment comes before the PID that it belongs to"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.limits.Parse([]byte(tt.in))
			var position *Error
			if !errors.As(err, &position) {
				t.Fatalf("error %v is no *Error", err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRoundTripER7(t *testing.T) {
	for _, name := range []string{"vitals", "waveform", "two-patients", "specimen", "oul", "latin1"} {
		t.Run(name, func(t *testing.T) {
			m := mustParse(t, readFile(t, "testdata/"+name+".hl7"))
			again := mustParse(t, m.AppendER7(nil))
			if diff := cmp.Diff(string(m.AppendJSON(nil)), string(again.AppendJSON(nil))); diff != "" {
				t.Errorf("tree after encoding (-want +got):\n%s", diff)
			}
		})
	}
	const in = "MSH|^~\\&|||||||ORU^R01|1||||||||8859/1\rPID|\"\"|\\X22\\\"|a\\F\\b\\.br\\\\XC5\\\\X0D\\\\X0B\\|\rPV1\r"
	const want = "MSH|^~\\&|||||||ORU^R01|1||||||||8859/1\rPID|\"\"|\\X22\\\"|a\\F\\b\\.br\\\xC5\\X0D\\\\X0B\\|\rPV1\r"
	if diff := cmp.Diff(want, string(mustParse(t, []byte(in)).AppendER7(nil))); diff != "" {
		t.Errorf("canonical text (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"vitals", "waveform", "two-patients", "specimen", "oul", "latin1"} {
		data, err := os.ReadFile("testdata/" + name + ".hl7")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(header + `PID|\X22\"|\X00\` + "\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			if m := Header(data); m != nil {
				Ack(m, AckError, err.Error(), fixedNow, "A1")
			}
			return
		}
		tree := string(m.AppendJSON(nil))
		checkJSON(t, tree)
		again, err := Parse(m.AppendER7(nil))
		if err != nil {
			t.Fatalf("encoded message does not parse: %v", err)
		}
		if diff := cmp.Diff(tree, string(again.AppendJSON(nil))); diff != "" {
			t.Errorf("tree after encoding (-want +got):\n%s", diff)
		}
		ack := mustParse(t, Ack(m, AckError, "reason", fixedNow, "A1"))
		if got := ack.At(Path{Segment: "MSA", Occurrence: 1, Field: 2, Repetition: 1, Component: 1, Subpart: 1}); got != m.ControlID() {
			t.Errorf("MSA-2 = %q, want %q", got, m.ControlID())
		}
		if _, err := m.Patients(); err != nil {
			t.Errorf("Patients: %v", err)
		}
	})
}

// checkJSON asks for one JSON value without duplicate names.
func checkJSON(t *testing.T, text string) {
	t.Helper()
	if !jsontext.Value(text).IsValid() {
		t.Fatalf("not strict JSON: %s", text)
	}
}
