package uscore

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// interact creates a resource of the type, changes it, and reads it in every way that is required. Searches were asked before.
func (r *run) interact(t *testing.T, c *client, file *seedFile) {
	t.Helper()
	created := c.send(t, http.MethodPost, file.typ, file.resource(t, "", nil))
	path, version, _ := strings.Cut(strings.TrimPrefix(created.header.Get("Location"), c.base+"/"), "/_history/")
	_, id, _ := strings.Cut(path, "/")
	changed := c.send(t, http.MethodPut, path, file.resource(t, id, map[string]any{"language": "en-US"}))
	problems := map[string]string{}
	if created.status != http.StatusCreated || version == "" || changed.status != http.StatusOK {
		problems["create"] = fmt.Sprintf("%d %s, changed: %d %s", created.status, created.body, changed.status, changed.body)
	}
	if got := c.send(t, http.MethodGet, path, nil); got.status != http.StatusOK || !bytes.Equal(got.body, changed.body) {
		problems["read"] = fmt.Sprintf("%d %s", got.status, got.body)
	}
	if got := c.send(t, http.MethodGet, path+"/_history/"+version, nil); got.status != http.StatusOK || !bytes.Equal(got.body, created.body) {
		problems["vread"] = fmt.Sprintf("%d %s", got.status, got.body)
	}
	if got := c.send(t, http.MethodGet, path+"/_history", nil); got.status != http.StatusOK {
		problems["history-instance"] = fmt.Sprintf("%d %s", got.status, got.body)
	} else {
		problems["history-instance"] = compareHistory(got.bundle(t), version)
	}
	if got := c.send(t, http.MethodGet, file.typ+"?_id="+id, nil); got.status != http.StatusOK || len(got.bundle(t).keys("match")) != 1 {
		problems["search-type"] = fmt.Sprintf("%d %s", got.status, got.body)
	}
	for name, problem := range problems {
		if problem != "" {
			t.Errorf("%s: %s: %s", file.typ, name, problem)
		}
	}
	for _, req := range r.of(file.typ, "interaction") {
		if problem := problems[req.what]; problem != "" {
			r.note(req, problem)
		} else {
			r.note(req)
		}
	}
}

// compareHistory checks that there are two versions, the newer one first.
func compareHistory(b *bundle, created string) string {
	var versions []string
	for _, entry := range b.Entry {
		versions = append(versions, entry.Resource.Meta.VersionID)
	}
	if b.Type != "history" || b.Total == nil || *b.Total != 2 || len(versions) != 2 || versions[1] != created || versions[0] == created {
		return "not two versions, newest first: " + cmp.Diff([]string{"the newer", created}, versions)
	}
	return ""
}
