package pebble

import (
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// links answers what includes ask, at the moment of a search. It implements [store.Links].
type links struct {
	v     *view
	views map[string]*view
}

// view returns a view of a type at the same moment.
func (l *links) view(typ string) *view {
	v := l.views[typ]
	if v == nil {
		v = l.v.work.view(typ)
		l.views[typ] = v
	}
	return v
}

// IndexKeys implements [store.Links].
func (l *links) IndexKeys(key fhir.Key) ([]string, error) {
	v := l.view(key.Type)
	row, ok := v.rowOf(key.ID)
	if !ok {
		return nil, v.err
	}
	keys, _ := v.keyList(row)
	copied := make([]string, len(keys))
	for i, k := range keys {
		copied[i] = strings.Clone(k)
	}
	return copied, v.err
}

// Current implements [store.Links].
func (l *links) Current(key fhir.Key) (*store.Version, error) {
	v := l.view(key.Type)
	row, ok := v.rowOf(key.ID)
	if !ok {
		return nil, v.err
	}
	version, _ := v.body(row)
	return &version, v.err
}

// Matching implements [store.Links].
func (l *links) Matching(resourceType string, plan search.Plan, limit int) ([]store.Version, error) {
	v := l.view(resourceType)
	rows := v.compile(search.And{plan}, true)
	defer rows.close()
	var found []store.Version
	for row, ok := rows.seek(0); ok && len(found) < limit; row, ok = rows.seek(row + 1) {
		if version, ok := v.body(row); ok {
			found = append(found, version)
		}
	}
	return slices.Clip(found), v.err
}
