package hl7v2

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The bytes of the minimal lower layer protocol, release 1: start block, message, end block, carriage return.
const (
	startBlock     = 0x0B
	endBlock       = 0x1C
	carriageReturn = 0x0D
)

// ErrFrameTooLarge is returned by Reader.Next for a frame over the limit; the stream cannot be read on.
var ErrFrameTooLarge = errors.New("hl7v2: MLLP frame is over the size limit")

// FrameError says that a stream is not MLLP; it cannot be read on.
type FrameError struct {
	Byte   byte // the byte that was found
	Reason string
}

func (e *FrameError) Error() string {
	return fmt.Sprintf("hl7v2: MLLP: byte 0x%02X %s", e.Byte, e.Reason)
}

// Reader takes messages out of an MLLP stream.
type Reader struct {
	in    *bufio.Reader
	limit int
}

// NewReader returns a Reader of frames of at most maxBytes of message; 0 stands for DefaultMaxBytes.
func NewReader(in io.Reader, maxBytes int) *Reader {
	return &Reader{in: bufio.NewReader(in), limit: orDefault(maxBytes, DefaultMaxBytes)}
}

// Next returns the next message, without its frame, in memory of its own. CR and LF between frames are skipped; any other byte there is a *FrameError,
// as are a start block inside a frame and an end block without its CR. It returns io.EOF when the stream ends between frames and
// io.ErrUnexpectedEOF when it ends inside one.
func (r *Reader) Next() ([]byte, error) {
	if err := r.skipToFrame(); err != nil {
		return nil, err
	}
	var message []byte
	for {
		piece, closed, err := r.available()
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(piece, startBlock) >= 0 {
			return nil, &FrameError{Byte: startBlock, Reason: "begins a frame inside another"}
		}
		if len(message)+len(piece) > r.limit {
			return nil, ErrFrameTooLarge
		}
		message = append(message, piece...)
		if _, err := r.in.Discard(len(piece)); err != nil {
			return nil, err
		}
		if closed {
			if err := r.closeFrame(); err != nil {
				return nil, err
			}
			return message, nil
		}
	}
}

// available returns what has arrived of the message, up to its end block if that has arrived too; it waits only when nothing has.
func (r *Reader) available() (piece []byte, closed bool, err error) {
	if _, err := r.in.Peek(1); errors.Is(err, io.EOF) {
		return nil, false, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, false, err
	}
	if piece, err = r.in.Peek(r.in.Buffered()); err != nil {
		return nil, false, err
	}
	if end := bytes.IndexByte(piece, endBlock); end >= 0 {
		return piece[:end], true, nil
	}
	return piece, false, nil
}

// skipToFrame reads up to and including the start block.
func (r *Reader) skipToFrame() error {
	for {
		b, err := r.in.ReadByte()
		if err != nil {
			return err
		}
		switch b {
		case startBlock:
			return nil
		case '\r', '\n':
		default:
			return &FrameError{Byte: b, Reason: "stands between frames"}
		}
	}
}

// closeFrame reads the end block, which is there, and the carriage return behind it.
func (r *Reader) closeFrame() error {
	if _, err := r.in.Discard(1); err != nil {
		return err
	}
	b, err := r.in.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case b != carriageReturn:
		return &FrameError{Byte: b, Reason: "follows an end block instead of CR"}
	}
	return nil
}

// WriteFrame writes a message in its frame with one Write. A message that holds a start or end block byte cannot be framed and is an error.
func WriteFrame(out io.Writer, message []byte) error {
	if i := bytes.IndexAny(message, string([]byte{startBlock, endBlock})); i >= 0 {
		return &FrameError{Byte: message[i], Reason: "cannot be part of a message"}
	}
	frame := make([]byte, 0, len(message)+3)
	frame = append(frame, startBlock)
	frame = append(frame, message...)
	frame = append(frame, endBlock, carriageReturn)
	_, err := out.Write(frame)
	return err
}
