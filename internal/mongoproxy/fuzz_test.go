package mongoproxy

import (
	"bytes"
	"testing"
)

// FuzzMessage reads what is no message: no panic, and no command of which nothing is known.
func FuzzMessage(f *testing.F) {
	header := "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00" // behind the first byte of the length
	body := "\x00\x13\x00\x00\x00\x02find\x00\x02\x00\x00\x00a\x00\x00"
	f.Add([]byte("\x28" + header + "\x00\x00\x00\x00" + body))
	f.Add([]byte("\x2c" + header + "\x01\x00\x00\x00" + body + "\x01\x02\x03\x04"))
	f.Add([]byte("\x35" + header + "\x00\x00\x00\x00\x01\x0c\x00\x00\x00d\x00\x05\x00\x00\x00\x00" + body))
	f.Add([]byte("\x14" + header + "\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := readMessage(bytes.NewReader(data))
		if err != nil {
			return
		}
		c, ok, err := m.command()
		if ok && (err != nil || c.Connection != 0) || !ok && c != (Command{}) {
			t.Errorf("%+v, %t, %v", c, ok, err)
		}
	})
}
