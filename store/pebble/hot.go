package pebble

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/firth-health/firth/search"
)

// Hot keys are the compound keys subject × code × time that [search.HotIndexes] declares:
//
//	H TT no subject 00 token 00 time 00 R -> flags
//
// subject and time are the rests of index keys behind the declared prefixes, token is a whole index key. A resource without a
// time has the time noTime, which sorts last. A resource with several times, with a time that is not short, or with very many codes, stands
// under the token anyToken instead, once for its smallest and once for its largest time as flags say, and is checked by its key list when a
// walk meets it. So a resource under a token of its own has this one time and no other, and what a plan says of times bounds the walk
// ([search.HotIndex.Window]).
//
// A resource that is not under anyToken also stands under everyToken, for queries that ask for no code, and under setToken and a digest of all its tokens. Those of one digest have the same
// tokens, so that the combinations a subject has are found by jumping from one to the next, and the newest of each is the last of its walk (latest.go).
//
// The entry under everyToken holds the resource's measure ([search.Measure]), or nothing (hotmeasures.go).

const (
	noTime     = "\xff"
	anyToken   = ""
	everyToken = "\x01"
	setToken   = "\x02" // begins the token that stands for a set; those of index keys begin with a letter or an underscore

	isSmallest byte = 1
	isLargest  byte = 2

	// maxHot is how many tokens of a resource are written at most before anyToken takes their place.
	maxHot = 64
)

func hotPrefix(dst []byte, t typeNo, no int, subject, token string) []byte {
	dst = append(spaceKey(dst, spaceHot, t), byte(no))
	dst = append(append(dst, subject...), 0)
	return append(append(dst, token...), 0)
}

// hotEntry is one compound key of a resource.
type hotEntry struct {
	no                   int
	subject, token, time string
	flags                byte
	measure              search.Measure
}

func (e *hotEntry) keyLen() int {
	return typeLen + 1 + len(e.subject) + 1 + len(e.token) + 1 + len(e.time) + 1 + rowLen
}

func (e *hotEntry) key(dst []byte, t typeNo, row uint64) []byte {
	dst = append(hotPrefix(dst, t, e.no, e.subject, e.token), e.time...)
	return appendRow(append(dst, 0), row)
}

// hotScratch holds buffers for encoding; it belongs to the committer.
type hotScratch struct{ before, now []hotEntry }

// encode writes the difference between the compound keys of two key lists.
func (h *hotScratch) encode(w writer, t typeNo, next *state, before []string) {
	h.before, h.now = h.before[:0], h.now[:0]
	for no, index := range search.HotIndexes(next.key.Type) {
		h.before = appendHot(h.before, no, &index, before)
		h.now = appendHot(h.now, no, &index, next.keys)
	}
	withMeasure(h.now, next.measure)
	if len(h.before) > 0 {
		slices.SortFunc(h.before, hotEntry.compare)
		slices.SortFunc(h.now, hotEntry.compare)
	}
	old, now := h.before, h.now
	for len(old) > 0 || len(now) > 0 {
		order := 0
		switch {
		case len(now) == 0:
			order = -1
		case len(old) == 0:
			order = 1
		default:
			order = old[0].compare(now[0])
		}
		if order < 0 {
			old[0].key(w.unset(old[0].keyLen()), t, next.row)
		} else if order > 0 || old[0].flags != now[0].flags || now[0].token == everyToken {
			now[0].set(w, t, next.row)
		}
		if order <= 0 {
			old = old[1:]
		}
		if order >= 0 {
			now = now[1:]
		}
	}
}

// set writes the entry. Only those under anyToken and everyToken have a value.
func (e *hotEntry) set(w writer, t typeNo, row uint64) {
	if e.token != anyToken {
		key, value := w.set(e.keyLen(), len(e.measure))
		e.key(key, t, row)
		_ = append(value, e.measure...)
		return
	}
	key, value := w.set(e.keyLen(), 1)
	e.key(key, t, row)
	_ = append(value, e.flags)
}

// withMeasure gives the entries of a resource under everyToken its measure. It is written with every version, because its time and codes may stay when a value
// is corrected.
func withMeasure(entries []hotEntry, m search.Measure) {
	for i := range entries {
		if entries[i].token == everyToken {
			entries[i].measure = m
		}
	}
}

func (e hotEntry) compare(other hotEntry) int {
	return cmp.Or(cmp.Compare(e.no, other.no), strings.Compare(e.subject, other.subject), strings.Compare(e.token, other.token),
		strings.Compare(e.time, other.time))
}

// appendHot makes the compound keys of a sorted key list.
func appendHot(dst []hotEntry, no int, index *search.HotIndex, keys []string) []hotEntry {
	subjects := search.KeysUnder(keys, index.Subject)
	if len(subjects) == 0 {
		return dst
	}
	times, tokens := search.KeysUnder(keys, index.Time), 0
	for _, prefix := range index.Codes {
		tokens += len(search.KeysUnder(keys, prefix))
	}
	e := hotEntry{no: no, time: noTime}
	if len(times) > 0 {
		e.time = times[0][len(index.Time):]
	}
	set := ""
	for _, subject := range subjects {
		e.subject = subject[len(index.Subject):]
		if len(times) > 1 || len(times) == 1 && !index.Short(e.time) || tokens > maxHot {
			dst = appendAny(dst, e, index.Time, times)
			continue
		}
		for _, prefix := range index.Codes {
			for _, token := range search.KeysUnder(keys, prefix) {
				e.token = token
				dst = append(dst, e)
			}
		}
		if set == "" {
			set = tokenSet(index, keys)
		}
		for _, e.token = range []string{everyToken, set} {
			dst = append(dst, e)
		}
	}
	return dst
}

// tokenSet is the token that stands for all tokens among the keys.
func tokenSet(index *search.HotIndex, keys []string) string {
	buf := make([]byte, 0, 512)
	for _, prefix := range index.Codes {
		for _, token := range search.KeysUnder(keys, prefix) {
			buf = append(append(buf, token...), 0)
		}
	}
	sum := sha256.Sum256(buf)
	return string(base64.RawStdEncoding.AppendEncode(append(buf[:0], setToken...), sum[:12]))
}

// appendAny enters a resource under anyToken.
func appendAny(dst []hotEntry, e hotEntry, prefix string, times []string) []hotEntry {
	e.token, e.flags = anyToken, isSmallest|isLargest
	if len(times) < 2 {
		return append(dst, e)
	}
	e.flags = isSmallest
	dst = append(dst, e)
	e.time, e.flags = times[len(times)-1][len(prefix):], isLargest
	return append(dst, e)
}
