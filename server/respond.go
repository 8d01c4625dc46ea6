package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firth-health/firth/fhir"
)

// streamBuffer is how much of a streamed Bundle is collected before it is written out.
const streamBuffer = 32 << 10

// respond writes the reply.
func (s *Server) respond(w gin.ResponseWriter, x *exchange, out *reply) {
	if x.wire == inXML {
		s.writeXML(x, out)
	}
	h := w.Header()
	if out.version != "" {
		h["Etag"] = []string{etag(out.version)}
	}
	if !out.lastModified.IsZero() {
		h["Last-Modified"] = []string{out.lastModified.UTC().Format(http.TimeFormat)}
	}
	if out.location != "" {
		h["Location"] = []string{out.location}
	}
	if out.retryAfter {
		h["Retry-After"] = []string{"1"}
	}
	if out.allow != "" {
		h["Allow"] = []string{out.allow}
	}
	if out.status == http.StatusRequestEntityTooLarge {
		h["Connection"] = []string{"close"} // the rest of the body stays unread
	}
	body := out.body
	if out.outcome != nil {
		body = out.outcome.AppendJSON(nil)
	}
	if out.status == http.StatusNoContent || out.status == http.StatusNotModified || body == nil && out.stream == nil {
		if out.status != http.StatusNoContent && out.status != http.StatusNotModified {
			h["Content-Length"] = []string{"0"}
		}
		w.WriteHeader(out.status)
		w.WriteHeaderNow()
		return
	}
	h["Content-Type"] = []string{contentTypeFHIR}
	if out.contentType != "" {
		h["Content-Type"] = []string{out.contentType}
	}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	if out.stream != nil && !x.pretty {
		s.stream(w, out)
		return
	}
	if x.pretty {
		body = indented(out, body)
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(out.status)
	s.written(w.Write(body))
}

// stream writes through a pooled buffer. What fits into it goes out at once and with its length.
func (s *Server) stream(w gin.ResponseWriter, out *reply) {
	buffer, ok := s.buffers.Get().(*bufio.Writer)
	if !ok {
		buffer = bufio.NewWriterSize(nil, streamBuffer)
	}
	body := &streamed{w: w, status: out.status}
	buffer.Reset(body)
	err := out.stream(buffer)
	if !body.begun {
		w.Header()["Content-Length"] = []string{strconv.Itoa(buffer.Buffered())}
	}
	s.written(0, errors.Join(err, buffer.Flush()))
	buffer.Reset(nil)
	s.buffers.Put(buffer)
}

// streamed sends the status before the first bytes of a body.
type streamed struct {
	w      gin.ResponseWriter
	status int
	begun  bool
}

func (b *streamed) Write(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		b.w.WriteHeader(b.status)
	}
	return b.w.Write(p)
}

// written notes that an answer could not be delivered; the client is gone, and nobody is left to tell.
func (s *Server) written(_ int, err error) {
	if err != nil {
		s.log.Debug("answer not delivered", "error", err)
	}
}

// indented lays the body out for people (_pretty). Numbers and strings keep their bytes.
func indented(out *reply, body []byte) []byte {
	if out.stream != nil {
		var whole bytes.Buffer
		buffer := bufio.NewWriter(&whole)
		if err := errors.Join(out.stream(buffer), buffer.Flush()); err != nil {
			return whole.Bytes() // memory takes everything
		}
		body = whole.Bytes()
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		return body // not JSON: the adapters' business
	}
	pretty.WriteByte('\n')
	return pretty.Bytes()
}

// appendInstant appends a quoted instant.
func appendInstant(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, fhir.InstantFormat)
	return append(dst, '"')
}
