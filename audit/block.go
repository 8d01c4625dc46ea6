package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A block is what events are kept in: a record of store.State of kind audit/<chain>, whose id is the number of its last event, so that the first block from an id on is the one that has
// the event. Its value is
//
//	format, first number, count, instant of the first, instant of the last (uvarints)
//	hash before the block, hash of the last event (32 bytes each)
//	filter of what its events name: length (uvarint), bytes
//	the first 8 bytes of the hash of each event
//	length of the payload as it was, the payload with zstd: of each event the length and the canonical bytes
//
// The hash of an event is SHA-256 of the hash before it, its number (8 bytes) and its canonical bytes. The 8 bytes are what names the first event that was changed; the whole hash of the last
// event is what the next block and checkpoints rest on.

const (
	blockFormat = 1
	linkSize    = 8

	blockEvents  = 512       // most events of a block
	blockBytes   = 128 << 10 // of canonical bytes that a block is closed at
	maxBlockSize = 64 << 20  // of a payload that is decoded
)

var errBlock = errors.New("not a block of the audit trail")

// hash is the state of a chain behind an event.
type hash [sha256.Size]byte

// link computes the hash behind one more event. The buffer is used again.
func link(before hash, number uint64, canonical []byte, buffer []byte) (hash, []byte) {
	buffer = append(buffer[:0], before[:]...)
	buffer = binary.BigEndian.AppendUint64(buffer, number)
	buffer = append(buffer, canonical...)
	return sha256.Sum256(buffer), buffer
}

// header is what a block tells without being unpacked.
type header struct {
	first       uint64 // number of the first event
	count       int
	from, to    int64 // instants of the first and the last event, milliseconds
	before, end hash
	filter      filter
	links       []byte
	size        int    // of the payload as it was
	payload     []byte // packed
}

// last is the number of the last event.
func (h *header) last() uint64 { return h.first + uint64(h.count) - 1 }

func (h *header) lastAt() time.Time { return time.UnixMilli(h.to).UTC() }

// builder makes blocks; it keeps its buffers.
type builder struct {
	header
	payload []byte
	scratch []byte
	names   []uint64
	packer  *zstd.Encoder
}

func newBuilder() (*builder, error) {
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(true))
	return &builder{packer: packer}, err
}

// begin starts the block behind an event.
func (b *builder) begin(number uint64, before hash) {
	b.header = header{first: number + 1, before: before, end: before, links: b.links[:0]}
	b.payload, b.names = b.payload[:0], b.names[:0]
}

// add takes one event on, with the names that it can be found by.
func (b *builder) add(at int64, canonical []byte, names []uint64) {
	if b.count == 0 {
		b.from = at
	}
	b.to = at
	b.end, b.scratch = link(b.end, b.first+uint64(b.count), canonical, b.scratch)
	b.links = append(b.links, b.end[:linkSize]...)
	b.payload = binary.AppendUvarint(b.payload, uint64(len(canonical)))
	b.payload = append(b.payload, canonical...)
	b.names = append(b.names, names...)
	b.count++
}

func (b *builder) isFull() bool { return b.count >= blockEvents || len(b.payload) >= blockBytes }

// encode returns the value to keep.
func (b *builder) encode() []byte {
	dst := append(make([]byte, 0, 128+len(b.links)+2*len(b.names)+min(len(b.payload), minPacked)), blockFormat)
	for _, n := range [...]uint64{b.first, uint64(b.count), uint64(b.from), uint64(b.to - b.from)} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = append(append(dst, b.before[:]...), b.end[:]...)
	f := newFilter(b.names)
	dst = append(binary.AppendUvarint(dst, uint64(len(f))), f...)
	dst = append(dst, b.links...)
	dst = binary.AppendUvarint(dst, uint64(len(b.payload)))
	if len(b.payload) < minPacked {
		return appendUnpacked(dst, b.payload)
	}
	return b.packer.EncodeAll(b.payload, dst)
}

// minPacked is from how many bytes on a payload is compressed. Of one or two events little is saved for what it costs, and the engines of stores compress too.
const minPacked = 1 << 10

// appendUnpacked appends a payload of less than minPacked bytes as a frame of zstd that is not compressed (RFC 8878, 3.1.1): one raw block, the last one.
func appendUnpacked(dst, payload []byte) []byte {
	const magic, isSingle, hasTwoBytes, isLast = 0xFD2FB528, 1 << 5, 1 << 6, 1
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	if n := len(payload); n < 256 {
		dst = append(dst, isSingle, byte(n))
	} else {
		dst = binary.LittleEndian.AppendUint16(append(dst, isSingle|hasTwoBytes), uint16(n-256))
	}
	header := uint32(len(payload))<<3 | isLast
	return append(append(dst, byte(header), byte(header>>8), byte(header>>16)), payload...)
}

// parseHeader reads a block but for its payload.
func parseHeader(value []byte) (*header, error) {
	if len(value) == 0 || value[0] != blockFormat {
		return nil, errBlock
	}
	d := decoder{rest: value[1:]}
	h := &header{first: d.number()}
	count, from, span := d.number(), d.number(), d.number()
	copy(h.before[:], d.bytes(sha256.Size))
	copy(h.end[:], d.bytes(sha256.Size))
	h.filter = filter(d.bytes(d.number()))
	if count == 0 || count > uint64(len(value)) || h.first == 0 || from > maxMillis || span > maxMillis {
		return nil, errBlock
	}
	h.count, h.from, h.to = int(count), int64(from), int64(from+span)
	h.links = d.bytes(count * linkSize)
	size := d.number()
	if d.err != nil || size > maxBlockSize {
		return nil, errBlock
	}
	h.size, h.payload = int(size), d.rest
	return h, nil
}

// unpacker opens payloads. It is safe for concurrent use.
type unpacker struct{ packed *zstd.Decoder }

func newUnpacker() (*unpacker, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlockSize))
	return &unpacker{d}, err
}

// events returns the canonical bytes of the events of a block. With an error they are those that could be read.
func (u *unpacker) events(h *header) ([][]byte, error) {
	payload, err := u.packed.DecodeAll(h.payload, make([]byte, 0, h.size))
	if err != nil {
		err = fmt.Errorf("%w: %w", errBlock, err)
	}
	d := decoder{rest: payload}
	events := make([][]byte, 0, h.count)
	for len(d.rest) > 0 && len(events) < h.count {
		event := d.bytes(d.number())
		if d.err != nil {
			break
		}
		events = append(events, event)
	}
	if err == nil && (d.err != nil || len(d.rest) > 0 || len(events) != h.count || len(payload) != h.size) {
		err = errBlock
	}
	return events, err
}
