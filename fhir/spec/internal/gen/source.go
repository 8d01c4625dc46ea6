package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// The files HL7 published for R4, in the order they are read. The package's other files are its own, or other guides.
var sourceFiles = []string{
	"profiles-types.json",
	"profiles-resources.json",
	"profiles-others.json",
	"extension-definitions.json",
	"search-parameters.json",
	"valuesets.json",
	"v3-codesystems.json",
	"v2-tables.json",
	"conceptmaps.json",
}

// dataElementsFile holds every element once more, as a logical model each. The package patched the structures but not
// these, so they tell what the structures were.
const dataElementsFile = "dataelements.json"

const sourceFolder = "package/dist/fhir/r4/"

// source is the content of the package.
type source struct {
	resources []*object            // of sourceFiles, in order
	elements  map[string][]*object // ElementDefinitions of the data elements, by id; Quantity's profiles share its ids
	names     map[string]bool      // ids of the data elements themselves
}

// readPackage reads the packed npm package.
func readPackage(tgz string) (*source, error) {
	files, err := extract(tgz)
	if err != nil {
		return nil, err
	}
	src := &source{elements: map[string][]*object{}, names: map[string]bool{}}
	for _, name := range sourceFiles {
		resources, err := bundle(files, name)
		if err != nil {
			return nil, err
		}
		src.resources = append(src.resources, resources...)
	}
	elements, err := bundle(files, dataElementsFile)
	if err != nil {
		return nil, err
	}
	for _, r := range elements {
		if err := src.addDataElement(r); err != nil {
			return nil, err
		}
	}
	return src, nil
}

func (s *source) addDataElement(r *object) error {
	list, err := snapshotOf(r)
	if err != nil {
		return fmt.Errorf("data element %s: %w", r.text("id"), err)
	}
	if len(list) == 0 {
		return fmt.Errorf("data element %s has no snapshot", r.text("id"))
	}
	s.names[r.text("id")] = true
	id := list[0].text("id")
	s.elements[id] = append(s.elements[id], list[0])
	return nil
}

// extract returns the needed files of a packed npm package, by base name.
func extract(tgz string) (map[string][]byte, error) {
	packed, err := os.ReadFile(tgz)
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(zip); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		dir, name := path.Split(header.Name)
		if dir != sourceFolder || !strings.HasSuffix(name, ".json") {
			continue
		}
		if files[name], err = io.ReadAll(archive); err != nil {
			return nil, err
		}
	}
}

// bundle returns the resources of a Bundle file.
func bundle(files map[string][]byte, name string) ([]*object, error) {
	var b struct {
		Entry []struct {
			Resource json.RawMessage `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(files[name], &b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	resources := make([]*object, len(b.Entry))
	for i, e := range b.Entry {
		r, err := parseObject(e.Resource)
		if err != nil {
			return nil, fmt.Errorf("%s: entry %d: %w", name, i, err)
		}
		resources[i] = r
	}
	return resources, nil
}
