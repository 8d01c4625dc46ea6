package soak

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// The ids that clients write and read, so many of each type. They are few, so that clients meet, and the data set is bounded.
var population = map[string]int{"Patient": 40, "Observation": 400, "Device": 20, "Encounter": 20, "List": 8, "Location": 20, "Composition": 6}

// world is what all clients share: what they were told, and what went wrong.
type world struct {
	mu       sync.Mutex
	versions map[string]int // Type/id to the largest version acknowledged
	counts   map[string]int // "what status" to how often
	failures []string       // different ones
	failed   int

	defining chan struct{} // who changes search parameters

	through func(http.RoundTripper) http.RoundTripper // what requests go through
}

func newWorld() *world {
	return &world{versions: map[string]int{}, counts: map[string]int{}, defining: make(chan struct{}, 4), through: func(next http.RoundTripper) http.RoundTripper { return next }}
}

func (w *world) locked(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// fail notes what should not have happened; kind tells it from others.
func (w *world) fail(kind, format string, args ...any) {
	w.locked(func() {
		w.failed++
		if len(w.failures) < 30 && !slices.ContainsFunc(w.failures, func(f string) bool { return strings.HasPrefix(f, kind+": ") }) {
			w.failures = append(w.failures, kind+": "+fmt.Sprintf(format, args...))
		}
	})
}

// acknowledged notes the version that a write was answered with.
func (w *world) acknowledged(key string, version int) {
	w.locked(func() { w.versions[key] = max(w.versions[key], version) })
}

// table lists what was done and how it was answered.
func (w *world) table() string {
	total := 0
	var lines []string
	w.locked(func() {
		for _, what := range slices.Sorted(maps.Keys(w.counts)) {
			lines = append(lines, fmt.Sprintf("%8d %s", w.counts[what], what))
			total += w.counts[what]
		}
	})
	return fmt.Sprintf("%d requests\n%s", total, strings.Join(lines, "\n"))
}
