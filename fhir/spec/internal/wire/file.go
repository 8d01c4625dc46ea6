package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// magic begins a file; its last byte is the version of the layout.
const magic = "firthr4\x01"

// AppendFile appends a whole file: the compressed core section and the compressed blocks.
func AppendFile(b, core []byte, blocks [][]byte) []byte {
	b = append(b, magic...)
	b = binary.AppendUvarint(b, uint64(len(core)))
	b = append(b, core...)
	for _, block := range blocks {
		b = append(b, block...)
	}
	return b
}

// SplitFile returns the compressed core section and the blocks of a file, without copying. The error wraps [ErrDamaged].
func SplitFile(file string) (core, blocks string, err error) {
	rest, ok := strings.CutPrefix(file, magic)
	if !ok {
		return "", "", fmt.Errorf("%w: wrong magic number", ErrDamaged)
	}
	d := &decoder{data: []byte(rest[:min(len(rest), binary.MaxVarintLen64)])}
	var length uint32
	before := len(d.data)
	d.num(&length)
	rest = rest[before-len(d.data):]
	if d.err != nil || uint64(length) > uint64(len(rest)) {
		return "", "", fmt.Errorf("%w: core section of %d bytes in %d", ErrDamaged, length, len(rest))
	}
	return rest[:length], rest[length:], nil
}
