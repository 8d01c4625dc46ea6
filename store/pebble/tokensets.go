package pebble

import "sync"

// tokenSets remembers the tokens of the sets that resources stand under ([setToken]): devices make few, the same for all patients. The name of a set is a digest
// of its tokens, so what is remembered stays true.
type tokenSets struct {
	mu    sync.RWMutex
	known map[string][]string
}

// keptSets bounds how many sets are remembered; each has maxHot tokens at most.
const keptSets = 1024

// tokens returns the sorted tokens of a set, not to be changed; ok is false when they are not remembered.
func (s *tokenSets) tokens(set string) (tokens []string, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	tokens, ok = s.known[set]
	return tokens, ok
}

func (s *tokenSets) keep(set string, tokens []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= keptSets {
		s.known = map[string][]string{}
	}
	s.known[set] = tokens
}
