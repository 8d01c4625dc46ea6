package acceptance

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/teststore"
)

// dated is an Observation with its time, for sorting.
type dated struct {
	stored
	at    span
	known bool
}

// newestFirst sorts by the begin and then the end of the effective time, ties and those without a time by creation, newest first.
func newestFirst(all []stored) []dated {
	var list []dated
	for _, s := range all {
		d := dated{stored: s}
		if spans := datesOf(s); len(spans) > 0 {
			d.at, d.known = spans[0], true
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b dated) int {
		switch {
		case a.known != b.known && a.known:
			return -1
		case a.known != b.known:
			return 1
		case !a.at.low.Equal(b.at.low):
			return b.at.low.Compare(a.at.low)
		case !a.at.high.Equal(b.at.high):
			return b.at.high.Compare(a.at.high)
		}
		return b.order - a.order
	})
	return list
}

// codeNames are the codings of Observation.code as system|code, or the text where there is none.
func codeNames(o object) []string {
	var names []string
	for _, c := range values(o, "code", "coding") {
		c := c.(object)
		if code, ok := c["code"].(string); ok {
			system, _ := c["system"].(string)
			names = append(names, system+"|"+code)
		}
	}
	if len(names) == 0 {
		text, _ := o["code"].(object)["text"].(string)
		names = []string{"text:" + text}
	}
	return names
}

// groups numbers Observations so that those of one code, transitively, have one number: labels are spread until nothing changes any more.
func groups(list []dated) []int {
	number := make([]int, len(list))
	for i := range number {
		number[i] = i
	}
	for changed := true; changed; {
		changed = false
		least := map[string]int{}
		for i, d := range list {
			for _, name := range codeNames(d.body) {
				if n, ok := least[name]; !ok || number[i] < n {
					least[name] = number[i]
				}
			}
		}
		for i, d := range list {
			for _, name := range codeNames(d.body) {
				if least[name] < number[i] {
					number[i], changed = least[name], true
				}
			}
		}
	}
	return number
}

// expectLastN is R4's description of $lastn, word by word: filter, group by code, the newest of each group, ties of the last one as well.
func expectLastN(all []stored, match predicate, most int) []string {
	var matching []stored
	for _, s := range all {
		if s.typ == "Observation" && match(s.body) {
			matching = append(matching, s)
		}
	}
	list := newestFirst(matching)
	count, last := map[int]int{}, map[int]dated{}
	ids := []string{}
	for i, group := range groups(list) {
		d := list[i]
		tie := d.known && last[group].known && d.at.low.Equal(last[group].at.low) && d.at.high.Equal(last[group].at.high)
		if count[group] >= most && !tie {
			continue
		}
		count[group]++
		last[group] = d
		ids = append(ids, d.id)
	}
	return ids
}

// checkLastN compares ids and their order.
func (w *world) checkLastN(t *testing.T, query string, match predicate) int {
	t.Helper()
	found := 0
	for _, most := range []int{0, 1, 2, 3, 10, 1000} {
		address := w.base + "/Observation/$lastn?" + query
		if most > 0 {
			address += fmt.Sprintf("&max=%d", most)
		}
		bundle := get(t, address)
		got := []string{}
		for _, entry := range values(bundle, "entry") {
			got = append(got, texts(entry, "resource", "id")...)
		}
		want := expectLastN(w.all, match, max(most, 1))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", address, d)
		}
		found += len(got)
	}
	return found
}

// lastNWorld has Observations whose codes are linked by others, with times that are often equal.
func lastNWorld(t *testing.T) *world {
	t.Helper()
	w, rnd := recordWorld(t), rand.New(rand.NewPCG(11, 12))
	times := []string{`"effectiveDateTime":"2026-01-0%dT08:00:00Z"`, `"effectiveDateTime":"2026-01-0%d"`, `"effectiveInstant":"2026-01-0%dT08:00:00.000Z"`, `"effectivePeriod":{"start":"2026-01-0%[1]dT08:00:00Z","end":"2026-01-0%[1]dT09:00:00Z"}`,
		`"effectivePeriod":{"start":"2026-01-0%d"}`}
	for i := range 250 {
		var codings []string
		for range rnd.IntN(3) {
			codings = append(codings, fmt.Sprintf(`{"system":"urn:s%d","code":"c%d"}`, rnd.IntN(2), rnd.IntN(14)))
		}
		code := fmt.Sprintf(`{"text":"t%d"}`, rnd.IntN(4))
		if len(codings) > 0 {
			code = `{"coding":[` + strings.Join(codings, ",") + `],"text":"x"}`
		}
		at := ""
		if rnd.IntN(9) > 0 {
			at = "," + fmt.Sprintf(times[rnd.IntN(len(times))], 1+rnd.IntN(5))
		}
		text := fmt.Sprintf(`{"resourceType":"Observation","id":"r%03d","status":"%s","category":[{"coding":[{"code":"k%d"}]}],"code":%s,"subject":{"reference":"Patient/p%d"}%s}`,
			i, []string{"final", "amended"}[rnd.IntN(2)], rnd.IntN(3), code, 3+rnd.IntN(2), at)
		replace(t, w.base+fmt.Sprintf("/Observation/r%03d", i), text)
		w.add(decode(t, []byte(text)))
	}
	return w
}

func TestLastNAgainstGrouping(t *testing.T) {
	worlds := map[string]func(*testing.T) *world{"record": lastNWorld, "synthea": func(t *testing.T) *world { return syntheaWorld(t, 4) }}
	if teststore.FerretDB() {
		delete(worlds, "synthea") // many newest of many codes, each found by reading all
	}
	for name, load := range worlds {
		t.Run(name, func(t *testing.T) {
			w, found := load(t), 0
			for _, patient := range append(w.keys("Patient"), "Patient/p4") {
				of := text(patient, "subject", "reference")
				query := "subject=" + patient
				found += w.checkLastN(t, query, of)
				for _, c := range []string{"vital-signs", "laboratory", "survey", "k1"} {
					found += w.checkLastN(t, query+"&category="+c, both(of, coding("*", c, "category", "coding")))
				}
				for _, c := range []string{"8867-4", "8302-2", "c1", "85354-9"} {
					found += w.checkLastN(t, query+"&code="+c, both(of, coding("*", c, "code", "coding")))
				}
				found += w.checkLastN(t, query+"&code="+url.QueryEscape(loinc+"|8302-2,urn:s0|c2,urn:s1|c3"),
					both(of, either(coding(loinc, "8302-2", "code", "coding"), coding("urn:s0", "c2", "code", "coding"), coding("urn:s1", "c3", "code", "coding"))))
				found += w.checkLastN(t, query+"&date=ge2012&category=vital-signs", both(of, coding("*", "vital-signs", "category", "coding"), effective("ge", "2012")))
				found += w.checkLastN(t, query+"&date=le2026-01-03", both(of, effective("le", "2026-01-03")))
				found += w.checkLastN(t, query+"&status:not=amended,entered-in-error", both(of, not(either(text("amended", "status"), text("entered-in-error", "status")))))
			}
			if found < 1000 {
				t.Errorf("only %d Observations were compared", found)
			}
		})
	}
}

// effective is a condition on the effective time, whatever type it has.
func effective(prefix, value string) predicate {
	return either(date(prefix, value, "effectiveDateTime"), date(prefix, value, "effectivePeriod"), date(prefix, value, "effectiveInstant"))
}
