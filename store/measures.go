package store

import (
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// MeasureOf computes the measure of a stored resource, for stores that keep measures ([Measurer]) where no operation brings one; nil when it has none.
func MeasureOf(typ string, json []byte) search.Measure {
	if len(search.HotIndexes(typ)) == 0 {
		return nil
	}
	res, err := fhir.ParseResource(json)
	if err != nil {
		return nil
	}
	return search.MeasureOf(res)
}
