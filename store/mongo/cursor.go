package mongo

import (
	"encoding/binary"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// encodeCursor says where the next page of a query begins, and the total if it was counted.
func (s *Store) encodeCursor(q *search.Query, at *position, total int) string {
	b := binary.AppendVarint(nil, int64(total))
	b = binary.AppendVarint(b, at.created)
	for _, v := range at.values {
		if !v.has {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(append(b, 1), uint64(len(v.text)))
		b = append(b, v.text...)
	}
	return store.SealCursor(s.secret[:], store.Fingerprint(q), b)
}

func (s *Store) decodeCursor(q *search.Query) (at *position, total int, err error) {
	b, err := store.OpenCursor(s.secret[:], store.Fingerprint(q), q.Cursor)
	if err != nil {
		return nil, 0, err
	}
	counted, n := binary.Varint(b)
	created, m := binary.Varint(b[max(n, 0):])
	if n <= 0 || m <= 0 {
		return nil, 0, store.ErrBadCursor
	}
	at = &position{created: created}
	b = b[n+m:]
	for range q.Sort {
		v := value{has: len(b) > 0 && b[0] == 1}
		b = b[min(1, len(b)):]
		if v.has {
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return nil, 0, store.ErrBadCursor
			}
			v.text, b = string(b[n:n+int(size)]), b[n+int(size):]
		}
		at.values = append(at.values, v)
	}
	return at, int(counted), nil
}
