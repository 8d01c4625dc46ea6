package server

import (
	"errors"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// decide evaluates the condition of a write. What the transaction deletes is gone by then.
func (t *transaction) decide(w *write, deleted map[fhir.Key]bool) error {
	if w.query == nil {
		return t.decidePatch(w, w.key)
	}
	enough := 2
	if w.x.interaction.name == "delete" {
		enough = t.s.limits.DeleteMatches + 1
	}
	all, err := t.s.matches(t.x.ctx, w.query, enough+len(deleted))
	if err != nil {
		return err
	}
	var found []store.Version
	for i := range all {
		if !deleted[fhir.Key{Type: all[i].Key.Type, ID: all[i].Key.ID}] {
			found = append(found, all[i])
		}
	}
	switch w.x.interaction.name {
	case "delete":
		w.ops, err = t.s.decideDelete(w.x, found)
		return conditionFailed(err)
	case "patch":
		key, err := w.x.onlyMatch(found)
		if err != nil {
			return conditionFailed(err)
		}
		return t.decidePatch(w, key)
	case "update":
		w.decided, err = t.s.decideUpdate(w.x, w.query, w.resource.ID(), found)
		w.key = w.decided.Key
	default:
		err = t.decideCreate(w, found)
	}
	w.ops = []store.Op{w.decided}
	return conditionFailed(err)
}

// decidePatch patches what is stored under key.
func (t *transaction) decidePatch(w *write, key fhir.Key) (err error) {
	w.resource, w.decided, err = t.s.patched(w.x, key, w.patch)
	w.key, w.keys, w.ops = key, nil, []store.Op{w.decided}
	return err
}

// conditionFailed makes an error about a condition speak of no single resource.
func conditionFailed(err error) error {
	if errors.Is(err, store.ErrMultiple) || errors.Is(err, store.ErrPrecondition) {
		return about(fhir.Key{}, err)
	}
	return err
}

// decideCreate says what a conditional create does.
func (t *transaction) decideCreate(w *write, found []store.Version) error {
	switch len(found) {
	case 0:
		if w.existing {
			w.key.ID, w.existing = t.s.newID(), false
		}
	case 1:
		w.key.ID, w.existing = found[0].Key.ID, true
	default:
		return store.ErrMultiple
	}
	w.decided = store.Op{Method: store.Create, Key: w.key, IfNoneExist: w.query, ExpectNone: !w.existing}
	if w.existing {
		w.decided.Expect = w.key.ID
	}
	return nil
}

// isRace reports whether it is worth to try again after an operation of w failed.
func (t *transaction) isRace(w *write, err error) bool {
	return isConflict(err) && t.hasConditions() || w.isDecided() && w.x.isRace(err)
}

// isDecided reports whether what the write does depends on what is stored.
func (w *write) isDecided() bool { return w.query != nil || w.patch != nil }

func (t *transaction) hasConditions() bool {
	for _, w := range t.writes {
		if w.isDecided() {
			return true
		}
	}
	return false
}

// overlapping explains why the condition of a write can never hold: what another entry writes matches it, too.
func (t *transaction) overlapping(w *write) error {
	if w.query == nil {
		return nil
	}
	for _, other := range t.writes {
		if other == w {
			break // those behind it are not there yet
		}
		if other.key.Type != w.key.Type || other.existing {
			continue
		}
		if matches, err := t.matches(other, w.query); err != nil || !matches {
			continue
		}
		return &entryError{index: w.index, err: fhir.Invalidf(fhir.CodeDuplicate, "", "the condition matches what entry %d writes", other.index)}
	}
	return nil
}
