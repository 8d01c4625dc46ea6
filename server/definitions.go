package server

import (
	"embed"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// OperationDefinitions that are not of R4: our own, and one of a guide in our words. BASE in them is the address of the service, where they are read like resources.
//
//go:embed definitions/*.json
var ownDefinitions embed.FS

// ownDefinition is the OperationDefinition with this id that the server brings along; nil when there is none.
func (s *Server) ownDefinition(id string) []byte {
	data, err := ownDefinitions.ReadFile("definitions/" + id + ".json")
	if err != nil {
		return nil
	}
	return []byte(strings.ReplaceAll(string(data), "BASE", s.links.base))
}

// definitionBase is what the canonical URLs of R4's definitions begin with.
const definitionBase = "http://hl7.org/fhir/"

// hasDefinitions reports whether the server brings definitions of the type along.
func hasDefinitions(typ string) bool {
	switch typ {
	case "OperationDefinition", "SearchParameter", "StructureDefinition", "CompartmentDefinition":
		return true
	}
	return false
}

// definitionIDs are the ids of all of them.
func (s *Server) definitionIDs(typ string) ([]string, error) {
	var ids []string
	for _, url := range s.definitions.Artifacts(typ) {
		if id, ok := strings.CutPrefix(url, definitionBase+typ+"/"); ok && fhir.IsID(id) {
			ids = append(ids, id)
		}
	}
	if typ != "OperationDefinition" {
		return ids, nil
	}
	files, err := ownDefinitions.ReadDir("definitions")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		ids = append(ids, strings.TrimSuffix(file.Name(), ".json"))
	}
	return ids, nil
}

// definitionOf is what the server brings along under a key: our own OperationDefinitions, and the definitions of R4 that the CapabilityStatement names, whose canonical
// URLs end in type and id. They can be read, and be found by searches that name them (definitionsearch.go). Nil when there is none.
func (s *Server) definitionOf(key fhir.Key) []byte {
	if !hasDefinitions(key.Type) {
		return nil
	}
	if key.Type == "OperationDefinition" {
		if own := s.ownDefinition(key.ID); own != nil {
			return own
		}
	}
	definition, err := s.definitions.Artifact(key.Type, definitionBase+key.Type+"/"+key.ID)
	if err != nil {
		return nil
	}
	return definition
}

// ownURL is the canonical URL in a definition: an address of ours, or for an operation of a guide that of the guide, because clients look for it.
func ownURL(definition []byte) (string, error) {
	res, err := fhir.ParseResource(definition)
	if err != nil {
		return "", err
	}
	return res.Root().Get("url").Text(), nil
}
