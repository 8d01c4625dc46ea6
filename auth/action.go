package auth

// Action is what may be done with resources of a type: one or several of the five letters of a SMART v2 scope.
type Action uint8

// The actions, in the order a scope has them.
const (
	Create Action = 1 << iota
	Read          // read, vread, history of an instance
	Update        // update, patch, and creation by update
	Delete
	Search // search, history of a type

	allActions   = Create | Read | Update | Delete | Search
	readActions  = Read | Search
	writeActions = Create | Update | Delete
)

// actionLetters are in the order of the bits.
const actionLetters = "cruds"

// String gives the letters in the order of a scope: "rs".
func (a Action) String() string {
	var b [len(actionLetters)]byte
	n := 0
	for i := range len(actionLetters) {
		if a&(1<<i) != 0 {
			b[n] = actionLetters[i]
			n++
		}
	}
	return string(b[:n])
}

// parseActions reads letters, one at least, in order and each once.
func parseActions(letters string) (a Action, ok bool) {
	next := 0
	for i := range len(letters) {
		for next < len(actionLetters) && actionLetters[next] != letters[i] {
			next++
		}
		if next == len(actionLetters) {
			return 0, false
		}
		a |= 1 << next
		next++
	}
	return a, a != 0
}

// verb names an action in a sentence.
func (a Action) verb() string {
	switch a {
	case Create:
		return "create"
	case Read:
		return "read"
	case Update:
		return "update"
	case Delete:
		return "delete"
	case Search:
		return "search for"
	}
	return "use"
}
