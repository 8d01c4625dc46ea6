package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/internal/teststore"
)

// electionWithin bounds each wait of TestElections.
const electionWithin = 3 * time.Minute

// TestElections has clients write and read, and a job run, on a replica set whose primary changes, again and again, and which has none for a time. Everything that was acknowledged is there
// once and has one event in an audit trail that is whole; of what was refused there is nothing; a Bundle is there whole or not at all.
func TestElections(t *testing.T) {
	members := teststore.NewMembers(t)
	e := newElection(t)
	for range 2 {
		e.phase(func([]*steadfast) { members.StepDown(t) })
	}
	e.phase(func(clients []*steadfast) {
		members.Freeze(t)
		e.await("is told that there is no primary", clients, func(c *steadfast) bool { return c.refused.Load() > 0 })
		members.Thaw(t)
	})
	e.phase(func([]*steadfast) { members.StepDown(t) })
	e.judge()
}

// election is a guarded server whose store changes its primary.
type election struct {
	*guarded
	diary  *diary
	signer firthtest.Signer
	phases int
}

func newElection(t *testing.T) *election {
	rs, _ := firthtest.NewSigners(t)
	dir := t.TempDir()
	e := &election{guarded: serveGuarded(t, place(t), filepath.Join(dir, "keys")), diary: &diary{notes: map[string]*note{}}, signer: rs}
	e.admin("client", "add", "gateway", "--name", "Ward 7", "--type", "asymmetric", "--jwks", firthtest.JWKS(t, rs), "--scopes", "system/*.cruds")
	return e
}

// phase runs clients and a job while something happens to the store, and until all of them go on.
func (e *election) phase(happens func([]*steadfast)) {
	status, grant := e.grant(e.signer, "gateway", "system/*.cruds")
	token, _ := grant["access_token"].(string)
	if status != 200 || token == "" {
		e.Fatal(status, grant)
	}
	stop := make(chan struct{})
	var working sync.WaitGroup
	var clients []*steadfast
	for i := range 6 {
		c := &steadfast{diary: e.diary, base: e.base, token: token, name: fmt.Sprintf("p%d-c%d", e.phases, i), random: rand.New(rand.NewPCG(uint64(e.phases), uint64(i))),
			done: &atomic.Int64{}, refused: &atomic.Int64{}}
		clients = append(clients, c)
		working.Go(func() { c.work(stop) })
	}
	more := func() { // all of them have a write done from now on
		var before []int64
		for _, c := range clients {
			before = append(before, c.done.Load())
		}
		e.await("goes on", clients, func(c *steadfast) bool { return c.done.Load() > before[slices.Index(clients, c)]+3 })
	}
	more()
	accepted, header, body, err := request("POST", e.base+"/Observation/$reindex", "", "Authorization", "Bearer "+token)
	if err != nil || accepted != 202 {
		e.Fatal(accepted, string(body), err)
	}
	happens(clients)
	more()
	close(stop)
	working.Wait()
	e.job(token, header.Get("Content-Location"))
	e.Logf("phase %d: %d writes acknowledged so far, %d refused, %d unknown", e.phases, e.diary.count(toldDone), e.diary.count(toldNothing), e.diary.count(toldUnknown))
	e.phases++
}

func (e *election) await(what string, clients []*steadfast, does func(*steadfast) bool) {
	e.Helper()
	for began := time.Now(); !e.Failed(); time.Sleep(10 * time.Millisecond) {
		late := slices.IndexFunc(clients, func(c *steadfast) bool { return !does(c) })
		if late < 0 {
			return
		}
		if time.Since(began) > electionWithin {
			e.diary.mu.Lock()
			defer e.diary.mu.Unlock()
			e.Fatalf("client %s never %s: %d done, %d refused; %v\n%s", clients[late].name, what, clients[late].done.Load(), clients[late].refused.Load(), e.diary.strange, e.Stderr.String())
		}
	}
}

// job waits for the end of a job.
func (e *election) job(token, address string) {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		status, _, body, err := request("GET", address, "", "Authorization", "Bearer "+token)
		if err != nil || status == 202 && time.Since(began) < electionWithin {
			continue
		}
		if status != 200 || !strings.Contains(string(body), `"completed"`) {
			e.Errorf("the job: %d %s\n%s", status, body, e.Stderr.String())
		}
		return
	}
}

// judge compares what clients were told with what is there, and with the audit trail.
func (e *election) judge() {
	for _, strange := range e.diary.strange {
		e.Error(strange)
	}
	if code := e.Stop(e.T); code != 0 {
		e.Error("exit ", code)
	}
	if verified := e.admin("audit", "verify"); !strings.HasSuffix(verified, "intact\n") {
		e.Error(verified)
	}
	e.judgeEvents(e.admin("audit", "export"))
	base := serve(e.T, e.store).Base
	there := map[string][]string{} // what was written, to keys
	for _, path := range []string{"Observation", "Patient", "Device"} {
		everything(e.T, base+"/"+path+"?_count=500", func(r fhir.Node) {
			id := r.Get("identifier").Index(0)
			there[id.Get("system").Text()+"|"+id.Get("value").Text()] = append(there[id.Get("system").Text()+"|"+id.Get("value").Text()], path+"/"+r.Get("id").Text())
			if path == "Device" {
				there["device|"+r.Get("serialNumber").Text()] = []string{path + "/" + r.Get("id").Text()}
			}
		})
	}
	everything(e.T, base+"/Basic/_history?_count=500", func(r fhir.Node) {
		there["update|"+r.Path("code", "text").Text()] = append(there["update|"+r.Path("code", "text").Text()], "Basic/"+r.Get("id").Text())
	})
	for id, n := range e.diary.notes {
		e.judgeNote(id, n, there)
	}
	for what, keys := range there {
		if strings.HasPrefix(what, "urn:election|p") && len(keys) > 1 {
			e.Errorf("%s is there %d times", what, len(keys))
		}
	}
	if e.diary.count(toldDone) == 0 || e.diary.count(toldNothing) == 0 {
		e.Error("nothing happened")
	}
}

func (e *election) judgeNote(id string, n *note, there map[string][]string) {
	var got, want int
	switch n.kind {
	case "create":
		keys := there["urn:election:create|"+id]
		got, want = len(keys), 1
		if n.told == toldDone && !slices.Equal(keys, []string{n.key}) {
			e.Errorf("%s was made as %s, and is there as %v", id, n.key, keys)
		}
	case "update":
		got, want = len(there["update|"+id]), 1
	case "transaction":
		got, want = len(there["urn:election:transaction|"+id])+len(there["urn:election|"+id]), membersOf+1
	case "conditional":
		if made := there["device|"+id]; n.told == toldNothing && made != nil {
			e.Errorf("conditional create %s was refused and made %v", id, made)
		}
		return
	}
	if n.told == toldDone && got != want || n.told == toldNothing && got != 0 || got != 0 && got != want {
		e.Errorf("%s %s: told %d, %d of %d are there", n.kind, id, n.told, got, want)
	}
}

// everything calls use with all resources of a Bundle and of those behind it.
func everything(t *testing.T, url string, use func(fhir.Node)) {
	t.Helper()
	for url != "" {
		page := ask(t, 200, "GET", url, "")
		for i := range page.Get("entry").Len() {
			use(page.Get("entry").Index(i).Get("resource"))
		}
		url = ""
		for i := range page.Get("link").Len() {
			if link := page.Get("link").Index(i); link.Get("relation").Text() == "next" {
				url = link.Get("url").Text()
			}
		}
	}
}

// judgeEvents finds one event for each write that was acknowledged, and none of success for one of which nothing was done.
func (e *election) judgeEvents(ndjson string) {
	succeeded := map[string]int{}
	for line := range strings.Lines(ndjson) {
		var event struct {
			Outcome, Action string
			Subtype         []struct{ Code string }
			Entity          []struct {
				What struct{ Identifier struct{ Value string } }
				Type struct{ Code string }
			}
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			e.Fatal(err)
		}
		for _, entity := range event.Entity {
			if entity.Type.Code == "XrequestId" && event.Outcome == "0" {
				succeeded[entity.What.Identifier.Value]++
			}
		}
	}
	for id, n := range e.diary.notes {
		want := 1
		if n.kind == "transaction" {
			want = membersOf + 2
		}
		if got := succeeded[id]; n.told == toldDone && got != want || n.told == toldNothing && got != 0 || got > want {
			e.Errorf("%s %s: told %d, %d events of success", n.kind, id, n.told, got)
		}
	}
}
