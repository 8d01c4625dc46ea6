package pebble

import (
	"errors"
	"math"

	engine "github.com/cockroachdb/pebble/v2"
)

// logCost bounds how many entries of the change log are read to count a history that a time restricts.
const logCost = 10_000

// log lists the versions of a type or of all types, newest first.
func (h *historyRun) log() error {
	types, err := h.logTypes()
	if err != nil {
		return err
	}
	w := &logWalk{}
	for _, t := range types {
		if err := w.add(h.r, t, h.from); err != nil {
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

// ended reports whether this and all older entries are before Since.
func (h *historyRun) ended(updated int64) bool {
	return !h.q.Since.IsZero() && instant(updated).Before(h.q.Since)
}

// wanted reports whether the version at the walk was made before Before and current at or after At.
func (h *historyRun) wanted(w *logWalk) (bool, error) {
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

// logWalk merges the change logs of types, newest first.
type logWalk struct {
	legs []*logLeg
	at   *logLeg
}

// logLeg is the change log of one type; entries are those of the key at hand, the last being the current one.
type logLeg struct {
	t       typeNo
	it      *engine.Iterator
	entries []logEntry
	updated int64
}

// add begins below the sequence before; 0 begins with the newest.
func (w *logWalk) add(r engine.Reader, t typeNo, before uint64) error {
	it, err := r.NewIter(&engine.IterOptions{LowerBound: spaceKey(nil, spaceLog, t), UpperBound: spaceKey(nil, spaceLog, t+1)})
	if err != nil {
		return err
	}
	l := &logLeg{t: t, it: it}
	w.legs = append(w.legs, l)
	if before == 0 {
		before = math.MaxUint64
	}
	if it.SeekLT(logKey(nil, t, before)) {
		if err := l.load(); err != nil {
			return err
		}
		for len(l.entries) > 0 && l.entries[len(l.entries)-1].sequence >= before {
			l.entries = l.entries[:len(l.entries)-1]
		}
	}
	return it.Error()
}

func (l *logLeg) load() error {
	value, err := l.it.ValueAndErr()
	if err != nil {
		return err
	}
	l.entries, l.updated, err = parseLog(l.entries[:0], l.it.Key(), value)
	return err
}

// next moves to the next older entry.
func (w *logWalk) next() (bool, error) {
	if l := w.at; l != nil {
		l.entries = l.entries[:len(l.entries)-1]
		if len(l.entries) == 0 && l.it.Prev() {
			if err := l.load(); err != nil {
				return false, err
			}
		}
		if err := l.it.Error(); err != nil {
			return false, err
		}
	}
	w.at = nil
	for _, l := range w.legs {
		if len(l.entries) > 0 && (w.at == nil || l.last().sequence > w.at.last().sequence) {
			w.at = l
		}
	}
	return w.at != nil, nil
}

func (l *logLeg) last() logEntry { return l.entries[len(l.entries)-1] }

func (w *logWalk) entry() logEntry { return w.at.last() }

func (w *logWalk) updated() int64 { return w.at.updated }

func (w *logWalk) close() error {
	var err error
	for _, l := range w.legs {
		err = errors.Join(err, l.it.Close())
	}
	return err
}
