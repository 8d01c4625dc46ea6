package server

import (
	"iter"

	"github.com/firth-health/firth/fhir"
)

// referenced ranges over the resources of this server that a resource refers to by Reference.reference, in the order they are named. One that is named
// twice comes twice. Versions do not count.
func (s *Server) referenced(root fhir.Node) iter.Seq[fhir.Key] {
	return func(yield func(fhir.Key) bool) {
		for node := range root.Descendants() {
			if !node.KeyIs("reference") || node.Kind() != fhir.String {
				continue
			}
			ref := fhir.ParseReference(node.Text())
			if ref.Key.ID == "" || ref.Base != "" && ref.Base != s.links.base || !s.definitions.IsResource(ref.Key.Type) {
				continue
			}
			if !yield(fhir.Key{Type: ref.Key.Type, ID: ref.Key.ID}) {
				return
			}
		}
	}
}
