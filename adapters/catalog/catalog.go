// Package catalog holds the adapters that Firth is built with: one folder each, with manifest, sample payloads and the FHIR expected of them. There is no code in it where
// data will do.
//
// cmd/firth loads it into a registry; firth demo and firth bench play its samples.
package catalog

import (
	"embed"
	"io/fs"
	"path"
	"strings"

	"github.com/firth-health/firth/adapters"
)

//go:embed */adapter.yaml */samples
var embedded embed.FS

// FS is the catalog's files: <adapter>/adapter.yaml and <adapter>/samples/*.
func FS() fs.FS { return embedded }

// Adapters loads all adapters of the catalog.
func Adapters() (*adapters.Registry, error) { return adapters.LoadAll(embedded) }

// Sample is one example of a payload.
type Sample struct {
	Name        string // file name
	ContentType string
	Payload     []byte
}

// Samples lists the examples of an adapter by file name; none for an adapter that is not in the catalog.
func Samples(id string) ([]Sample, error) {
	folder := path.Join(id, "samples")
	entries, err := fs.ReadDir(embedded, folder)
	if err != nil {
		return nil, nil
	}
	var samples []Sample
	for _, entry := range entries {
		payload, err := embedded.ReadFile(path.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		s := Sample{Name: entry.Name(), ContentType: "application/json", Payload: payload}
		if strings.HasSuffix(s.Name, ".hl7") {
			s.ContentType = "application/hl7-v2"
		}
		samples = append(samples, s)
	}
	return samples, nil
}
