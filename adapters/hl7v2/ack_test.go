package hl7v2

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var fixedNow = time.Date(2026, 2, 3, 4, 5, 6, 7e6, time.FixedZone("", 3600))

func TestAck(t *testing.T) {
	tests := []struct {
		name string
		in   string // parsed; when that fails, what Header saves
		code AckCode
		text string
		want string
	}{
		{
			name: "accept",
			in:   "MSH|^~\\&|MON^1.2^ISO|WARD|FIRTH|HOSP|20260203||ORU^R01^ORU_R01|M\\T\\1|T|2.5.1\r",
			code: AckAccept,
			want: "MSH|^~\\&|FIRTH|HOSP|MON^1.2^ISO|WARD|20260203040506.007+0100||ACK^R01^ACK|A1|T|2.5.1\rMSA|AA|M\\T\\1\r",
		},
		{
			name: "error with a reason that needs escapes",
			in:   "MSH|^~\\&|MON|WARD|FIRTH|HOSP|||ORU^R01|1|P|2.6||||||UNICODE UTF-8\r",
			code: AckError,
			text: "OBX-5: 1|2 & ü\nmore",
			want: "MSH|^~\\&|FIRTH|HOSP|MON|WARD|20260203040506.007+0100||ACK^R01^ACK|A1|P|2.6||||||UNICODE UTF-8\r" +
				"MSA|AE|1|OBX-5: 1\\F\\2 \\T\\ ü\\.br\\more\r" +
				"ERR|||207^Application internal error^HL70357|E||||OBX-5: 1\\F\\2 \\T\\ ü\\.br\\more\r",
		},
		{
			name: "other delimiters and ISO 8859-1",
			in:   "MSH#:~!*#GER\xC4T####20260203##ORU:R01#L-1#P#2.4######8859/1\r",
			code: AckReject,
			text: "ü: €",
			want: "MSH#:~!*###GER\xC4T##20260203040506.007+0100##ACK:R01:ACK#A1#P#2.4######8859/1\r" +
				"MSA#AR#L-1#\xFC!S! ?\r" +
				"ERR###207:Application internal error:HL70357#E####\xFC!S! ?\r",
		},
		{
			name: "malformed after the header",
			in:   header + "garbage",
			code: AckError,
			text: "no",
			want: "MSH|^~\\&|||||20260203040506.007+0100||ACK^R01^ACK|A1|P|2.6\rMSA|AE|1|no\rERR|||207^Application internal error^HL70357|E||||no\r",
		},
		{
			name: "no header at all",
			in:   "garbage",
			code: AckError,
			text: "message does not begin with MSH",
			want: "MSH|^~\\&|||||20260203040506.007+0100||ACK^^ACK|A1|P|2.6\rMSA|AE||message does not begin with MSH\r" +
				"ERR|||207^Application internal error^HL70357|E||||message does not begin with MSH\r",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse([]byte(tt.in))
			if err != nil {
				m = Header([]byte(tt.in))
			}
			if diff := cmp.Diff(tt.want, string(Ack(m, tt.code, tt.text, fixedNow, "A1"))); diff != "" {
				t.Errorf("Ack (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAckCutsTheText(t *testing.T) {
	m := mustParse(t, Ack(nil, AckError, strings.Repeat("é", 300), fixedNow, "A1"))
	got, err := m.Get("ERR-8")
	if err != nil || got != strings.Repeat("é", 250) {
		t.Errorf("ERR-8 has %d bytes, %v; want 250 characters", len(got), err)
	}
}
