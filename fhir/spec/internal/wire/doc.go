// Package wire is the layout of the embedded definitions file: what the generator writes and fhir/spec reads.
//
// It owns the bytes and nothing else: how records follow one another, how strings are shared, how the file is cut into
// sections. It does not know what a definition means; [github.com/firth-health/firth/fhir/spec] links the records into types.
//
// A file is a magic number, the length of the core section, the core section and the blocks. The core section is one
// zstd frame: a table of all distinct strings, then the records of [Core], in which a string is its number in the table. Each
// block is a zstd frame of whole JSON resources, one behind the other; [Artifact] says where in which block a resource lies.
//
// Every record has one visit method that serves both writing and reading, so the two cannot drift apart.
package wire
