package e2e

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/internal/teststore"
)

// binary is the program under test.
var binary firthtest.Binary

func TestMain(m *testing.M) {
	os.Exit(teststore.Main(func() int { return firthtest.Main(m, func(built firthtest.Binary) { binary = built }) }))
}

// run executes one command to its end.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	stdout, stderr, code = binary.Run(t, "", firthtest.Environment(), stdin, args...)
	if teststore.MongoDB() { // which tells what indexes it made
		stderr = logLines.ReplaceAllString(stderr, "")
	}
	return stdout, stderr, code
}

var logLines = regexp.MustCompile(`(?m)^time=\S+ level=INFO .*\n`)

func runIn(t *testing.T, dir string, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return binary.Run(t, dir, env, stdin, args...)
}

// serve starts a server and waits until it is ready.
func serve(t *testing.T, store string, extra ...string) *firthtest.Process {
	t.Helper()
	return binary.Serve(t, store, append(teststore.Flags(), extra...)...)
}

// place is where a new store is, as --store names it.
func place(t *testing.T) string {
	t.Helper()
	return teststore.NewPlace(t).Name()
}

// importing are the arguments of an import into a store.
func importing(store string, more ...string) []string {
	return append(append([]string{"import", "--store", store}, teststore.Flags()...), more...)
}

// launch starts a command that keeps running.
func launch(t *testing.T, args ...string) *firthtest.Process {
	t.Helper()
	return binary.Launch(t, firthtest.Environment(), args...)
}

// request sends one request and returns status, headers and body.
func request(method, url, body string, headers ...string) (int, http.Header, []byte, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, data, err
}

// ask sends a request that must be answered with the status, and returns the answer's JSON.
func ask(t *testing.T, status int, method, url, body string, headers ...string) fhir.Node {
	t.Helper()
	got, _, data, err := request(method, url, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	if got != status {
		t.Fatalf("%s %s answered %d, want %d: %.500s", method, url, got, status, data)
	}
	root, err := fhir.Parse(data)
	if err != nil {
		t.Fatalf("%s %s: %v in %.300s", method, url, err, data)
	}
	return root
}

// count is the total of a search.
func count(t *testing.T, base, query string) string {
	t.Helper()
	joint := "?"
	if strings.Contains(query, "?") {
		joint = "&"
	}
	return ask(t, 200, "GET", base+"/"+query+joint+"_summary=count", "").Get("total").Text()
}
