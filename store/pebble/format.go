package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// formatVersion is written into a store when it is opened; a store with a greater one is refused. It counts changes of this layout and of the grammar of index keys.
// Those since oldestFormat need no migration:
//
//	2  measures in hot entries (hot.go). What an earlier release wrote has none and is read instead. An earlier release would not keep them up, so it must not
//	   open the store any more.
const (
	formatVersion = 2
	oldestFormat  = 1
)

// Key spaces. TT is the type's number (2 bytes), R a row (5 bytes), V a version (4 bytes), S a sequence (8 bytes), all big-endian.
const (
	spaceMeta    byte = 'M' // M name            -> format, secret, clock
	spaceTypes   byte = 'T' // T name            -> TT
	spaceCounts  byte = 'N' // N TT              -> number of rows, number of live resources
	spaceCurrent byte = 'C' // C TT R            -> record of the newest version
	spaceDead    byte = 'D' // D TT R            -> empty; the newest version is a deletion
	spaceHot     byte = 'H' // H TT no subject 00 token 00 time 00 R -> flags or measure, see hot.go
	spaceIDs     byte = 'I' // I TT id           -> R
	spaceKeys    byte = 'K' // K TT R            -> key list; absent when deleted
	spaceLog     byte = 'L' // L TT S            -> change log, see log.go
	spaceState   byte = 'S' // S kind 00 id      -> revision, value; see state.go
	spacePosting byte = 'P' // P TT key 00 R     -> empty
	spaceHistory byte = 'V' // V TT R V          -> record of an older version
)

const (
	typeLen    = 3 // space and type number
	rowLen     = 5
	versionLen = 4
	maxRow     = 1<<(8*rowLen) - 1
	maxVersion = 1<<(8*versionLen) - 1
)

// typeNo is the number the store gave to a resource type.
type typeNo uint16

func spaceKey(dst []byte, space byte, t typeNo) []byte {
	return append(dst, space, byte(t>>8), byte(t))
}

func appendRow(dst []byte, row uint64) []byte {
	return append(dst, byte(row>>32), byte(row>>24), byte(row>>16), byte(row>>8), byte(row))
}

func rowOf(b []byte) uint64 {
	_ = b[4]
	return uint64(b[0])<<32 | uint64(b[1])<<24 | uint64(b[2])<<16 | uint64(b[3])<<8 | uint64(b[4])
}

// tailRow reads the row at the end of a key.
func tailRow(key []byte) uint64 { return rowOf(key[len(key)-rowLen:]) }

func rowKey(dst []byte, space byte, t typeNo, row uint64) []byte {
	return appendRow(spaceKey(dst, space, t), row)
}

func idKey(dst []byte, t typeNo, id string) []byte { return append(spaceKey(dst, spaceIDs, t), id...) }

func historyKey(dst []byte, t typeNo, row, version uint64) []byte {
	return binary.BigEndian.AppendUint32(rowKey(dst, spaceHistory, t, row), uint32(version))
}

// postingPrefix is the common prefix of an index key's postings.
func postingPrefix(dst []byte, t typeNo, key string) []byte {
	return append(append(spaceKey(dst, spacePosting, t), key...), 0)
}

// after is the smallest key behind all that begin with prefix, of which the first byte is not 0xff: bytes of 0xff at its end, as in one row of 256, give way
// to the one before.
func after(dst, prefix []byte) []byte {
	for prefix[len(prefix)-1] == 0xff {
		prefix = prefix[:len(prefix)-1]
	}
	dst = append(dst, prefix...)
	dst[len(dst)-1]++
	return dst
}

// record is one version as stored: method, version, instant, id, JSON.
type record struct {
	method  store.Method
	version uint64
	updated int64 // milliseconds since 1970
	id      string
	json    []byte
}

var errCorrupt = errors.New("pebble store: corrupt record")

// size is how many bytes append appends.
func (r *record) size() int { return 1 + uvarintLen(r.version) + 8 + 1 + len(r.id) + len(r.json) }

func uvarintLen(x uint64) int {
	n := 1
	for ; x >= 0x80; x >>= 7 {
		n++
	}
	return n
}

func (r *record) append(dst []byte) []byte {
	dst = append(dst, byte(r.method))
	dst = binary.AppendUvarint(dst, r.version)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.updated))
	dst = append(dst, byte(len(r.id)))
	dst = append(dst, r.id...)
	return append(dst, r.json...)
}

// parseRecord reads a record whose id and json share data.
func parseRecord(data []byte) (record, error) {
	if len(data) < 2 {
		return record{}, errCorrupt
	}
	r := record{method: store.Method(data[0])}
	version, n := binary.Uvarint(data[1:])
	data = data[1:]
	if n <= 0 || len(data) < n+9 || len(data) < n+9+int(data[n+8]) {
		return record{}, errCorrupt
	}
	r.version = version
	r.updated = int64(binary.BigEndian.Uint64(data[n:]))
	idLen := int(data[n+8])
	data = data[n+9:]
	r.id, r.json = text(data[:idLen]), data[idLen:]
	return r, nil
}

// result copies the record out of the engine's memory.
func (r *record) result(typ string) store.Version {
	v := store.Version{LastUpdated: instant(r.updated), Method: r.method}
	n := len(r.id)
	buf := make([]byte, n+len(r.json))
	copy(buf, r.id)
	copy(buf[n:], r.json)
	v.Key = fhir.Key{Type: typ, ID: text(buf[:n:n]), Version: versionText(r.version)}
	if r.method != store.Delete {
		v.JSON = buf[n:]
	}
	return v
}

// text is a string over b, which must not change as long as the string lives.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func instant(millis int64) time.Time { return time.UnixMilli(millis).UTC() }

// appendKeyList encodes sorted index keys so that they can be read in place.
func appendKeyList(dst []byte, keys []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	for _, key := range keys {
		dst = binary.AppendUvarint(dst, uint64(len(key)))
		dst = append(dst, key...)
	}
	return dst
}

// keyListSize is how many bytes appendKeyList appends.
func keyListSize(keys []string) int {
	n := uvarintLen(uint64(len(keys)))
	for _, key := range keys {
		n += uvarintLen(uint64(len(key))) + len(key)
	}
	return n
}

// parseKeyList appends the keys in data to dst; they share data.
func parseKeyList(dst []string, data []byte) ([]string, error) {
	count, n := binary.Uvarint(data)
	if n <= 0 || count > uint64(len(data)) {
		return dst, errCorrupt
	}
	data = data[n:]
	for range count {
		size, n := binary.Uvarint(data)
		if n <= 0 || size > uint64(len(data)-n) {
			return dst, errCorrupt
		}
		dst = append(dst, text(data[n:n+int(size)]))
		data = data[n+int(size):]
	}
	return dst, nil
}

func errFormat(found uint64) error {
	return fmt.Errorf("the store was written by another release of Firth: its format is %d, this one reads %d", found, formatVersion)
}
