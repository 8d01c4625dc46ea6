package uscore

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const shared = "../../../shared/data/"

// fromList are the kinds that the list of capabilities has; the others are in US Core's package.
var fromList = []string{"interaction", "operation", "parameter", "combination", "include", "revinclude"}

// TestRequirementsAreThoseOfTheGuides compares requirements.tsv with the list that was made of the guides' CapabilityStatements.
func TestRequirementsAreThoseOfTheGuides(t *testing.T) {
	data, err := os.ReadFile(shared + "requirements/us-core-and-ipa-capabilities.txt")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the list of capabilities is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	guide, typ := "", ""
	for line := range strings.Lines(string(data)) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			if strings.HasPrefix(title, "US Core ") || strings.HasPrefix(title, "IPA ") {
				guide = map[string]string{"US Core 6.1.0": "us-core-6.1", "IPA 1.0.0": "ipa-1.0"}[title]
			}
			typ, _, _ = strings.Cut(title, " ")
			continue
		}
		for _, req := range required(guide, typ, strings.TrimSpace(line)) {
			want = append(want, req.String())
		}
	}
	compareRequirements(t, want, func(req requirement) bool { return slices.Contains(fromList, req.kind) })
}

// required reads a line of the list. The strengths of US Core's includes are not in it: they are SHOULD, and SHALL backwards.
func required(guide, typ, line string) (list []requirement) {
	if guide == "" {
		return nil
	}
	kind, rest, _ := strings.Cut(line, " ")
	add := func(strength, kind, what string) { list = append(list, requirement{guide, typ, strength, kind, what}) }
	pairs := func(pattern, kind string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(rest, -1) {
			if m[2] != "MAY" {
				add(m[2], kind, m[1])
			}
		}
	}
	switch kind {
	case "interactions":
		pairs(`([\w-]+):(\w+)`, "interaction")
	case "ops":
		pairs(`\('([\w-]+)', '(\w+)'\)`, "operation")
	case "params":
		pairs(`([\w-]+)\(\w+\):(\w+)`, "parameter")
	case "combo":
		if words := strings.Fields(rest); words[0] != "MAY" {
			add(words[0], "combination", words[1])
		}
	case "include", "revinclude":
		quoted := regexp.MustCompile(`'([^']+)'`).FindAllStringSubmatch(rest, -1)
		strength := "NAMED"
		if guide == "us-core-6.1" {
			strength = "SHOULD"
		}
		if last := quoted[len(quoted)-1][1]; kind == "revinclude" && !strings.Contains(last, ":") {
			strength, quoted = last, quoted[:len(quoted)-1]
		}
		for _, m := range quoted {
			add(strength, kind, m[1])
		}
	}
	return list
}

// compareRequirements compares the lines of requirements.tsv that are of interest, without regard to order.
func compareRequirements(t *testing.T, want []string, of func(requirement) bool) {
	t.Helper()
	var got []string
	for _, req := range readRequirements(t) {
		if of(req) {
			got = append(got, req.String())
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-guides +requirements.tsv)\n%s", diff)
	}
}

// extensions are the strengths that US Core gives to parts of its resources.
type extensions struct {
	Extension []struct{ URL, ValueCode string }
}

func (e extensions) strength() string {
	for _, one := range e.Extension {
		if strings.HasSuffix(one.URL, "/capabilitystatement-expectation") {
			return one.ValueCode
		}
	}
	return "MAY"
}

// definition is what the tests read of a SearchParameter.
type definition struct {
	URL, Type, Code, Expression string
	Base, Comparator            []string
	Comparators                 []extensions `json:"_comparator"`
	MultipleOr                  extensions   `json:"_multipleOr"`
	MultipleAnd                 extensions   `json:"_multipleAnd"`
}

// statement is what the tests read of US Core's CapabilityStatement.
type statement struct {
	Rest []struct {
		Resource []struct {
			Type        string
			SearchParam []struct{ Name, Definition, Documentation string }
		}
	}
}

// TestFormsAreThoseOfUSCore compares forms, prefixes and multiple values in requirements.tsv with US Core's package.
func TestFormsAreThoseOfUSCore(t *testing.T) {
	server, parameters := readPackage(t)
	var want []string
	for _, resource := range server.Rest[0].Resource {
		add := func(strength, kind, what string) {
			if strength != "MAY" {
				want = append(want, requirement{"us-core-6.1", resource.Type, strength, kind, what}.String())
			}
		}
		for _, p := range resource.SearchParam {
			d := parameters[p.Definition]
			for _, form := range forms(d.Type, p.Documentation) {
				add("SHALL", "form", p.Name+" "+form)
			}
			for i, e := range d.Comparators {
				add(e.strength(), "prefix", p.Name+" "+d.Comparator[i])
			}
			add(d.MultipleOr.strength(), "multiple-or", p.Name)
			add(d.MultipleAnd.strength(), "multiple-and", p.Name)
		}
	}
	compareRequirements(t, want, func(req requirement) bool { return !slices.Contains(fromList, req.kind) })
}

// forms reads from the documentation of a parameter how its values are written.
func forms(typ, documentation string) []string {
	switch {
	case typ == "date" && strings.Contains(documentation, "precise to the *day*"):
		return []string{"day"}
	case typ == "date" && strings.Contains(documentation, "precise to the *second + time offset*"):
		return []string{"second+offset"}
	case !strings.Contains(documentation, "SHALL** support both"):
		return nil
	case typ == "reference":
		return []string{"Type/id", "id"}
	}
	return []string{"system|code", "code"}
}

// TestSearchParametersAreThoseOfUSCore compares testdata/searchparameters.ndjson with US Core's package.
func TestSearchParametersAreThoseOfUSCore(t *testing.T) {
	_, parameters := readPackage(t)
	for _, p := range readParameters(t) {
		d, ok := parameters[p.URL]
		if !ok || d.Type != p.Type || d.Code != p.Code || d.Expression != p.Expression || !slices.Equal(d.Base, p.Base) {
			t.Errorf("%s is %+v, and %+v in US Core", p.URL, p, d)
		}
	}
}

// readPackage reads the server's CapabilityStatement and the SearchParameters, by URL.
func readPackage(t *testing.T) (server statement, parameters map[string]definition) {
	t.Helper()
	file, err := os.Open(shared + "packages/hl7.fhir.us.core-6.1.0.tgz")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("US Core's package is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	parameters = map[string]definition{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return server, parameters
		}
		if err != nil {
			t.Fatal(err)
		}
		switch dir, name := path.Split(header.Name); {
		case dir == "package/" && name == "CapabilityStatement-us-core-server.json":
			err = json.NewDecoder(archive).Decode(&server)
		case dir == "package/" && strings.HasPrefix(name, "SearchParameter-"):
			var d definition
			err = json.NewDecoder(archive).Decode(&d)
			parameters[d.URL] = d
		}
		if err != nil {
			t.Fatalf("%s: %v", header.Name, err)
		}
	}
}
