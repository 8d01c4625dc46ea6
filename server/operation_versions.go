package server

import "net/http"

// versions answers the versions of FHIR that the server speaks (R4 capabilitystatement-operation-versions.html).
func (s *Server) versions(*exchange, *arguments) (reply, error) {
	return reply{status: http.StatusOK, body: []byte(`{"resourceType":"Parameters","parameter":[{"name":"version","valueCode":"4.0"},{"name":"default","valueCode":"4.0"}]}`)}, nil
}
