package importer

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Local is a transport that hands requests to a handler in this process instead of a network.
type Local struct{ Handler http.Handler }

// RoundTrip runs the handler to its end. It fails only when the request body cannot be closed or the context has ended.
func (l Local) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	r := request.Clone(request.Context())
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "127.0.0.1:0"
	r.Host = r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &memoryWriter{header: http.Header{}}
	l.Handler.ServeHTTP(w, r)
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: request,
	}, nil
}

// memoryWriter keeps a response.
type memoryWriter struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *memoryWriter) Header() http.Header { return w.header }

func (w *memoryWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *memoryWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// Flush is there for handlers that stream.
func (w *memoryWriter) Flush() {}
