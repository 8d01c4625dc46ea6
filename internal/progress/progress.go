package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// State is what the line shows.
type State struct {
	Done, Total int64  // in any unit; a Total of 0 shows no bar
	Text        string // behind the bar
}

// Line redraws itself from a function that tells the state. A nil *Line does nothing.
type Line struct {
	out   io.Writer
	width func() int
	state func() State
	stop  chan struct{}
	done  chan struct{}
}

// interval between two drawings: smooth to the eye, nothing to the machine.
const interval = 100 * time.Millisecond

// Start draws on f until Stop, when f is a terminal; otherwise it returns nil. state is called from another goroutine.
func Start(f *os.File, state func() State) *Line {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	width := func() int {
		columns, _, err := term.GetSize(fd)
		if err != nil || columns < 20 {
			return 80
		}
		return columns
	}
	return start(f, width, state)
}

func start(out io.Writer, width func() int, state func() State) *Line {
	l := &Line{out: out, width: width, state: state, stop: make(chan struct{}), done: make(chan struct{})}
	go l.run()
	return l
}

func (l *Line) run() {
	defer close(l.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		fmt.Fprint(l.out, "\r"+Render(l.state(), l.width()-1)+"\x1b[K")
		select {
		case <-tick.C:
		case <-l.stop:
			fmt.Fprint(l.out, "\r\x1b[K")
			return
		}
	}
}

// Stop removes the line.
func (l *Line) Stop() {
	if l == nil {
		return
	}
	close(l.stop)
	<-l.done
}

// Render is one drawing of at most width columns. The text is expected to be one column a character.
func Render(s State, width int) string {
	text := []rune(s.Text)
	if len(text) > width {
		text = text[:width]
	}
	room := min(width-len(text)-len("[] 100% "), 40)
	if s.Total <= 0 || room < 5 {
		return string(text)
	}
	done := min(max(s.Done, 0), s.Total)
	full := int(done * int64(room) / s.Total)
	return fmt.Sprintf("[%s%s] %3d%% %s", strings.Repeat("=", full), strings.Repeat(" ", room-full), done*100/s.Total, string(text))
}
