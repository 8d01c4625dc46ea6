package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firth-health/firth/fhir"
)

// streamBuffer is how much of a streamed Bundle is collected before it is written out.
const streamBuffer = 32 << 10

// respond writes the reply.
func (s *Server) respond(w gin.ResponseWriter, x *exchange, out *reply) {
	if x.wire == inXML && out.rendition == nil {
		s.writeXML(x, out)
	}
	h := w.Header()
	if x.interaction.level != operational && out.status != http.StatusNoContent {
		vary(h, "Accept")
	}
	if out.version != "" {
		h["Etag"] = []string{etag(out.version)}
	}
	if !out.lastModified.IsZero() {
		h["Last-Modified"] = []string{out.lastModified.UTC().Format(http.TimeFormat)}
	}
	if out.location != "" {
		h["Location"] = []string{out.location}
	}
	if out.contentLocation != "" {
		h["Content-Location"] = []string{out.contentLocation}
	}
	if out.progress != "" {
		h["X-Progress"] = []string{out.progress}
	}
	if !out.expires.IsZero() {
		h["Expires"] = []string{out.expires.UTC().Format(http.TimeFormat)}
	}
	if out.retryAfter {
		h["Retry-After"] = []string{"1"}
	}
	if out.allow != "" {
		h["Allow"] = []string{out.allow}
	}
	if out.challenge != "" {
		h["Www-Authenticate"] = []string{out.challenge}
	}
	if out.status == http.StatusRequestEntityTooLarge {
		h["Connection"] = []string{"close"} // the rest of the body stays unread
	}
	data := out.body
	if out.outcome != nil {
		data = out.outcome.AppendJSON(nil)
	}
	if out.status == http.StatusNoContent || out.status == http.StatusNotModified || data == nil && out.stream == nil && out.rendition == nil {
		if out.status != http.StatusNoContent && out.status != http.StatusNotModified {
			h["Content-Length"] = []string{"0"}
		}
		w.WriteHeader(out.status)
		w.WriteHeaderNow()
		return
	}
	if out.rendition != nil {
		s.written(out.rendition.write(w, out.status))
		return
	}
	h["Content-Type"] = []string{contentTypeFHIR}
	if out.contentType != "" {
		h["Content-Type"] = []string{out.contentType}
	}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	body := sink{w: w, status: out.status, compressors: &s.compressors}
	if isCompressible(h["Content-Type"][0]) {
		body.varies, body.encoding = true, x.encoding
	}
	if out.stream != nil && !x.pretty {
		s.stream(body, out)
		return
	}
	if out.isContent {
		out.guardContent(h)
	} else if x.pretty {
		data = indented(out, data)
	}
	body.last = true
	s.written(body.Write(data))
}

// vary adds a header of the request that the answer depends on, so that caches do not give it to who asks otherwise (RFC 9110 section 12.5.5).
func vary(h http.Header, name string) {
	if before := h["Vary"]; len(before) > 0 {
		name = before[0] + ", " + name
	}
	h["Vary"] = []string{name}
}

// stream writes through a pooled buffer. What fits into it goes out at once and with its length.
func (s *Server) stream(body sink, out *reply) {
	buffer, ok := s.buffers.Get().(*bufio.Writer)
	if !ok {
		buffer = bufio.NewWriterSize(nil, streamBuffer)
	}
	buffer.Reset(&body)
	err := out.stream(buffer)
	body.last = true
	s.written(0, errors.Join(err, buffer.Flush(), body.close()))
	buffer.Reset(nil)
	s.buffers.Put(buffer)
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
