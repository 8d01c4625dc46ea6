package conformance

import (
	"strings"
	"testing"
)

// What the page says of a line is what its run came to.
func TestVerdict(t *testing.T) {
	reason := func(kinds ...verdict) (notes []note) {
		for _, kind := range kinds {
			notes = append(notes, note{kind, "because | of it"})
		}
		return notes
	}
	tests := []struct {
		name  string
		notes []note
		run   result
		want  string
	}{
		{"all checks hold", nil, result{checks: 3}, "holds"},
		{"one fails", nil, result{checks: 3, failed: 1}, "**fails** (1)"},
		{"one fails of a line with a note", reason(later), result{checks: 3, failed: 2}, "**fails** (2)"},
		{"a reading is chosen", reason(chosen), result{checks: 3}, "holds"},
		{"otherwise", reason(otherwise), result{checks: 3}, "in part decided otherwise"},
		{"both", reason(later, chosen, otherwise), result{checks: 3}, "in part decided otherwise, in part later"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := line{group: "group", name: "line", says: "Something.", notes: tt.notes}
			if got := verdictOf(l, tt.run); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			page := document([]line{l}, []result{tt.run})
			if !strings.Contains(page, " | "+tt.want+" | 3 | `group/line` |\n") || strings.Count(page, `because \| of it`) != len(tt.notes) {
				t.Errorf("the page lacks the verdict or a reason:\n%s", page)
			}
		})
	}
}

// Every line has a name of its own and says something; every note has a reason.
func TestChecklist(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range checklist() {
		if seen[l.id()] || l.group == "" || l.name == "" || !strings.HasSuffix(l.says, ".") || l.run == nil {
			t.Errorf("line %q is there twice or lacks something", l.id())
		}
		seen[l.id()] = true
		for _, n := range l.notes {
			if n.kind == holds || len(n.reason) < 20 {
				t.Errorf("line %q has a note without a reason", l.id())
			}
		}
	}
	if len(seen) != 43 {
		t.Errorf("%d lines, want 43", len(seen))
	}
}
