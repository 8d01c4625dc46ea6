package search

import (
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// What stores ask of plans and key lists on the way to an answer.

// Conjuncts appends the parts of a plan that all must hold: those of nested conjunctions, without parts that match everything.
func Conjuncts(dst []Plan, plan Plan) []Plan {
	switch p := plan.(type) {
	case And:
		for _, part := range p {
			dst = Conjuncts(dst, part)
		}
		return dst
	case All:
		return dst
	case Or:
		if len(p) == 1 {
			return Conjuncts(dst, p[0])
		}
	}
	return append(dst, plan)
}

// FollowsReferences reports whether a plan leads to other resources.
func FollowsReferences(plan Plan) bool {
	switch p := plan.(type) {
	case Ref, RevRef:
		return true
	case Not:
		return FollowsReferences(p.Of)
	case And:
		return slices.ContainsFunc(p, FollowsReferences)
	case Or:
		return slices.ContainsFunc(p, FollowsReferences)
	}
	return false
}

// OneKey matches one key.
func OneKey(key string) Keys { return exactly(key) }

// ExactKey returns the key of a plan that asks for exactly one.
func ExactKey(plan Plan) (string, bool) {
	if keys, ok := plan.(Keys); ok {
		return keys.Exact()
	}
	return "", false
}

// KeysUnder is the part of a sorted key list that has the prefix.
func KeysUnder(keys []string, prefix string) []string {
	start, high := 0, len(keys)
	for start < high { // written out: every resource that is stored comes here a dozen times
		if middle := (start + high) / 2; keys[middle] < prefix {
			start = middle + 1
		} else {
			high = middle
		}
	}
	end := start
	for end < len(keys) && strings.HasPrefix(keys[end], prefix) {
		end++
	}
	return keys[start:end]
}

// WithKey is a sorted key list with one more key; the list itself stays as it is.
func WithKey(keys []string, key string) []string {
	at, found := slices.BinarySearch(keys, key)
	if found {
		return keys
	}
	out := make([]string, 0, len(keys)+1)
	out = append(append(out, keys[:at]...), key)
	return append(out, keys[at:]...)
}

// ReferencedIDs returns the ids of the resources of a type that sorted keys refer to under an index, whatever version they name.
func ReferencedIDs(keys []string, index, resourceType string) []string {
	var ids []string
	prefix := ReferencePrefix(index, resourceType)
	for _, key := range KeysUnder(keys, prefix) {
		if id := key[len(prefix):]; fhir.IsID(id) {
			ids = append(ids, id)
		}
	}
	return ids
}
