package audit

import (
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// What a plan asks of an AuditEvent can be ruled out in part without rendering it. The two functions here say no only when no AuditEvent can match; what is left is decided by search.Match.

// facts are what is known without rendering.
type facts struct {
	from, to int64 // instants between which the events were recorded, milliseconds
	has      func(name uint64) bool
	keys     func(index string) (key string, ok bool) // the one key under an index, where it is known
}

// may reports whether something with these facts can match.
func (f *facts) may(plan search.Plan) bool {
	switch p := plan.(type) {
	case search.And:
		return !slices.ContainsFunc(p, func(part search.Plan) bool { return !f.may(part) })
	case search.Or:
		return slices.ContainsFunc(p, f.may)
	case search.Keys:
		return f.mayKeys(p)
	}
	return true
}

func (f *facts) mayKeys(k search.Keys) bool {
	index, rest, ok := strings.Cut(k.Lo, search.Separator)
	if !ok {
		return true
	}
	switch index {
	case "date", "_lastUpdated":
		if !strings.HasPrefix(rest, "l") || !strings.HasPrefix(k.Hi, index+search.Separator) {
			return true
		}
		return instantKey(index, f.to) >= k.Lo && instantKey(index, f.from) < k.Hi
	case "entity", "agent", "patient":
		key, exact := search.ExactKey(k)
		reference, local := strings.CutPrefix(strings.TrimPrefix(key, index+search.Separator), "r")
		if !exact || !local {
			return true
		}
		if ref := fhir.ParseReference(reference); ref.Key.Type != "" {
			reference = fhir.Key{Type: ref.Key.Type, ID: ref.Key.ID}.String()
		}
		return f.has(nameOf(reference))
	case "action", "outcome":
		if key, known := f.keys(index); known {
			return k.Accepts(key)
		}
	}
	return true
}

// instantKey is the key of an instant under an index of dates.
func instantKey(index string, millis int64) string {
	return index + strings.TrimPrefix(search.LastUpdatedKey(time.UnixMilli(millis)), "_lastUpdated")
}

// ofBlock are the facts of a block.
func ofBlock(h *header) *facts {
	return &facts{from: h.from, to: h.to, has: h.filter.has, keys: func(string) (string, bool) { return "", false }}
}

// ofRecord are the facts of a record.
func ofRecord(r *record) *facts {
	at := r.at.UnixMilli()
	var names []uint64
	return &facts{from: at, to: at,
		has: func(name uint64) bool {
			if names == nil {
				names = appendNames(make([]uint64, 0, 4), &r.Event, r.Patients)
			}
			return slices.Contains(names, name)
		},
		keys: func(index string) (string, bool) {
			value := outcomeCode(r.Status)
			if index == "action" {
				value = profileOf(&r.Event).action
			}
			return index + search.Separator + "t" + value + search.Separator, r.posted == nil
		},
	}
}

// until is the latest instant at which a match can have been recorded; zero when the plan does not say.
func until(plan search.Plan) (latest time.Time) {
	for _, part := range search.Conjuncts(nil, plan) {
		k, ok := part.(search.Keys)
		if !ok {
			continue
		}
		for _, index := range []string{"date", "_lastUpdated"} {
			digits, ok := strings.CutPrefix(k.Hi, index+search.Separator+"l")
			if !ok || len(digits) < len(keyTime) {
				continue
			}
			t, err := time.Parse(keyTime, digits[:len(keyTime)])
			if err == nil && (latest.IsZero() || t.Before(latest)) {
				latest = t.Add(time.Second)
			}
		}
	}
	return latest
}

// keyTime is how the key of an instant begins; microseconds follow.
const keyTime = "20060102150405"
