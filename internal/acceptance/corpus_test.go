package acceptance

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/testfiles"
	"github.com/firth-health/firth/internal/teststore"
)

// corpusFile asks a server.
type corpusFile struct{ testfiles.Corpus }

func readCorpus(t *testing.T, name string) corpusFile {
	t.Helper()
	return corpusFile{testfiles.ReadCorpus(t, name)}
}

// TestSearchCorpus asks every row of the search corpus over HTTP, of a server that holds the resources of its file.
func TestSearchCorpus(t *testing.T) {
	rows := 0
	for _, name := range testfiles.CorpusNames(t) {
		file := readCorpus(t, name)
		rows += len(file.Rows)
		t.Run(name, func(t *testing.T) { file.ask(t, newServer(t)) })
	}
	if rows < 600 {
		t.Errorf("the corpus has %d rows", rows)
	}
}

// TestSearchCorpusOnFerretDB asks a part of the corpus of a server on the other back end, so that every run of the tests meets both. `make test-mongodb` asks all.
func TestSearchCorpusOnFerretDB(t *testing.T) {
	if teststore.MongoDB() {
		t.Skip("TestSearchCorpus runs there")
	}
	if testing.Short() {
		t.Skip("builds a server; runs without -short")
	}
	uri := teststore.FerretDBFor(t)
	for _, name := range []string{"composites-observation", "dates-effective", "filters", "references-followed", "sorting", "words"} {
		t.Run(name, func(t *testing.T) {
			kept := teststore.PlaceOn(t, uri, true).Open(t, teststore.Options{})
			teststore.CloseLater(t, kept)
			readCorpus(t, name).ask(t, newServerOn(t, kept))
		})
	}
}

func (f corpusFile) ask(t *testing.T, base string) {
	t.Helper()
	for _, text := range f.Resources {
		put(t, base, text)
	}
	for _, row := range f.Rows {
		askRow(t, base, row)
	}
}

func put(t *testing.T, base string, text []byte) {
	t.Helper()
	var res struct{ ResourceType, ID string }
	if err := json.Unmarshal(text, &res); err != nil {
		t.Fatal(err)
	}
	if status, body := exchange(t, http.MethodPut, base+"/"+res.ResourceType+"/"+res.ID, text); status != http.StatusCreated {
		t.Errorf("PUT %s/%s: %d %s", res.ResourceType, res.ID, status, body)
	}
}

// exchange sends a request whose unknown parameters are errors.
func exchange(t *testing.T, method, address string, body []byte) (status int, answer []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Prefer", "handling=strict")
	request.Header.Set("Content-Type", "application/fhir+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// askRow compares the answer to one row.
func askRow(t *testing.T, base string, row []string) {
	t.Helper()
	status, body := exchange(t, http.MethodGet, base+"/"+encodeRow(row[0]), nil)
	if row[1] == "refused" {
		if status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", row[0], status)
		}
		return
	}
	var bundle struct {
		Total *int
		Entry []struct {
			Search   struct{ Mode string }
			Resource struct{ ResourceType, ID string }
		}
	}
	if err := json.Unmarshal(body, &bundle); err != nil || status != http.StatusOK {
		t.Errorf("%s: %d %s", row[0], status, body)
		return
	}
	var matches, included []string
	for _, entry := range bundle.Entry {
		if entry.Search.Mode == "match" {
			matches = append(matches, entry.Resource.ID)
		} else {
			included = append(included, entry.Resource.ResourceType+"/"+entry.Resource.ID)
		}
	}
	slices.Sort(included)
	wantIncluded := ""
	if len(row) > 2 {
		wantIncluded = row[2]
	}
	if got := strings.Join(matches, " "); got != row[1] {
		t.Errorf("%s: found %q, want %q", row[0], got, row[1])
	}
	if got := strings.Join(included, " "); got != wantIncluded {
		t.Errorf("%s: included %q, want %q", row[0], got, wantIncluded)
	}
	if bundle.Total == nil || *bundle.Total != len(matches) {
		t.Errorf("%s: total %v of %d matches", row[0], bundle.Total, len(matches))
	}
}

// encodeRow percent-encodes names and values.
func encodeRow(query string) string {
	typ, rest, _ := strings.Cut(query, "?")
	var pairs []string
	for pair := range strings.SplitSeq(rest, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(strings.ReplaceAll(value, "+", "%2B")); err == nil {
			value = decoded // a row may hold an escape for what a reader would not see
		}
		pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	return typ + "?" + strings.Join(pairs, "&")
}
