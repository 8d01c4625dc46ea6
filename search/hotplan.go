package search

import (
	"bytes"
	"cmp"
	"strings"
)

// HotPlan is what a conjunction asks of the compound keys of one subject ([HotIndex]).
type HotPlan struct {
	Subject string // Type/id
	Times   []Plan // conditions about nothing but the time; [HotIndex.MatchesTime] decides them
	Lo, Hi  string // low ends of short times that meet Times; see [HotIndex.Window]
	Rest    []Plan // what neither the subject nor the time decides
}

// Divide sorts out which parts of a conjunction the subject and the time decide. It is ok only when there is one subject.
func (h HotIndex) Divide(plan And) (p HotPlan, ok bool) {
	for _, part := range plan {
		if key, exact := ExactKey(part); exact && strings.HasPrefix(key, h.Subject) {
			p.Subject = key[len(h.Subject):]
			break
		}
	}
	if p.Subject == "" {
		return p, false
	}
	p.Hi = tailMax
	for _, part := range plan {
		if lo, hi, ok := h.Window(part); ok {
			p.Times = append(p.Times, part)
			p.Lo, p.Hi = max(p.Lo, lo), min(p.Hi, hi)
		} else if !follows(part, h.Subject+p.Subject) {
			p.Rest = append(p.Rest, part)
		}
	}
	return p, true
}

// follows reports whether every resource with the key matches, as far as that is plain: having more keys can only make more plans without Not match.
func follows(plan Plan, key string) bool {
	switch p := plan.(type) {
	case All:
		return true
	case Keys:
		return p.Accepts(key)
	case And:
		for _, part := range p {
			if !follows(part, key) {
				return false
			}
		}
		return true
	case Or:
		for _, part := range p {
			if follows(part, key) {
				return true
			}
		}
	}
	return false
}

// MatchesTimes reports whether a resource with one time, low ␁ high as behind [HotIndex.Time], meets all the conditions; with nil, one without a time.
func (h HotIndex) MatchesTimes(plans []Plan, time []byte) bool {
	for _, p := range plans {
		if !h.matchesTime(p, time) {
			return false
		}
	}
	return true
}

// matchesTime is [Match] for a plan that [HotIndex.Window] knows and the two keys of a time, without making them.
func (h HotIndex) matchesTime(p Plan, time []byte) bool {
	switch p := p.(type) {
	case Keys:
		return time != nil && (h.keysMatchTime(p, time, h.Time) || h.keysMatchTime(p, time, h.High))
	case And:
		return h.MatchesTimes(p, time)
	case Or:
		for _, part := range p {
			if h.matchesTime(part, time) {
				return true
			}
		}
	case Not:
		return !h.matchesTime(p.Of, time)
	}
	return false
}

// keysMatchTime asks it of the key with one of the prefixes.
func (h HotIndex) keysMatchTime(p Keys, time []byte, prefix string) bool {
	lo, within := strings.CutPrefix(p.Lo, prefix)
	if !within {
		return false
	}
	first, second, divided := bytes.Cut(time, []byte(Separator))
	if prefix == h.High {
		first, second = second, first
	}
	if !divided || len(p.Contains) > 0 || p.Near != nil || p.Among != nil {
		key := prefix + string(first) + Separator + string(second)
		if !divided && prefix == h.Time {
			key = prefix + string(time)
		}
		return p.Accepts(key)
	}
	if comparePair(first, second, lo) < 0 {
		return false
	}
	if hi, bounded := strings.CutPrefix(p.Hi, prefix); bounded && comparePair(first, second, hi) >= 0 || !bounded && p.Hi < prefix {
		return false
	}
	return p.TailLo == "" && p.TailHi == "" || string(second) >= p.TailLo && string(second) < p.TailHi
}

// comparePair compares first ␁ second with a text.
func comparePair(first, second []byte, text string) int {
	n := min(len(first), len(text))
	if c := cmp.Compare(string(first[:n]), text[:n]); c != 0 || n < len(first) {
		return cmp.Or(c, 1)
	}
	if n == len(text) {
		return 1
	}
	if c := cmp.Compare(Separator[0], text[n]); c != 0 {
		return c
	}
	return cmp.Compare(string(second), text[n+1:])
}
