// Package simulate invents the vital signs of people at rest, for the demo and for load. The same seed gives the same values for ever; all arithmetic is on
// integers, so nothing depends on the machine. It knows physiology a little and FHIR not at all: the caller turns values into payloads.
package simulate
