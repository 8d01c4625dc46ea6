// Package importer loads files of FHIR resources into a server over its REST API: Bundles (batch, transaction, collection, searchset), NDJSON and
// single resources, plain or gzip. The server may run elsewhere or be a handler in this process (see [Local]); the semantics are the server's in both cases.
//
// What it promises: lines and entries that carry an id keep it (update as create), transactions stay whole, several files load at once, resources with the
// same id load in the order of their file, and whatever did not load is reported with file, line or entry and the reason. It does not validate and does not
// know resource types; the server says what is wrong. cmd/firth calls it.
package importer
