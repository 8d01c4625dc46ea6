package acceptance

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/testfiles"
	"github.com/firth-health/firth/internal/teststore"
)

// world is a server and what was sent to it, decoded from the files and not from its answers. References are as the server has them.
type world struct {
	base  string
	all   []stored // in the order of creation
	byKey map[string]object
}

func key(s stored) string { return s.typ + "/" + s.id }

// recordWorld loads testdata/record.json: a few patients with a record that has the odd cases.
func recordWorld(t *testing.T) *world {
	t.Helper()
	data, err := os.ReadFile("testdata/record.json")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{base: newServer(t), byKey: map[string]object{}}
	post(t, w.base, data)
	for _, entry := range values(decode(t, data), "entry") {
		w.add(entry.(object)["resource"].(object))
	}
	return w
}

var urn = regexp.MustCompile(`urn:uuid:[-0-9a-f]+`)

// syntheaWorld loads some generated patients. The ids that the server gave are put into the text of the files.
func syntheaWorld(t *testing.T, patients int) *world {
	t.Helper()
	files, err := filepath.Glob("../../../shared/data/synthea/*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("../shared/data/synthea is not there")
	}
	w := &world{base: newServer(t), byKey: map[string]object{}}
	for _, file := range files[len(files)-teststore.Size(patients, 1):] {
		data := testfiles.Read(t, file)
		answers := values(post(t, w.base, data), "entry")
		places := map[string]string{}
		for i, entry := range values(decode(t, data), "entry") {
			location := strings.Split(strings.TrimPrefix(texts(answers[i], "response", "location")[0], w.base+"/"), "/")
			places[texts(entry, "fullUrl")[0]] = location[0] + "/" + location[1]
		}
		text := urn.ReplaceAllStringFunc(string(data), func(name string) string {
			if place, ok := places[name]; ok {
				return place
			}
			return name
		})
		for _, entry := range values(decode(t, []byte(text)), "entry") {
			body := entry.(object)["resource"].(object)
			_, body["id"], _ = strings.Cut(entry.(object)["fullUrl"].(string), "/") // the name was replaced as well
			w.add(body)
		}
	}
	return w
}

func (w *world) add(body object) {
	s := stored{typ: body["resourceType"].(string), id: body["id"].(string), order: len(w.all), body: body}
	w.all = append(w.all, s)
	w.byKey[key(s)] = body
}

// keys lists the resources of a type.
func (w *world) keys(typ string) []string {
	var keys []string
	for _, s := range w.all {
		if s.typ == typ {
			keys = append(keys, key(s))
		}
	}
	return keys
}

func replace(t *testing.T, address, body string) object {
	t.Helper()
	request, err := http.NewRequest(http.MethodPut, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	response, err := http.DefaultClient.Do(request)
	return answer(t, response, err)
}
