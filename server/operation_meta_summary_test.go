package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// label is a label of Meta as decoded JSON tells it: its kind, system (empty for profiles) and code or URL.
type label struct{ Kind, System, Code string }

// labelsOf decodes a Meta.
func labelsOf(t *testing.T, meta string) []label {
	t.Helper()
	var m struct {
		Profile       []string
		Security, Tag []struct{ System, Code string }
	}
	if err := json.Unmarshal([]byte(meta), &m); err != nil {
		t.Fatal(err, meta)
	}
	var all []label
	for _, url := range m.Profile {
		all = append(all, label{"profile", "", url})
	}
	for _, c := range m.Security {
		all = append(all, label{"security", c.System, c.Code})
	}
	for _, c := range m.Tag {
		all = append(all, label{"tag", c.System, c.Code})
	}
	return all
}

// answeredLabels asks for $meta.
func answeredLabels(t *testing.T, f *fixture, path string) []label {
	t.Helper()
	got := f.do("GET", path, "")
	var p struct {
		Parameter []struct{ ValueMeta json.RawMessage }
	}
	if err := json.Unmarshal([]byte(got.body), &p); err != nil || got.status != 200 || len(p.Parameter) != 1 {
		t.Fatal(got.status, got.body, err)
	}
	return labelsOf(t, string(p.Parameter[0].ValueMeta))
}

// randomMeta has labels that are often those of others.
func randomMeta(rnd *rand.Rand) string {
	codings := func(n int) string {
		list := make([]string, rnd.IntN(3))
		for i := range list {
			list[i] = fmt.Sprintf(`{"system":"urn:s%d","code":"c%d","display":"d%d"}`, rnd.IntN(3), rnd.IntN(n), rnd.IntN(9))
			if rnd.IntN(5) == 0 {
				list[i] = fmt.Sprintf(`{"code":"c%d"}`, rnd.IntN(n))
			}
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	var parts []string
	if list := codings(40); list != "[]" {
		parts = append(parts, `"tag":`+list)
	}
	if list := codings(5); list != "[]" {
		parts = append(parts, `"security":`+list)
	}
	if n := rnd.IntN(12); n > 3 {
		parts = append(parts, fmt.Sprintf(`"profile":["http://example.org/p%d%s"]`, n, []string{"", "|1", "|2.0", "x"}[rnd.IntN(4)]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// TestMetaInUse compares $meta of types and of the system with the set of labels of what is stored now, after updates and deletions.
func TestMetaInUse(t *testing.T) {
	f := newFixture(t)
	rnd := rand.New(rand.NewPCG(5, 6))
	now := map[string]string{} // Type/id to meta
	for range 400 {
		key := fmt.Sprintf("%s/%d", []string{"Patient", "Observation", "Device"}[rnd.IntN(3)], rnd.IntN(60))
		typ, id, _ := strings.Cut(key, "/")
		if rnd.IntN(6) == 0 {
			f.do("DELETE", "/"+key, "")
			delete(now, key)
			continue
		}
		now[key] = randomMeta(rnd)
		subject := ""
		if typ == "Observation" {
			subject = fmt.Sprintf(`,"subject":{"reference":"Patient/%d"}`, rnd.IntN(60))
		}
		f.put(t, "/"+key, fmt.Sprintf(`{"resourceType":"%s","id":"%s","meta":%s%s}`, typ, id, now[key], subject))
	}
	expect := func(visible func(key string) bool) []label {
		set := map[label]bool{}
		for key, meta := range now {
			if visible(key) {
				for _, l := range labelsOf(t, meta) {
					set[l] = true
				}
			}
		}
		return slices.SortedFunc(maps.Keys(set), func(a, b label) int {
			return strings.Compare(a.Kind+"\x00"+a.System+"\x00"+a.Code, b.Kind+"\x00"+b.System+"\x00"+b.Code)
		})
	}
	for _, typ := range []string{"Patient", "Observation", "Device", "Group"} {
		want := expect(func(key string) bool { return strings.HasPrefix(key, typ+"/") })
		diff(t, want, answeredLabels(t, f, "/"+typ+"/$meta"))
		if typ != "Group" && len(want) < 30 {
			t.Errorf("only %d labels", len(want))
		}
	}
	diff(t, expect(func(string) bool { return true }), answeredLabels(t, f, "/$meta"))

	f.server.authenticator = onlyPatient{f.server, "7", []string{"Patient", "Device"}}
	want := expect(func(key string) bool { return key == "Patient/7" || strings.HasPrefix(key, "Device/") })
	diff(t, want, answeredLabels(t, f, "/$meta"))
	diff(t, expect(func(key string) bool { return key == "Patient/7" }), answeredLabels(t, f, "/Patient/$meta"))
	if got := f.do("GET", "/Observation/$meta", ""); got.status != http.StatusForbidden {
		t.Error(got.status, got.body)
	}
}
