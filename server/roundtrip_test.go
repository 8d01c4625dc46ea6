package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
)

// TestRoundTrip creates and reads resources: every byte but the stamps is as it was sent.
func TestRoundTrip(t *testing.T) {
	roundTrip(t, "testdata/roundtrip/*.json")
}

// TestRoundTripExamples does so with the published R4 examples.
func TestRoundTripExamples(t *testing.T) {
	if files := roundTrip(t, "../../shared/data/r4-examples/*.json"); files == 0 {
		t.Skip("../../shared/data/r4-examples is absent")
	}
}

func roundTrip(t *testing.T, pattern string) int {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			sent, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			res, err := fhir.ParseResource(sent)
			if err != nil {
				t.Skipf("not a resource: %v", err)
			}
			if !f.server.definitions.IsResource(res.Type()) {
				t.Skipf("%s is no resource type of R4", res.Type())
			}
			created := f.do("POST", "/"+res.Type(), string(sent))
			if created.status != 201 {
				t.Fatalf("create: %d %s", created.status, created.body)
			}
			read := f.do("GET", withoutVersion(created.header.Get("Location")), "", "Accept", "application/fhir+json")
			diff(t, created.body, read.body)
			if got := unstamped(t, read.body, res); got != string(res.Bytes()) {
				diff(t, string(res.Bytes()), got)
			}
		})
	}
	return len(files)
}

// unstamped takes what the server added out of a stored resource, and puts back what it replaced.
func unstamped(t *testing.T, stored string, original *fhir.Resource) string {
	t.Helper()
	res, err := fhir.ParseResource([]byte(stored))
	if err != nil {
		t.Fatal(err)
	}
	version := `"versionId":"` + res.VersionID() + `"`
	updated := `"lastUpdated":"` + res.Root().Path("meta", "lastUpdated").Text() + `"`
	remove := func(part string) {
		if strings.Count(stored, part) != 1 {
			t.Fatalf("%s is not there once: %s", part, stored)
		}
		stored = strings.Replace(stored, part, "", 1)
	}
	was, is := original.Root(), res.Root()
	var back []fhir.Splice
	restore := func(path ...string) {
		back = append(back, fhir.Replace(is.Path(path...), was.Path(path...).Raw()))
	}
	if was.Get("id").Ok() {
		restore("id")
	}
	for _, name := range []string{"versionId", "lastUpdated"} {
		if was.Path("meta", name).Ok() {
			restore("meta", name)
		}
	}
	stored = string(res.Apply(back))
	if !was.Get("id").Ok() {
		remove(`,"id":"` + res.ID() + `"`)
	}
	meta := was.Get("meta")
	hasVersion, hasUpdated := meta.Get("versionId").Ok(), meta.Get("lastUpdated").Ok()
	switch {
	case !meta.Ok():
		remove(`,"meta":{` + version + `,` + updated + `}`)
	case meta.Len() == 0:
		remove(version + "," + updated)
	case !hasVersion && !hasUpdated:
		remove(version + "," + updated + ",")
	case !hasVersion:
		remove(version + ",")
	case !hasUpdated:
		remove(updated + ",")
	}
	return stored
}
