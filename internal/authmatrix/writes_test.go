package authmatrix

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/teststore"
)

// tryWrites lets everybody try every write: alone, in a batch and in a transaction. What is allowed must be answered as in the world of what the caller sees, and leave the same
// behind; all else is refused, and nothing that the caller does not see ever changes.
func tryWrites(t *testing.T, cases tally) {
	whole, everybody := seed(), callers()
	if i := slices.IndexFunc(everybody, func(c caller) bool { return c.name == "user doctor" }); i >= 0 {
		for _, situation := range []string{"recording", "all actions"} {
			c := everybody[i]
			c.name, c.policies, c.whole = c.name+" under a Consent about "+situation, denials()[situation], whole
			everybody = append(everybody, c)
		}
	}
	for i := range everybody {
		c := &everybody[i]
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			w := newWriter(t, whole, c, cases)
			list := changes()
			for i := range list {
				if c.class == "nothing" && i%5 > 0 || c.policies != nil && strings.Contains(list[i].target, "/gone") || // what was somebody's is nobody's in the other world
					i%teststore.Size(1, 6) > 0 {
					continue
				}
				w.try(&list[i], "")
				w.try(&list[i], []string{"batch", "transaction"}[i%2])
			}
			w.compareWorlds("at the end")
		})
	}
}

// writer is a caller who writes.
type writer struct {
	matrix
	whole  []version
	hidden []string // keys of what the caller neither sees nor may change
	blind  bool     // the caller does not see all that it finds, or nothing: the other world cannot tell
	before string   // what those are
	places int64
}

func newWriter(t *testing.T, whole []version, c *caller, cases tally) *writer {
	w := &writer{matrix: matrix{t: t, caller: c, cases: cases}, whole: whole}
	w.full = newWorld(t, map[string]*caller{c.name: c})
	w.full.fill(t, whole, whole)
	w.full.deny(t, c.policies)
	w.twins = newTwins(t, whole, c, nil)
	seen := keysOf(slices.Concat(c.sees(whole, "r"), c.sees(whole, "s"), c.sees(whole, "u"), c.sees(whole, "d")))
	w.blind = len(c.sees(whole, "r")) == 0 || w.twins["r"] != w.twins["s"]
	for _, key := range keysOf(whole) {
		if !slices.Contains(seen, key) {
			w.hidden = append(w.hidden, key)
		}
	}
	w.before = w.dump(w.full, true)
	return w
}

// verdict is what must come of a write: a refusal, or what the other world says.
func (w *writer) refused(ch *change) bool {
	c := w.caller
	for _, letter := range strings.Split(ch.letters, "") {
		if !c.allows(ch.typ, letter) {
			return true
		}
	}
	if ch.interaction == "$document" {
		return false
	}
	letter := ch.letters[:1]
	content := ch.after == nil || c.may(ch.after, letter)
	newest := newestContent(w.whole, ch.target, len(w.whole))
	isHidden := slices.Contains(w.hidden, ch.target)
	isGone := newest != nil && lastOf(w.whole, ch.target).body == ""
	if ch.last && (isHidden || newest == nil || isGone) {
		return false // not found comes first
	}
	if !content {
		return true
	}
	switch {
	case newest != nil && !isGone && c.may(newest, letter):
		return ch.alsoRefused(c)
	case isHidden:
		return !ch.silent
	case newest == nil || isGone:
		return ch.alsoRefused(c)
	}
	return !c.may(newest, letter)
}

// alsoRefused reports whether the Provenance that goes with it keeps it from being made.
func (ch *change) alsoRefused(c *caller) bool {
	return ch.also != nil && !c.may(ch.also, "c")
}

func lastOf(world []version, key string) *version {
	for i := len(world) - 1; i >= 0; i-- {
		if world[i].key == key {
			return &world[i]
		}
	}
	return nil
}

// try makes one write, alone or in a Bundle.
func (w *writer) try(ch *change, kind string) {
	r := ch.request
	if kind != "" {
		body, ok := ch.entry(kind)
		if !ok {
			return
		}
		r = request{interaction: kind, method: "POST", body: body}
	}
	w.count(strings.TrimPrefix(kind+" "+ch.interaction, " "))
	w.places++
	twin := w.twins["r"]
	for _, one := range []*world{w.full, twin} {
		one.now.Store(int64(len(w.whole)) + w.places)
		one.run.Store(w.places)
	}
	got := w.full.do(w.t, w.caller.name, &r)
	switch {
	case w.refused(ch):
		if isRefusal(got, kind) {
			break
		}
		twin.run.Store(w.places)
		if want := twin.do(w.t, token, &r); !comesFirst(got, kind) || got.body != want.body {
			w.fail(&r, "403", got.String())
		}
	case ch.interaction == "$document" && !w.caller.allows("Bundle", "c"):
		want := twin.do(w.t, token, &request{method: "POST", path: ch.path, body: `{"resourceType":"Parameters"}`})
		if kind == "" && want.status == 200 && !isRefusal(got, kind) || kind == "" && want.status != 200 && got.body != want.body && !isRefusal(got, kind) {
			w.fail(&r, "403 or as "+want.String(), got.String())
		}
	case w.blind || ch.letters != "r" && !ch.last && !w.readsWhatItWrites(ch):
	default:
		twin.run.Store(w.places)
		if want := twin.do(w.t, token, &r); got.status != want.status || got.header != want.header || got.body != want.body {
			w.fail(&r, want.String(), got.String())
		}
	}
	if keys := w.disturbed(); len(keys) > 0 {
		w.fail(&r, "hidden resources as before", fmt.Sprint(keys))
	}
}

// readsWhatItWrites reports whether what the caller leaves behind is among what it sees: else the other world cannot tell.
func (w *writer) readsWhatItWrites(ch *change) bool {
	return ch.after == nil || w.caller.may(ch.after, "r")
}

func isRefusal(a answer, kind string) bool {
	if kind == "batch" {
		return a.status == 200 && strings.Contains(a.body, `"status":"403`) && strings.Contains(a.body, `"code":"forbidden"`)
	}
	return a.status == 403 && strings.Contains(a.body, `"code":"forbidden"`)
}

// comesFirst reports whether an answer is one that may come before the question whether the write is allowed, if it is the same in the world of what the caller sees: nothing is
// found, a precondition does not hold, or what is to be made is there.
func comesFirst(a answer, kind string) bool {
	if kind == "batch" {
		return strings.Contains(a.body, `"status":"412`) || strings.Contains(a.body, `"status":"404`)
	}
	return a.status == 412 || a.status == 404 || kind == "transaction" && (a.status == 400 || a.status == 200)
}

// disturbed lists hidden resources that the last request changed.
func (w *writer) disturbed() (keys []string) {
	for _, v := range w.versions(w.full, 6) {
		if slices.Contains(w.hidden, v.key) && v.at == w.full.instant() {
			keys = append(keys, v.key)
		}
	}
	return keys
}

// kept is a version in a store.
type kept struct{ key, at, text string }

// versions are the newest in a store, but for what is made of the moment.
func (w *writer) versions(of *world, n int) (list []kept) {
	a := of.do(w.t, token, &request{method: "GET", path: fmt.Sprintf("_history?_count=%d", n)})
	var b struct {
		Entry []struct {
			FullURL  string
			Resource json.RawMessage
			Response struct{ Etag, LastModified string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		w.t.Fatal(err)
	}
	for _, e := range b.Entry {
		text := made.ReplaceAllString(fmt.Sprint(e.FullURL, e.Response.Etag, e.Response.LastModified, string(e.Resource)), "ID")
		list = append(list, kept{strings.TrimPrefix(e.FullURL, base+"/"), e.Response.LastModified, text})
	}
	return list
}

// dump is the history of what the caller does not see, or of all the rest.
func (w *writer) dump(of *world, hidden bool) string {
	var lines []string
	for _, v := range w.versions(of, 1000) {
		if slices.Contains(w.hidden, v.key) == hidden {
			lines = append(lines, v.text)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// compareWorlds holds what the caller left behind against the other world.
func (w *writer) compareWorlds(when string) {
	if after := w.dump(w.full, true); after != w.before {
		w.t.Errorf("%s: hidden resources %s\nwant %s\ngot  %s", w.caller.name, when, shortened(w.before, after), shortened(after, w.before))
	}
	if w.blind {
		return
	}
	if got, want := w.dump(w.full, false), w.dump(w.twins["r"], false); got != want {
		w.t.Errorf("%s: %s\nwant %s\ngot  %s", w.caller.name, when, shortened(want, got), shortened(got, want))
	}
}
