package pebble

import (
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	engine "github.com/cockroachdb/pebble/v2"

	"github.com/firth-health/firth/search"
)

// rowSource is a set of rows read in order. Seeks never go back.
type rowSource interface {
	// seek returns the first row not below row.
	seek(row uint64) (uint64, bool)

	// size is about how many rows the set has.
	size() int

	// close gives up what the set holds; nothing may be read from it after.
	close()

	// describe prints the set for explain.
	describe(line func(depth int, format string, args ...any), depth int)
}

// unknownSize is the size of a set that nobody has counted; it is greater than any count.
const unknownSize = math.MaxInt

// rowList is a sorted list.
type rowList struct {
	rows []uint64
	all  int
}

func newRowList(rows []uint64) *rowList {
	slices.Sort(rows)
	rows = slices.Compact(rows)
	return &rowList{rows, len(rows)}
}

func (l *rowList) close() {}

func (l *rowList) size() int { return l.all }

func (l *rowList) seek(row uint64) (uint64, bool) {
	if len(l.rows) > 0 && l.rows[0] < row {
		i, _ := slices.BinarySearch(l.rows, row)
		l.rows = l.rows[i:]
	}
	if len(l.rows) == 0 {
		return 0, false
	}
	return l.rows[0], true
}

// bitmapRows reads a bitmap.
type bitmapRows struct {
	it roaring64.IntPeekable64
	n  int
}

func newBitmapRows(b *roaring64.Bitmap) *bitmapRows {
	return &bitmapRows{b.Iterator(), int(b.GetCardinality())}
}

func (b *bitmapRows) close() {}

func (b *bitmapRows) size() int { return b.n }

func (b *bitmapRows) seek(row uint64) (uint64, bool) {
	b.it.AdvanceIfNeeded(row)
	if !b.it.HasNext() {
		return 0, false
	}
	return b.it.PeekNext(), true
}

// postings are the rows of one index key. The first few have been read ahead, to know how many there may be.
type postings struct {
	v      *view
	it     *engine.Iterator
	prefix []byte // of the keys; its capacity holds a row more
	head   []uint64
	row    uint64 // where the iterator stands
	ok     bool
	about  int
}

// postings opens the rows of an index key; few of them come back as a list.
func (v *view) postings(key string) rowSource {
	prefix := postingPrefix(make([]byte, 0, typeLen+len(key)+1+rowLen), v.t, key)
	return v.postingsUnder(prefix, v.n.rows)
}

// postingsUnder opens keys that are prefix and a row below limit.
func (v *view) postingsUnder(prefix []byte, limit uint64) rowSource {
	it := v.iterator(prefix, after(nil, prefix))
	if it == nil {
		return &rowList{}
	}
	p := &postings{v: v, it: it, prefix: prefix}
	for p.ok = v.seek(it, prefix); p.ok && len(p.head) < v.tune.headLength; p.ok = v.next(it) {
		p.head = append(p.head, tailRow(it.Key()))
	}
	if !p.ok {
		v.release(it)
		return &rowList{p.head, len(p.head)}
	}
	p.row = tailRow(it.Key())
	first, last, n := p.head[0], p.head[len(p.head)-1], len(p.head)
	p.about = max(n+1, int(float64(n)*float64(limit-first)/float64(last-first+1)))
	return p
}

func (p *postings) close() {
	p.v.release(p.it)
	p.it, p.ok, p.head = nil, false, nil
}

func (p *postings) size() int { return p.about }

func (p *postings) seek(row uint64) (uint64, bool) {
	for len(p.head) > 0 {
		if p.head[0] >= row {
			return p.head[0], true
		}
		if p.head[len(p.head)-1] < row {
			p.head = nil
			break
		}
		p.head = p.head[1:]
	}
	for steps := 0; p.ok && p.row < row; steps++ {
		if steps < 3 {
			p.ok = p.v.next(p.it)
		} else {
			p.ok = p.v.seek(p.it, appendRow(p.prefix, row))
		}
		if p.ok {
			p.row = tailRow(p.it.Key())
		}
	}
	return p.row, p.ok
}

// liveRows are all rows but the dead.
type liveRows struct {
	v    *view
	dead rowSource
}

func (v *view) liveRows() rowSource {
	if v.n.live == v.n.rows {
		return &liveRows{v, &rowList{}}
	}
	prefix := spaceKey(make([]byte, 0, typeLen+rowLen), spaceDead, v.t)
	return &liveRows{v, v.postingsUnder(prefix, v.n.rows)}
}

func (l *liveRows) close() { l.dead.close() }

func (l *liveRows) size() int { return int(l.v.n.live) }

func (l *liveRows) seek(row uint64) (uint64, bool) {
	for ; row < l.v.n.rows; row++ {
		if !l.v.spend(1) {
			return 0, false
		}
		if dead, ok := l.dead.seek(row); !ok || dead != row {
			return row, true
		}
	}
	return 0, false
}

// union is the rows of several sets.
type union []rowSource

func (u union) close() {
	for _, part := range u {
		part.close()
	}
}

func (u union) size() int {
	n := 0
	for _, part := range u {
		size := part.size()
		if size == unknownSize {
			return size
		}
		n += size
	}
	return n
}

func (u union) seek(row uint64) (least uint64, ok bool) {
	for _, part := range u {
		if r, more := part.seek(row); more && (!ok || r < least) {
			least, ok = r, true
		}
	}
	return least, ok
}

// join is the rows of all its parts, without those of except, that pass the checks.
type join struct {
	v       *view
	parts   []rowSource // smallest first; not empty
	except  []rowSource
	checks  []search.Plan
	needsID bool // a check asks for the id

	last  uint64 // the answer to the last seek
	asked bool
	ended bool

	// With patience, the search for the next row ends after that many tests in the view, and gaveUp says where.
	patience int
	gaveUp   bool
	resume   uint64
}

func (j *join) close() {
	union(j.parts).close()
	union(j.except).close()
}

func (j *join) size() int { return j.parts[0].size() }

func (j *join) seek(row uint64) (uint64, bool) {
	if !j.asked || !j.ended && j.last < row {
		var ok bool
		j.last, ok = j.find(row)
		j.asked, j.ended = true, !ok
	}
	return j.last, !j.ended
}

func (j *join) find(row uint64) (uint64, bool) {
	for {
		found, ok := j.agree(row)
		if !ok {
			return 0, false
		}
		if !j.excluded(found) && (len(j.checks) == 0 || j.v.passes(found, j.checks, j.needsID)) {
			return found, !j.v.stopped()
		}
		row = found + 1
		if j.patience > 0 && j.v.count.Tested > j.patience {
			j.gaveUp, j.resume = true, row
			return 0, false
		}
		if j.v.stopped() {
			return 0, false
		}
	}
}

// agree finds the first row not below row that all parts have.
func (j *join) agree(row uint64) (uint64, bool) {
	for i := 0; i < len(j.parts); {
		r, ok := j.parts[i].seek(row)
		if !ok {
			return 0, false
		}
		if r > row && i > 0 {
			row, i = r, 0
			continue
		}
		row = r
		i++
	}
	return row, j.v.spend(1)
}

func (j *join) excluded(row uint64) bool {
	for _, part := range j.except {
		if r, ok := part.seek(row); ok && r == row {
			return true
		}
	}
	return false
}
