package pebble

import (
	"encoding/binary"

	"github.com/firth-health/firth/store"
)

// The change log has one key per type and group: the sequence of the group's first change of the type. Its value is the instant
// (8 bytes, milliseconds) and the entries in order.

func logKey(dst []byte, t typeNo, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(spaceKey(dst, spaceLog, t), sequence)
}

// logEntry is one change. Stored, its sequence counts from the key's.
type logEntry struct {
	sequence uint64
	method   store.Method
	row      uint64
	version  uint64
}

func (e logEntry) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, e.sequence)
	dst = append(dst, byte(e.method))
	dst = binary.AppendUvarint(dst, e.row)
	return binary.AppendUvarint(dst, e.version)
}

// parseLog decodes a key's entries and their instant.
func parseLog(dst []logEntry, key, value []byte) (entries []logEntry, updated int64, err error) {
	if len(key) != typeLen+8 || len(value) < 8 {
		return dst, 0, errCorrupt
	}
	first := binary.BigEndian.Uint64(key[typeLen:])
	updated = int64(binary.BigEndian.Uint64(value))
	value = value[8:]
	for len(value) > 0 {
		sequence, n := binary.Uvarint(value)
		if n <= 0 || n == len(value) {
			return dst, 0, errCorrupt
		}
		e := logEntry{sequence: first + sequence, method: store.Method(value[n])}
		value = value[n+1:]
		if e.row, n = binary.Uvarint(value); n <= 0 {
			return dst, 0, errCorrupt
		}
		value = value[n:]
		if e.version, n = binary.Uvarint(value); n <= 0 {
			return dst, 0, errCorrupt
		}
		value = value[n:]
		dst = append(dst, e)
	}
	return dst, updated, nil
}
