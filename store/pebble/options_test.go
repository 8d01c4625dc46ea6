package pebble

import "testing"

// TestMemTableBytes keeps the memory tables within the memory that the store was given.
func TestMemTableBytes(t *testing.T) {
	for name, test := range map[string]struct {
		given Options
		want  int64
	}{
		"nothing given":          {Options{}, 16 << 20},
		"a small cache":          {Options{CacheBytes: 24 << 20}, 4 << 20},
		"a very small cache":     {Options{CacheBytes: 1 << 20}, 1 << 20},
		"a large cache":          {Options{CacheBytes: 8 << 30}, 16 << 20},
		"tables of a given size": {Options{CacheBytes: 24 << 20, MemTableBytes: 9 << 20}, 9 << 20},
	} {
		if got := test.given.withDefaults().MemTableBytes; got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
