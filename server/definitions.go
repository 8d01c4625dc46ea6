package server

import (
	"embed"
	"strings"
)

// Our own OperationDefinitions. BASE in them is the address of the service, where they are read like resources.
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
