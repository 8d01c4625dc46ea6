package server

import (
	"bytes"
	"io"
	"strconv"

	"github.com/gin-gonic/gin"
)

// sink sends the status and the headers that depend on the size of a body before its first bytes. A body that comes in one piece has its length; a
// larger one is sent as it comes.
type sink struct {
	w           gin.ResponseWriter
	status      int
	encoding    encoding // that may be used
	varies      bool     // a large body depends on Accept-Encoding
	compressors *compressors

	last  bool // the next Write is the last one
	begun bool
	z     compressor // of a body in pieces
}

// Write implements [io.Writer].
func (b *sink) Write(p []byte) (int, error) {
	if b.begun {
		if b.z != nil {
			return b.z.Write(p)
		}
		return b.w.Write(p)
	}
	b.begun = true
	h := b.w.Header()
	isLarge := len(p) >= compressFrom || !b.last
	if isLarge && b.varies {
		vary(h, "Accept-Encoding")
	}
	switch {
	case b.encoding == identity || !isLarge:
		if b.last {
			h["Content-Length"] = []string{strconv.Itoa(len(p))}
		}
		b.w.WriteHeader(b.status)
		return b.w.Write(p)
	case b.last:
		return b.compressed(p)
	}
	h["Content-Encoding"] = []string{b.encoding.String()}
	b.w.WriteHeader(b.status)
	z, err := b.compressors.get(b.encoding, b.w)
	if err != nil {
		return 0, err
	}
	b.z = z
	return z.Write(p)
}

// compressed sends a body that is complete.
func (b *sink) compressed(p []byte) (int, error) {
	h := b.w.Header()
	var packed bytes.Buffer
	packed.Grow(len(p) / 3)
	if err := b.compressors.encode(b.encoding, &packed, p); err != nil {
		return 0, err
	}
	h["Content-Encoding"] = []string{b.encoding.String()}
	h["Content-Length"] = []string{strconv.Itoa(packed.Len())}
	b.w.WriteHeader(b.status)
	_, err := io.Copy(b.w, &packed)
	return len(p), err
}

// close ends a body in pieces.
func (b *sink) close() error {
	if b.z == nil {
		return nil
	}
	err := b.z.Close()
	b.compressors.put(b.encoding, b.z)
	b.z = nil
	return err
}
