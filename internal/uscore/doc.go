// Package uscore holds the searches, interactions and operations that US Core 6.1 and International Patient Access 1.0 require of a server, and asks the assembled
// server for all of them over HTTP. testdata/README.md says what the data are. What was found is docs/conformance/us-core.md; `go test ./internal/uscore -update`
// writes it, and the test fails when it says anything else than the run. The package has no code of its own; profiles and authorization are not its subject.
package uscore
