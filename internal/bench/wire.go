package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"
)

// wire is one keep-alive connection that speaks just enough HTTP/1.1 to read answers. The generator shares the cores with the server it measures, and net/http's
// client would take as much of them as the server.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
	keep bool   // whether bodies are wanted
	body []byte // of the last answer, with keep or when it was a failure

	until time.Time // deadline of the connection
}

// patience is the longest time for one answer; a server that needs longer is broken. An answer has at least half of it.
const patience = 60 * time.Second

var errAnswer = errors.New("not an HTTP/1.1 answer with Content-Length or chunks")

func dial(ctx context.Context, address string) (*wire, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return wireOf(conn), nil
}

func wireOf(conn net.Conn) *wire { return &wire{conn: conn, r: bufio.NewReaderSize(conn, 32<<10)} }

func (w *wire) close() error { return w.conn.Close() }

// exchange sends a request and reads the answer to its end.
func (w *wire) exchange(request []byte) (status int, err error) {
	if now := time.Now(); w.until.Sub(now) < patience/2 { // setting it costs as much as a tenth of an exchange
		w.until = now.Add(patience)
		if err := w.conn.SetDeadline(w.until); err != nil {
			return 0, err
		}
	}
	if _, err := w.conn.Write(request); err != nil {
		return 0, err
	}
	line, err := w.r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, errAnswer
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, errAnswer
	}
	length, err := w.headers()
	if err != nil {
		return 0, err
	}
	w.body = w.body[:0]
	keep := w.keep || status >= 400
	switch {
	case length >= 0:
		err = w.take(length, keep)
	case length == chunked:
		err = w.chunks(keep)
	case status != 204 && status != 304:
		err = errAnswer
	}
	return status, err
}

const (
	chunked = -1
	unknown = -2
)

// headers reads to the empty line and returns the length of the body.
func (w *wire) headers() (length int, err error) {
	length = unknown
	for {
		line, err := w.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || length < 0 {
				return 0, errAnswer
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			length = chunked
		}
	}
}

func (w *wire) take(n int, keep bool) error {
	if !keep {
		_, err := w.r.Discard(n)
		return err
	}
	start := len(w.body)
	w.body = append(w.body, make([]byte, n)...)
	_, err := io.ReadFull(w.r, w.body[start:])
	return err
}

func (w *wire) chunks(keep bool) error {
	for {
		line, err := w.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return errAnswer
		}
		if err := w.take(int(size), keep); err != nil {
			return err
		}
		if _, err := w.r.Discard(2); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}

// appendRequest appends an HTTP/1.1 request; contentType is empty for none.
func appendRequest(dst []byte, method, host, target, contentType string, body []byte) []byte {
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	if contentType != "" {
		dst = append(dst, "\r\nContent-Type: "...)
		dst = append(dst, contentType...)
		dst = append(dst, "\r\nContent-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(body)), 10)
	}
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...)
}

// withHeader puts a header, a whole line, behind the first line of the request that begins at from.
func withHeader(request []byte, from int, header string) []byte {
	if header == "" {
		return request
	}
	at := from + bytes.Index(request[from:], []byte("\r\n")) + 2
	return slices.Insert(request, at, []byte(header)...)
}

// fetch returns the body of a GET that must answer 200. The header is a whole line, or empty.
func fetch(ctx context.Context, address, target, header string) ([]byte, error) {
	w, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	w.keep = true
	status, err := w.exchange(withHeader(appendRequest(nil, "GET", address, target, "", nil), 0, header))
	if err == nil && status != 200 {
		err = fmt.Errorf("GET %s answered %d: %.300s", target, status, w.body)
	}
	return w.body, errors.Join(err, w.close())
}
