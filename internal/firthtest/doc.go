// Package firthtest builds the program and runs it for tests that use it as its users do: as a process, over its command line and over HTTP. It knows nothing
// of FHIR and nothing of the packages the program is made of. A Signer makes the tokens of services and foreign providers. internal/e2e, internal/conformance and internal/soak call it.
package firthtest
