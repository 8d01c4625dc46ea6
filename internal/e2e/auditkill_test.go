package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/internal/firthtest"
)

// trailRounds is how often TestKillAudit kills the server.
const trailRounds = 3

// TestKillAudit kills servers while clients write, and finds for every write that was answered its event, in a trail that is whole. No token is in the trail or in what the servers print.
func TestKillAudit(t *testing.T) {
	rs, _ := firthtest.NewSigners(t)
	dir, store := t.TempDir(), place(t)
	var secrets, printed []string
	answered := &answeredWrites{keys: map[string]string{}}
	for round := range trailRounds {
		g := serveGuarded(t, store, filepath.Join(dir, "keys"))
		if round == 0 {
			g.admin("client", "add", "gateway", "--name", "Ward 7", "--type", "asymmetric", "--jwks", firthtest.JWKS(t, rs), "--scopes", "system/Observation.cu system/Patient.cu")
		}
		status, grant := g.grant(rs, "gateway", "system/Observation.cu system/Patient.cu")
		token, _ := grant["access_token"].(string)
		if status != 200 || token == "" {
			t.Fatal(status, grant)
		}
		secrets = append(secrets, token)
		if got := g.status(token, "PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`); got >= 300 {
			t.Fatal("a patient:", got)
		}
		answered.during(g, token, round)
		printed = append(printed, g.Output()...)
		verified := g.admin("audit", "verify")
		if !strings.HasSuffix(verified, "intact\n") {
			t.Fatal(verified)
		}
	}
	g := &guarded{T: t, store: store, keys: filepath.Join(dir, "keys")}
	exported := g.admin("audit", "export")
	events := recordedWrites(t, exported)
	for request, key := range answered.keys {
		if events[request] != key {
			t.Errorf("request %s was answered with %s, its event says %q", request, key, events[request])
		}
	}
	t.Logf("%d writes answered, %d events of writes", len(answered.keys), len(events))
	pairs(t, store, events)
	if len(answered.keys) == 0 {
		t.Error("no write was answered")
	}
	everything := exported + strings.Join(printed, "\n")
	for _, secret := range secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(everything, form) {
				t.Error("a token is in the trail or in the log")
			}
		}
	}
	if strings.Contains(everything, "client_assertion=ey") {
		t.Error("an assertion is in the trail or in the log")
	}
}

// answeredWrites are the writes that clients know of.
type answeredWrites struct {
	mu   sync.Mutex
	keys map[string]string // request id to what was written
}

// during lets clients write until the server is killed.
func (a *answeredWrites) during(g *guarded, token string, round int) {
	var clients sync.WaitGroup
	for c := range 12 {
		clients.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("round-%d-%d-%d", round, c, i)
				status, header, _, err := request("POST", g.base+"/Observation", observation(id, "urn:kill:audit", "Patient/p"), "Authorization", "Bearer "+token, "X-Request-Id", id)
				if err != nil {
					return
				}
				if status != 201 {
					g.Errorf("answered %d", status)
					return
				}
				a.mu.Lock()
				a.keys[id] = keyOf(header.Get("Location"))
				a.mu.Unlock()
			}
		})
	}
	written := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.keys)
	}
	for had, begun := written(), time.Now(); written() < had+100 && time.Since(begun) < time.Minute; time.Sleep(time.Millisecond) { // in the midst of work
	}
	g.Kill(g.T)
	clients.Wait()
}

// recordedWrites are the creates that an export has, what was written by request id.
func recordedWrites(t *testing.T, ndjson string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(ndjson) {
		var e struct {
			Action string
			Entity []struct {
				What struct {
					Reference  string
					Identifier struct{ Value string }
				}
				Type struct{ Code string }
			}
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		request, key := "", ""
		for _, entity := range e.Entity {
			switch entity.Type.Code {
			case "XrequestId":
				request = entity.What.Identifier.Value
			case "2":
				key, _, _ = strings.Cut(entity.What.Reference, "/_history/")
			}
		}
		if e.Action == "C" && request != "" {
			found[request] = key
		}
	}
	return found
}
