// Package teststore decides which store tests run on, and opens it: the embedded one, or with `-store mongodb` (or FIRTH_TEST_STORE=mongodb) MongoDB. That is the
// server that FIRTH_TEST_MONGODB_URI names, with a fresh database for each test, or without one internal/ferretdb, built and started once for a run of a package.
//
// FerretDB cannot do all that MongoDB can. Tests that fail for that are listed in testdata/ferretdb.txt of their package with the reason; they run nevertheless, and
// [Main] fails when one that is listed passes or one that is not fails. On a real server no failure is expected.
//
// The packages of HTTP tests call it (server, internal/acceptance, internal/conformance, internal/e2e, internal/uscore), and store/mongo for the server and
// the list. It knows stores, not what is sent to them.
package teststore
