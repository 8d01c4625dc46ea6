package progress

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	tests := []struct {
		name  string
		state State
		width int
		want  string
	}{
		{"empty", State{0, 10, "0 resources"}, 29, "[          ]   0% 0 resources"},
		{"half", State{5, 10, "5 resources"}, 29, "[=====     ]  50% 5 resources"},
		{"full", State{10, 10, "done"}, 22, "[==========] 100% done"},
		{"more than all", State{11, 10, "done"}, 22, "[==========] 100% done"},
		{"less than nothing", State{-1, 10, "done"}, 22, "[          ]   0% done"},
		{"no total", State{7, 0, "7 resources"}, 40, "7 resources"},
		{"no room for a bar", State{5, 10, "5 resources"}, 20, "5 resources"},
		{"no room for the text", State{5, 10, "5 resources"}, 3, "5 r"},
		{"never wider than forty", State{1, 1, ""}, 200, "[" + strings.Repeat("=", 40) + "] 100% "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Render(tt.state, tt.width); got != tt.want {
				t.Errorf("Render = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLineEndsClean(t *testing.T) {
	var out bytes.Buffer
	l := start(&out, func() int { return 30 }, func() State { return State{1, 2, "half"} })
	l.Stop()
	if got := out.String(); !strings.Contains(got, "50% half") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("drawn %q", got)
	}
}

func TestNoTerminalNoLine(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := Start(f, func() State { t.Error("state asked"); return State{} })
	l.Stop()
	if l != nil {
		t.Error("a line on a file")
	}
}
