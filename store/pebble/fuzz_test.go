package pebble

import (
	"bytes"
	"errors"
	"testing"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// FuzzCursor sends page cursors that no store made: each is refused. What is behind the signature is read without it, as if a key had leaked.
func FuzzCursor(f *testing.F) {
	s, err := Open("", Options{InMemory: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	q := search.Query{Type: "Patient", Plan: search.All{}, Sort: []search.SortKey{{Prefixes: []string{"a"}}, {Prefixes: []string{"b"}}}, Count: 3}
	f.Add([]byte((&store.Cursor{Position: store.Position{Values: []store.SortValue{{Text: "x", Has: true}, {}}, Created: 7}, Total: 12}).Seal(s.secret[:], &q)))
	f.Add([]byte("AAAA"))
	f.Add([]byte{1, 2, 3, 1, 200, 200, 200, 200, 200, 200, 200, 200, 200, 1, 'x'})
	f.Fuzz(func(t *testing.T, data []byte) {
		q := q
		q.Cursor = string(data)
		if c, err := store.ParseCursor(s.secret[:], &q); err == nil && c.Seal(s.secret[:], &q) != q.Cursor {
			t.Errorf("%q was accepted as %+v", data, c)
		}
		q.Cursor = store.SealCursor(s.secret[:], store.Fingerprint(&q), data)
		if c, err := store.ParseCursor(s.secret[:], &q); err == nil && len(c.Values) != len(q.Sort) || err != nil && !errors.Is(err, store.ErrBadCursor) {
			t.Errorf("behind the signature: %+v, %v", c, err)
		}
		if _, err := s.Search(t.Context(), &q); err != nil && !errors.Is(err, store.ErrBadCursor) {
			t.Error(err)
		}
	})
}

// FuzzRecords reads stored values that were damaged: an error or the same value again, no panic.
func FuzzRecords(f *testing.F) {
	rec := record{method: store.Update, version: 300, updated: 1, id: "abc", json: []byte("{}")}
	f.Add(rec.append(nil))
	f.Add(appendKeyList(nil, []string{"a", "bb", string(bytes.Repeat([]byte("c"), 200))}))
	f.Add(logEntry{sequence: 1, method: store.Create, row: 5, version: 1}.append(make([]byte, 8)))
	f.Add(counts{1, 2, 3}.append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if rec, err := parseRecord(data); err == nil {
			again, err := parseRecord(rec.append(nil))
			if err != nil || again.id != rec.id || !bytes.Equal(again.json, rec.json) || rec.size() != len(rec.append(nil)) {
				t.Errorf("record %+v became %+v, %v", rec, again, err)
			}
		}
		if keys, err := parseKeyList(nil, data); err == nil && keyListSize(keys) != len(appendKeyList(nil, keys)) {
			t.Errorf("key list %q has another size", keys)
		}
		if entries, _, err := parseLog(nil, logKey(nil, 1, 9), data); err == nil && len(entries) > len(data) {
			t.Errorf("%d entries", len(entries))
		}
		if _, err := parseCounts(data); err != nil && !errors.Is(err, errCorrupt) {
			t.Error(err)
		}
	})
}
