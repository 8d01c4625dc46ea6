package adapters

import (
	"fmt"

	"github.com/firth-health/firth/adapters/hl7v2"
	"github.com/firth-health/firth/adapters/pcd"
	"github.com/firth-health/firth/fhir"
)

// document is a payload, or the part of it that is about one patient.
type document struct {
	root   fhir.Node
	prefix string // of pointers into it
}

// maxDepth bounds the nesting of a payload.
const maxDepth = 64

// decoder reads a payload of a format into trees.
func decoder(format string, maxBytes int) func([]byte) ([]document, error) {
	switch format {
	case "hl7v2":
		return func(payload []byte) ([]document, error) { return decodeHL7(payload, maxBytes, nil) }
	case "pcd":
		return func(payload []byte) ([]document, error) { return decodeHL7(payload, maxBytes, pcd.Shape) }
	}
	limits := fhir.Limits{Bytes: maxBytes, Depth: maxDepth}
	return func(payload []byte) ([]document, error) {
		root, err := fhir.ParseWithin(payload, limits)
		return []document{{root: root}}, err
	}
}

// decodeHL7 makes one document for each patient of a message. Shape, if given, regroups the tree.
func decodeHL7(payload []byte, maxBytes int, shape func([]byte, fhir.Node) []byte) ([]document, error) {
	message, err := hl7v2.Limits{MaxBytes: maxBytes}.Parse(payload)
	if err != nil {
		return nil, err
	}
	patients, err := message.Patients()
	if err != nil {
		return nil, err
	}
	documents := make([]document, len(patients))
	for i, one := range patients {
		tree, err := fhir.Parse(one.AppendJSON(nil))
		if err == nil && shape != nil {
			tree, err = fhir.Parse(shape(nil, tree))
		}
		if err != nil {
			return nil, fmt.Errorf("the tree of the message: %w", err)
		}
		documents[i].root = tree
		if len(patients) > 1 {
			documents[i].prefix = fmt.Sprintf("/patients/%d", i)
		}
	}
	return documents, nil
}
