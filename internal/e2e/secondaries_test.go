package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/internal/teststore"
)

// TestReadSecondaries lets other members than the primary answer searches. What is read by id, also by who may see a part only, and what writes look for, is what was written last.
func TestReadSecondaries(t *testing.T) {
	teststore.NewMembers(t)
	rs, _ := firthtest.NewSigners(t)
	scope := "system/Observation.cruds?code=http://loinc.org|8867-4 system/Device.cruds"
	g := serveGuarded(t, place(t), filepath.Join(t.TempDir(), "keys"), "--mongo-read", "secondary")
	g.admin("client", "add", "gateway", "--name", "Ward 7", "--type", "asymmetric", "--jwks", firthtest.JWKS(t, rs), "--scopes", scope)
	status, grant := g.grant(rs, "gateway", scope)
	token, _ := grant["access_token"].(string)
	if status != 200 || token == "" {
		t.Fatal(status, grant)
	}
	for i := range 60 {
		id := fmt.Sprintf("o%d", i)
		body := fmt.Sprintf(`{"resourceType":"Observation","id":"%s",%s`, id, observation(id, "urn:secondaries", "")[len(`{"resourceType":"Observation",`):])
		device := fmt.Sprintf(`{"resourceType":"Device","identifier":[{"system":"urn:secondaries","value":"%s"}]}`, id)
		condition := "/Device?identifier=urn:secondaries|" + id
		got := []int{
			g.status(token, "PUT", "/Observation/"+id, body), g.status(token, "GET", "/Observation/"+id, ""), g.status(token, "GET", "/Observation/"+id+"/_history/1", ""),
			g.status(token, "DELETE", "/Observation/"+id, ""), g.status(token, "GET", "/Observation/"+id, ""),
			g.status(token, "PUT", condition, device), g.status(token, "PUT", condition, device), g.status(token, "DELETE", condition, ""), g.status(token, "PUT", condition, device),
		}
		if diff := cmp.Diff([]int{201, 200, 200, 204, 410, 201, 200, 204, 201}, got); diff != "" {
			t.Errorf("round %d: %s", i, diff)
		}
	}
}
