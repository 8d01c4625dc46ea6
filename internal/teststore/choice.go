package teststore

import (
	"flag"
	"os"
	"strings"
)

// The variables of a test run.
const (
	ServerVariable = "FIRTH_TEST_MONGODB_URI" // a real server: mongodb://localhost:27017/?replicaSet=rs0
	storeVariable  = "FIRTH_TEST_STORE"       // as the flag -store

	// Child is set to the URI of FerretDB in the process that runs tests whose results its parent judges.
	Child = "FIRTH_TEST_MONGODB_CHILD"
)

const mongoDB = "mongodb"

// chosen is the flag of every test binary that this package is part of.
var chosen = flag.String("store", os.Getenv(storeVariable), "the store that tests run on: pebble (when empty) or mongodb")

// MongoDB reports whether the tests run on MongoDB, real or not.
func MongoDB() bool { return *chosen == mongoDB }

// FerretDB reports whether the tests run on FerretDB: it has no transactions, and reads whole collections at about 0.4 ms a document, so that large data is cut
// down for it.
func FerretDB() bool { return MongoDB() && !Real() }

// Real reports whether the server of the tests is one that must pass all of them.
func Real() bool { return os.Getenv(ServerVariable) != "" }

// Size is how much of its data a test takes: the whole, or on FerretDB a part.
func Size(whole, part int) int {
	if FerretDB() {
		return part
	}
	return whole
}

// Flags are what a program needs on its command line, besides the name of the store, to serve the one that is chosen.
func Flags() []string {
	if FerretDB() {
		return []string{"--mongo-allow-standalone"}
	}
	return nil
}

// within puts the name of a database into a URI. Credentials keep the database they are checked against.
func within(uri, database string) string {
	scheme, rest, _ := strings.Cut(uri, "://")
	rest, query, _ := strings.Cut(rest, "?")
	hosts, before, _ := strings.Cut(rest, "/")
	if strings.Contains(hosts, "@") && !strings.Contains(strings.ToLower(query), "authsource=") {
		if before == "" {
			before = "admin"
		}
		query = strings.TrimPrefix(query+"&authSource="+before, "&")
	}
	if query != "" {
		query = "?" + query
	}
	return scheme + "://" + hosts + "/" + database + query
}
