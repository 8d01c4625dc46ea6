package hl7v2

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// readAll returns the messages of a stream and the error that ended it.
func readAll(in io.Reader, limit int) ([]string, error) {
	frames := NewReader(in, limit)
	var messages []string
	for {
		message, err := frames.Next()
		if err != nil {
			return messages, err
		}
		messages = append(messages, string(message))
	}
}

func TestReader(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	tests := []struct {
		name, in string
		limit    int
		want     []string
		end      string
	}{
		{name: "nothing", in: "", end: "EOF"},
		{name: "one", in: "\x0bMSH|\r\x1c\r", want: []string{"MSH|\r"}, end: "EOF"},
		{name: "two, line ends between", in: "\r\n\x0ba\x1c\r\r\n\n\x0bb\x1c\r\n", want: []string{"a", "b"}, end: "EOF"},
		{name: "empty message", in: "\x0b\x1c\r", want: []string{""}, end: "EOF"},
		{name: "longer than a buffer", in: "\x0b" + long + "\x1c\r", want: []string{long}, end: "EOF"},
		{name: "at the limit", in: "\x0babc\x1c\r", limit: 3, want: []string{"abc"}, end: "EOF"},
		{name: "over the limit", in: "\x0babcd\x1c\r", limit: 3, end: "hl7v2: MLLP frame is over the size limit"},
		{name: "over the limit without an end", in: "\x0b" + long, limit: 5000, end: "hl7v2: MLLP frame is over the size limit"},
		{name: "no start block", in: "MSH|\r", end: "hl7v2: MLLP: byte 0x4D stands between frames"},
		{name: "bytes behind a frame", in: "\x0ba\x1c\rz", want: []string{"a"}, end: "hl7v2: MLLP: byte 0x7A stands between frames"},
		{name: "no carriage return", in: "\x0ba\x1cb", end: "hl7v2: MLLP: byte 0x62 follows an end block instead of CR"},
		{name: "frame in a frame", in: "\x0ba\x0bb\x1c\r", end: "hl7v2: MLLP: byte 0x0B begins a frame inside another"},
		{name: "cut in the message", in: "\x0ba", end: "unexpected EOF"},
		{name: "cut before the carriage return", in: "\x0ba\x1c", end: "unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
				got, err := readAll(in, tt.limit)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("messages (-want +got):\n%s", diff)
				}
				if err.Error() != tt.end {
					t.Errorf("error %q, want %q", err, tt.end)
				}
			}
		})
	}
}

func TestWriteFrame(t *testing.T) {
	var out bytes.Buffer
	if err := WriteFrame(&out, []byte("MSH|\r")); err != nil || out.String() != "\x0bMSH|\r\x1c\r" {
		t.Errorf("WriteFrame wrote %q, %v", out.String(), err)
	}
	for _, message := range []string{"a\x0b", "a\x1cb"} {
		var bad *FrameError
		if err := WriteFrame(io.Discard, []byte(message)); !errors.As(err, &bad) {
			t.Errorf("WriteFrame(%q) = %v, want a *FrameError", message, err)
		}
	}
}

func FuzzMLLP(f *testing.F) {
	f.Add([]byte("\x0bMSH|\r\x1c\r\n\x0bb\x1c\r"))
	f.Add([]byte("\x0ba\x1cb"))
	f.Add([]byte("\r\r\x0b\x0b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1000
		messages, end := readAll(bytes.NewReader(data), limit)
		again, endAgain := readAll(iotest.OneByteReader(bytes.NewReader(data)), limit)
		if diff := cmp.Diff(messages, again); diff != "" {
			t.Errorf("messages depend on how the bytes arrive (-whole +one by one):\n%s", diff)
		}
		if errors.Is(end, io.EOF) != errors.Is(endAgain, io.EOF) {
			t.Errorf("stream ends with %v at once, %v byte by byte", end, endAgain)
		}
		var framed bytes.Buffer
		for _, message := range messages {
			if len(message) > limit {
				t.Errorf("message of %d bytes is over the limit", len(message))
			}
			if err := WriteFrame(&framed, []byte(message)); err != nil {
				t.Fatal(err)
			}
		}
		if back, err := readAll(&framed, limit); !errors.Is(err, io.EOF) || !cmp.Equal(messages, back) {
			t.Errorf("frames written read as %q, %v; want %q", back, err, messages)
		}
	})
}
