package search

import (
	"errors"

	"github.com/firth-health/firth/fhir/spec"
)

// expression is a search expression that is not a plain path.
type expression struct{}

func compileExpression(source string, t *spec.Type, defs *spec.Definitions) (*expression, error) {
	return nil, errors.New("its expression is not a plain path")
}

func (x *extractor) evaluate(e *expression) {}
