package pebble

import "bytes"

// gap is a range of ids that no resource of a type has, so that most creations need no look at the store: the ids that servers make grow, and the next comes between the last of
// theirs and whatever id follows. The committer keeps one for each type, in memory.
type gap struct {
	after, before []byte // the ids on both sides; before is empty when nothing follows
	placed        bool

	hits     int // questions answered since it was placed
	missed   int // questions since the last that it answered
	patience int // how many may miss it before it is placed anew
}

// maxPatience is how many questions may miss a gap at most before it is placed anew. It is far more than a search for its end costs.
const maxPatience = 1024

// holds reports whether an id is known to be nobody's.
func (g *gap) holds(id string) bool {
	if !g.contains(id) {
		g.missed++
		return false
	}
	g.hits++
	g.missed = 0
	return true
}

func (g *gap) contains(id string) bool {
	return g.placed && id > string(g.after) && (len(g.before) == 0 || id < string(g.before))
}

func (g *gap) misplaced() bool { return g.missed > g.patience }

// place puts the gap behind an id. Where ids come in no order it helps little and is placed less and less often.
func (g *gap) place(after string, before []byte) {
	if g.hits < g.patience {
		g.patience = min(2*g.patience, maxPatience)
	} else {
		g.patience = 8
	}
	g.after, g.before = append(g.after[:0], after...), append(g.before[:0], before...)
	g.placed, g.hits, g.missed = true, 0, 0
}

// take notes that a resource has the id now. What is left is the part behind it.
func (g *gap) take(id string) {
	if g.contains(id) {
		g.after = append(g.after[:0], id...)
	}
}

// gap is that of a type.
func (c *committer) gap(t typeNo) *gap {
	found := c.gaps[t]
	if found == nil {
		found = &gap{}
		c.gaps[t] = found
	}
	return found
}

// row finds the row of an id that is not pending.
func (g *group) row(t typeNo, id string) (row uint64, found bool, err error) {
	if g.c.gaps == nil { // a group that only reads, beside the committer's
		return g.probes.row(t, id)
	}
	gap := g.c.gap(t)
	switch {
	case gap.holds(id):
		return 0, false, nil
	case gap.misplaced() && len(g.pending) == 0: // else the gap could hold what is pending
		return g.probes.place(gap, t, id)
	}
	return g.probes.row(t, id)
}

// place finds the row of an id; where there is none, it puts the gap there.
func (p *probes) place(gap *gap, t typeNo, id string) (row uint64, found bool, err error) {
	if err := p.openIDs(); err != nil {
		return 0, false, err
	}
	p.buf = idKey(p.buf[:0], t, id)
	if !p.ids.SeekGE(p.buf) {
		if err := p.ids.Error(); err != nil {
			return 0, false, err
		}
		gap.place(id, nil)
		return 0, false, nil
	}
	key := p.ids.Key()
	if bytes.Equal(key, p.buf) {
		return p.rowHere()
	}
	if !bytes.HasPrefix(key, p.buf[:typeLen]) {
		key = key[:typeLen]
	}
	gap.place(id, key[typeLen:])
	return 0, false, nil
}
