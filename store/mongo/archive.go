package mongo

import (
	"context"
	"fmt"
	"strconv"

	"github.com/firth-health/firth/store"
)

// Export implements [store.Archive]: history, oldest first. The cursor is the sequence number of the last version. A writer takes its number before it commits, so that a version
// with a smaller number can appear behind the cursor: an export misses it, unless nobody writes from before its first page on.
func (s *Store) Export(ctx context.Context, q store.ExportQuery) (*store.ExportPage, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	after := int64(0)
	if q.Cursor != "" {
		var err error
		if after, err = strconv.ParseInt(q.Cursor, 10, 64); err != nil || after <= 0 {
			return nil, fmt.Errorf("cursor of an export: %w", store.ErrBadCursor)
		}
	}
	types, err := s.types(ctx)
	if err != nil {
		return nil, err
	}
	var page *store.ExportPage
	err = s.inSnapshot(ctx, true, false, func(v *view) error {
		page = &store.ExportPage{Next: q.Cursor}
		h := &historyRun{s: s, v: v, oldestFirst: true}
		m := h.merge(types, after, min(q.Limit, 500), withoutKeys())
		for size := 0; len(page.Versions) < q.Limit && size < store.ExportBytes; {
			found, err := m.next()
			if err != nil || found == nil {
				return err
			}
			size += len(found.json)
			page.Versions = append(page.Versions, found.result())
			page.Next = strconv.FormatInt(found.sequence, 10)
		}
		return nil
	})
	if err != nil {
		return nil, reading(ctx, err)
	}
	return page, nil
}
