package mongoproxy

import (
	"slices"
	"time"
)

// Point is where a fault strikes a command.
type Point int

// The points. At None nothing happens.
const (
	None   Point = iota
	Before       // the command does not reach the server
	After        // the server has answered; the answer does not reach the driver
)

func (p Point) String() string { return [...]string{"none", "before", "after"}[p] }

// Action is what is done to one command. The zero value lets it pass.
type Action struct {
	Cut   Point         // cut the connection there
	Late  time.Duration // hold the answer back
	Crash bool          // with Cut: cut all connections, and refuse new ones until [Proxy.Refuse] says otherwise

	// Meanwhile, with Cut, runs at that point and before the driver can know of the cut. Nil does nothing.
	Meanwhile func()
}

// Fault is an action on some commands, counted from the moment when the script began.
type Fault struct {
	Names  []string // commands that it is about; none: all that are not the driver's own
	Nth    int      // the first command struck, from 1
	Times  int      // how many in a row; 0 is 1
	Action Action
}

// script returns what faults do to one command after the other. Where several apply, the first of them acts.
func script(faults []Fault) func(Command) Action {
	seen := make([]int, len(faults))
	return func(c Command) (action Action) {
		struck := false
		for i := range faults {
			f := &faults[i]
			if len(f.Names) > 0 && !slices.Contains(f.Names, c.Name) {
				continue
			}
			if seen[i]++; !struck && seen[i] >= f.Nth && seen[i] < f.Nth+max(f.Times, 1) {
				action, struck = f.Action, true
			}
		}
		return action
	}
}

// own reports whether drivers send a command for themselves, at moments that nobody chooses: such commands are neither recorded nor struck.
func own(name string) bool {
	switch name {
	case "hello", "isMaster", "ismaster", "ping", "saslStart", "saslContinue", "endSessions", "killCursors":
		return true
	}
	return false
}
