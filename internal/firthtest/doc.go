// Package firthtest builds the program and runs it for tests that use it as its users do: as a process, over its command line and over HTTP. It knows nothing
// of FHIR and nothing of the packages the program is made of. internal/e2e and internal/conformance call it.
package firthtest
