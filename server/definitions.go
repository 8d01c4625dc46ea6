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

// definitionOf is what the server brings along under a key: our own OperationDefinitions, and the definitions of R4 that the CapabilityStatement names, whose canonical
// URLs end in type and id. They can be read and are not among the resources that searches find. Nil when there is none.
func (s *Server) definitionOf(key fhir.Key) []byte {
	switch key.Type {
	case "OperationDefinition", "SearchParameter", "StructureDefinition", "CompartmentDefinition":
	default:
		return nil
	}
	if key.Type == "OperationDefinition" {
		if own := s.ownDefinition(key.ID); own != nil {
			return own
		}
	}
	definition, err := s.definitions.Artifact(key.Type, "http://hl7.org/fhir/"+key.Type+"/"+key.ID)
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
