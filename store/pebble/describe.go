package pebble

import (
	"strings"

	"github.com/firth-health/firth/search"
)

// noteSource adds a source of rows to what explain prints.
func (v *view) noteSource(s rowSource) {
	if !v.explained {
		return
	}
	s.describe(func(depth int, format string, args ...any) {
		v.note(strings.Repeat("  ", depth)+format, args...)
	}, 0)
}

func (l *rowList) describe(line func(int, string, ...any), depth int) {
	line(depth, "%d rows, read", l.all)
}

func (b *bitmapRows) describe(line func(int, string, ...any), depth int) {
	line(depth, "%d rows, gathered into a bitmap", b.n)
}

func (p *postings) describe(line func(int, string, ...any), depth int) {
	line(depth, "about %d postings of %s", p.about, visible(p.prefix))
}

func (l *liveRows) describe(line func(int, string, ...any), depth int) {
	line(depth, "all %d live rows", l.size())
}

func (u union) describe(line func(int, string, ...any), depth int) {
	line(depth, "any of")
	for _, part := range u {
		part.describe(line, depth+1)
	}
}

func (j *join) describe(line func(int, string, ...any), depth int) {
	line(depth, "joined")
	for _, part := range j.parts {
		part.describe(line, depth+1)
	}
	for _, part := range j.except {
		line(depth+1, "without")
		part.describe(line, depth+2)
	}
	for _, plan := range j.checks {
		line(depth+1, "each tested for")
		for text := range strings.Lines(search.Explain(plan)) {
			line(depth+2, "%s", strings.TrimRight(text, "\n"))
		}
	}
}

// visible shows the index key of a posting's prefix.
func visible(prefix []byte) string {
	if len(prefix) <= typeLen {
		return "dead rows"
	}
	return strings.NewReplacer("\x01", "␁", "\x00", "").Replace(string(prefix[typeLen:]))
}
