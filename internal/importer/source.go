package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
)

// maxDocument is the largest line or JSON document read, in bytes.
const maxDocument = 512 << 20

// source is an opened file, decompressed.
type source struct {
	*bufio.Reader
	file *os.File
	gzip *gzip.Reader
}

// openSource opens a file; gzip is told by its first two bytes, not by the name.
func openSource(name string, counters *Counters) (*source, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, err
		}
	}
	counted := &countingReader{f, counters}
	s := &source{Reader: bufio.NewReaderSize(counted, 256<<10), file: f}
	magic, err := s.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, closing(f, err)
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		if s.gzip, err = gzip.NewReader(s.Reader); err != nil {
			return nil, closing(f, fmt.Errorf("gzip: %w", err))
		}
		s.Reader = bufio.NewReaderSize(s.gzip, 256<<10)
	}
	return s, nil
}

// closing closes a file that cannot be used for the reason err.
func closing(f *os.File, err error) error {
	if closeErr := f.Close(); closeErr != nil {
		return fmt.Errorf("%w (and closing it: %w)", err, closeErr)
	}
	return err
}

// Close closes the file.
func (s *source) Close() error { return s.file.Close() }

// line reads one line without its end, io.EOF behind the last. The bytes are the caller's.
func (s *source) line() ([]byte, error) {
	var line []byte
	for {
		part, err := s.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) <= maxDocument:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("a line of more than %d bytes", maxDocument)
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			return bytes.TrimSpace(line), nil
		}
		return nil, err
	}
}

// rest reads everything behind what was read already.
func (s *source) rest(start []byte) ([]byte, error) {
	buf := bytes.NewBuffer(start)
	n, err := io.Copy(buf, io.LimitReader(s.Reader, maxDocument+1))
	if err == nil && n > maxDocument {
		err = fmt.Errorf("a document of more than %d bytes", maxDocument)
	}
	return buf.Bytes(), err
}

type countingReader struct {
	io.Reader
	counters *Counters
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.counters.read.Add(int64(n))
	return n, err
}
