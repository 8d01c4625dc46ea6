// Package version tells which build of Firth is running. It reads what the Go tool wrote into the binary, so a plain
// `go build` needs no flags to say where it came from. The command line, the CapabilityStatement (software.version) and the
// logs ask it; it knows nothing about any of them.
package version
