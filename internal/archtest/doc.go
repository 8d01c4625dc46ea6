// Package archtest holds the architecture of Firth as a test: which package may import which (table.go, with a reason for each row), where a third-party
// library may be used, and the few rules that the compiler does not know. Its own test runs the check over the module, so an edge that the table does not
// allow fails the build; `make arch` runs it alone. Nothing imports it.
//
// It reads source with go/parser and resolves nothing, so the whole module takes well under a second. Files behind `//go:build ignore`, testdata, and folders with
// a go.mod of their own are not part of the module and are left out.
package archtest
