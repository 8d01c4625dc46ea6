package pebble

import (
	"errors"
	"math"
	"sort"
	"time"

	engine "github.com/cockroachdb/pebble/v2"
)

// logCost bounds how many entries of the change log are read to count a history that a time restricts.
const logCost = 10_000

// log lists the versions of a type or of all types.
func (h *historyRun) log() error {
	types, err := h.logTypes()
	if err != nil {
		return err
	}
	w := &logWalk{oldestFirst: h.q.OldestFirst}
	for _, t := range types {
		if err := w.add(h.r, t, h.from, h.q.Since); err != nil {
			return errors.Join(err, w.close())
		}
	}
	return errors.Join(h.readLog(w), w.close())
}

// logTypes finds the types to list, and the total where no time restricts it.
func (h *historyRun) logTypes() ([]typeNo, error) {
	var types []typeNo
	if h.q.Type == "" {
		for t := range h.table.byNo {
			types = append(types, t)
		}
	} else if t, known := h.table.no(h.q.Type); known {
		types = append(types, t)
	}
	total := 0
	for _, t := range types {
		n, err := readCounts(h.r, t)
		if err != nil {
			return nil, err
		}
		total += int(n.versions)
	}
	if h.q.Since.IsZero() && h.q.At.IsZero() && h.q.Before.IsZero() {
		h.page.Total = total
	}
	return types, nil
}

// readLog fills the page, and goes on counting on a first page as long as that is cheap.
func (h *historyRun) readLog(w *logWalk) error {
	count, last := 0, uint64(0)
	counting := h.from == 0 && h.page.Total < 0
	for steps := 0; ; steps++ {
		if steps%1024 == 1023 {
			if err := h.ctx.Err(); err != nil {
				return err
			}
		}
		ok, err := w.next()
		if err != nil {
			return err
		}
		if !ok || h.ended(w.updated()) {
			break
		}
		wanted, err := h.wanted(w)
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if count++; count > h.q.Count {
			if h.page.Next == "" && h.q.Count > 0 {
				h.next(last)
			}
			if !counting || steps > h.q.Count+logCost {
				return nil
			}
			continue
		}
		e := w.entry()
		last = e.sequence
		if err := h.take(w.at.t, e.row, e.version, h.table.byNo[w.at.t]); err != nil {
			return err
		}
	}
	if counting {
		h.page.Total = count
	}
	return nil
}

// ended reports whether this entry and all that follow are outside of Since and Before.
func (h *historyRun) ended(updated int64) bool {
	if h.q.OldestFirst {
		return !h.q.Before.IsZero() && !instant(updated).Before(h.q.Before)
	}
	return !h.q.Since.IsZero() && instant(updated).Before(h.q.Since)
}

// wanted reports whether the version at the walk was made in the time asked for, and was current at or after At.
func (h *historyRun) wanted(w *logWalk) (bool, error) {
	if !h.q.Since.IsZero() && instant(w.updated()).Before(h.q.Since) {
		return false, nil
	}
	if !h.q.Before.IsZero() && !instant(w.updated()).Before(h.q.Before) {
		return false, nil
	}
	if h.q.At.IsZero() || !instant(w.updated()).Before(h.q.At) {
		return true, nil
	}
	e := w.entry()
	newest, err := h.record(w.at.t, e.row, 0)
	if err != nil || newest.version == e.version {
		return err == nil, err
	}
	next, err := h.record(w.at.t, e.row, e.version+1)
	return err == nil && instant(next.updated).After(h.q.At), err
}

// logWalk merges the change logs of types, newest or oldest first.
type logWalk struct {
	oldestFirst bool
	legs        []*logLeg
	at          *logLeg
}

// logLeg is the change log of one type; entries are those of the key at hand, the last being the current one, or with oldestFirst the first.
type logLeg struct {
	t           typeNo
	oldestFirst bool
	it          *engine.Iterator
	entries     []logEntry
	updated     int64
}

// add begins behind the sequence from; 0 begins at the beginning, which with oldestFirst is where since is.
func (w *logWalk) add(r engine.Reader, t typeNo, from uint64, since time.Time) error {
	it, err := r.NewIter(&engine.IterOptions{LowerBound: spaceKey(nil, spaceLog, t), UpperBound: spaceKey(nil, spaceLog, t+1)})
	if err != nil {
		return err
	}
	l := &logLeg{t: t, oldestFirst: w.oldestFirst, it: it}
	w.legs = append(w.legs, l)
	switch {
	case !w.oldestFirst:
		return l.below(from)
	case from == 0 && !since.IsZero():
		return l.since(since)
	}
	return l.above(from)
}

// below goes to the newest entry below a sequence; 0 for the newest of all.
func (l *logLeg) below(sequence uint64) error {
	if sequence == 0 {
		sequence = math.MaxUint64
	}
	if l.it.SeekLT(logKey(nil, l.t, sequence)) {
		if err := l.load(); err != nil {
			return err
		}
		for len(l.entries) > 0 && l.last().sequence >= sequence {
			l.entries = l.entries[:len(l.entries)-1]
		}
	}
	return l.it.Error()
}

// above goes to the oldest entry above a sequence. The key of an entry has the sequence of the first one that it shares the key with.
func (l *logLeg) above(sequence uint64) error {
	for ok := l.it.SeekLT(logKey(nil, l.t, sequence+1)) || l.it.First(); ok; ok = l.it.Next() {
		if err := l.load(); err != nil {
			return err
		}
		for len(l.entries) > 0 && l.entries[0].sequence <= sequence {
			l.entries = l.entries[1:]
		}
		if len(l.entries) > 0 {
			return nil
		}
	}
	return l.it.Error()
}

// since goes to the oldest entry that was made at an instant or after. Instants do not decrease, so it is found by bisection.
func (l *logLeg) since(at time.Time) error {
	if !l.it.Last() {
		return l.it.Error()
	}
	if err := l.load(); err != nil {
		return err
	}
	newest := l.last().sequence
	var failed error
	sequence := sort.Search(int(newest), func(i int) bool {
		if failed != nil || !l.it.SeekGE(logKey(nil, l.t, uint64(i)+1)) {
			return true
		}
		failed = l.load()
		return !instant(l.updated).Before(at)
	})
	l.entries = nil
	if failed != nil {
		return failed
	}
	return l.above(uint64(sequence))
}

func (l *logLeg) load() error {
	value, err := l.it.ValueAndErr()
	if err != nil {
		return err
	}
	l.entries, l.updated, err = parseLog(l.entries[:0], l.it.Key(), value)
	return err
}

// next moves to the next entry.
func (w *logWalk) next() (bool, error) {
	if w.at != nil {
		if err := w.at.next(); err != nil {
			return false, err
		}
	}
	w.at = nil
	for _, l := range w.legs {
		if len(l.entries) > 0 && (w.at == nil || (l.current().sequence > w.at.current().sequence) != w.oldestFirst) {
			w.at = l
		}
	}
	return w.at != nil, nil
}

// next moves to the next entry of the type.
func (l *logLeg) next() error {
	forth := l.it.Prev
	if l.oldestFirst {
		l.entries, forth = l.entries[1:], l.it.Next
	} else {
		l.entries = l.entries[:len(l.entries)-1]
	}
	if len(l.entries) == 0 && forth() {
		if err := l.load(); err != nil {
			return err
		}
	}
	return l.it.Error()
}

func (l *logLeg) last() logEntry { return l.entries[len(l.entries)-1] }

func (l *logLeg) current() logEntry {
	if l.oldestFirst {
		return l.entries[0]
	}
	return l.last()
}

func (w *logWalk) entry() logEntry { return w.at.current() }

func (w *logWalk) updated() int64 { return w.at.updated }

func (w *logWalk) close() error {
	var err error
	for _, l := range w.legs {
		err = errors.Join(err, l.it.Close())
	}
	return err
}
