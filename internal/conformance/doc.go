// Package conformance holds the checklist of what a FHIR R4 server must do over REST: one test per line of the list, against the built program over HTTP. The
// list with what each line's test found is docs/conformance/rest.md; `go test ./internal/conformance -update` writes it, and the test fails when it says anything else
// than the run. The package has no code of its own and uses none of the packages it judges: answers are read with the standard library.
package conformance
