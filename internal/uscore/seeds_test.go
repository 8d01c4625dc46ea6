package uscore

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// seedFile is a file of testdata/seeds: resources of one type that differ from one in few elements, and searches for them.
type seedFile struct {
	typ      string
	Base     map[string]any
	Seeds    ordered
	Searches [][]string
}

// ordered is an object whose members keep their order, because the order of creation is the order of answers.
type ordered []struct {
	id    string
	patch map[string]any
}

func (o *ordered) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		id, err := d.Token()
		if err != nil {
			return err
		}
		patch := map[string]any{}
		if err := d.Decode(&patch); err != nil {
			return err
		}
		text, _ := id.(string)
		*o = append(*o, struct {
			id    string
			patch map[string]any
		}{text, patch})
	}
	return nil
}

// readSeeds reads all files with the address of the service put in.
func readSeeds(t *testing.T, base string) []*seedFile {
	t.Helper()
	names, err := filepath.Glob("testdata/seeds/*.json")
	if err != nil {
		t.Fatal(err)
	}
	files := make([]*seedFile, len(names))
	for i, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = &seedFile{typ: strings.TrimSuffix(filepath.Base(name), ".json")}
		if err := json.Unmarshal(bytes.ReplaceAll(data, []byte("BASE/"), []byte(base+"/")), files[i]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return files
}

// resource is the base of the file with a patch (RFC 7386) and an id.
func (f *seedFile) resource(t *testing.T, id string, patch map[string]any) []byte {
	t.Helper()
	merged, ok := merge(f.Base, patch).(map[string]any)
	if !ok {
		t.Fatalf("%s/%s is no object", f.typ, id)
	}
	if id != "" {
		merged["id"] = id
	}
	data, err := json.Marshal(merged)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// merge applies a JSON merge patch (RFC 7386) without changing its arguments.
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged := map[string]any{}
	if old, ok := target.(map[string]any); ok {
		for name, value := range old {
			merged[name] = value
		}
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = merge(merged[name], value)
	}
	return merged
}

// seed stores the resources of a file in their order.
func (f *seedFile) seed(t *testing.T, c *client) {
	t.Helper()
	for _, seed := range f.Seeds {
		got := c.send(t, http.MethodPut, f.typ+"/"+seed.id, f.resource(t, seed.id, seed.patch))
		if got.status != http.StatusCreated {
			t.Errorf("PUT %s/%s: %d %s", f.typ, seed.id, got.status, got.body)
		}
	}
}

// search is a row of a seed file.
type search struct {
	typ      string
	text     string
	pairs    [][2]string
	want     []string // ids of matches
	included []string // type and id
}

func (f *seedFile) searches() []*search {
	list := make([]*search, len(f.Searches))
	for i, row := range f.Searches {
		s := &search{typ: f.typ, text: row[0], want: strings.Fields(row[1])}
		if len(row) > 2 {
			s.included = strings.Fields(row[2])
		}
		for pair := range strings.SplitSeq(row[0], "&") {
			name, value, _ := strings.Cut(pair, "=")
			s.pairs = append(s.pairs, [2]string{name, value})
		}
		list[i] = s
	}
	return list
}

// asks names the parameters that decide what matches, sorted and with + between them.
func (s *search) asks() string {
	var names []string
	for _, pair := range s.pairs {
		switch pair[0] {
		case "_include", "_revinclude", "_sort":
		default:
			names = append(names, pair[0])
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "+")
}

func (s *search) values(param string) []string {
	var values []string
	for _, pair := range s.pairs {
		if pair[0] == param {
			values = append(values, pair[1])
		}
	}
	return values
}
