package testfiles

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Read returns a file, unpacked where its name ends in .gz.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return data
	}
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(packed); err != nil {
		t.Fatal(err)
	}
	return data
}

// Shared returns the files of the public test data beside the project that match one of the patterns; the test is skipped where the data is absent.
func Shared(t testing.TB, patterns ...string) []string {
	t.Helper()
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(root(t), "..", "shared", "data", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skipf("no public test data for %v beside the project", patterns)
	}
	return files
}

// Corpus is a file of the search corpus; see the README in testdata/search.
type Corpus struct {
	About     string
	Resources []json.RawMessage
	Rows      [][]string
}

// CorpusNames are the names of the files of the search corpus, for [ReadCorpus].
func CorpusNames(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root(t), "testdata", "search", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(found))
	for i, file := range found {
		names[i] = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return names
}

// ReadCorpus reads a file of the search corpus.
func ReadCorpus(t testing.TB, name string) Corpus {
	t.Helper()
	var c Corpus
	if err := json.Unmarshal(Read(t, filepath.Join(root(t), "testdata", "search", name+".json")), &c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

// root is the directory of the project, above that of the package whose tests run.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = above
	}
}
