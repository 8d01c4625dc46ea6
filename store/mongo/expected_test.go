package mongo_test

import (
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/teststore"
)

const (
	noTransactions = "FerretDB has no transactions"
	noAtomicity    = "FerretDB finds and replaces in two steps, between which others get in"
	noStreams      = "FerretDB has no change streams"
	noFigures      = "FerretDB's explain has no execution figures"
)

// expected are the tests that fail on FerretDB, and why. Nothing here is skipped: each runs, and the list is wrong as soon as one passes.
func expected() map[string]string {
	return map[string]string{
		"TestStore/transaction/one_key_twice":                     noTransactions,
		"TestStore/transaction/nothing_when_op_1_of_5_fails":      noTransactions,
		"TestStore/transaction/nothing_when_op_2_of_5_fails":      noTransactions,
		"TestStore/transaction/nothing_when_op_3_of_5_fails":      noTransactions,
		"TestStore/transaction/nothing_when_op_4_of_5_fails":      noTransactions,
		"TestStore/conditional/outcomes":                          noTransactions,
		"TestStore/conditional/every_kind_of_plan":                noTransactions,
		"TestStore/conditional/expectations":                      noTransactions,
		"TestStore/conditional/within_a_transaction":              noTransactions,
		"TestStore/conditional/after_changes":                     noTransactions,
		"TestStore/conditional/race_of_64_on_one":                 noTransactions,
		"TestStore/chains/as_a_condition":                         noTransactions,
		"TestStore/concurrency/versions_are_told_apart":           teststore.Sometimes + noAtomicity,
		"TestStore/concurrency/readers_and_writers_of_everything": noTransactions,
		"TestStore/concurrency/transactions_are_seen_whole":       noTransactions,
		"TestStore/reindex/race":                                  teststore.Sometimes + noAtomicity,
		"TestStore/state/races":                                   teststore.Sometimes + noAtomicity,
		"TestStore/extras/changes":                                noStreams,
		"TestStore/extras/explain":                                noFigures,
		"TestExamined/*":                                          noFigures,
	}
}

// run runs tests of the suite: here where all must pass, and otherwise in a process of their own, whose failures are compared with the list. That process may have
// more arguments.
func run(t *testing.T, tests func(*testing.T), arguments ...string) {
	t.Helper()
	if real() || os.Getenv(teststore.Child) != "" {
		tests(t)
		return
	}
	t.Parallel()
	if testing.Short() {
		t.Skip("scans take long; runs without -short")
	}
	arguments = append(arguments, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=20m")
	command := exec.CommandContext(t.Context(), os.Args[0], arguments...)
	command.Env = append(os.Environ(), teststore.Child+"="+serverURI(t))
	output, err := command.CombinedOutput()
	verdict := teststore.Judge(output, ofTest(t.Name()), false)
	if verdict.Passed+verdict.Expected == 0 {
		t.Fatalf("no test ran: %v\n%s", err, output)
	}
	for _, text := range verdict.Wrong {
		t.Error(text)
	}
	t.Logf("%d tests passed, %d failed as expected", verdict.Passed, verdict.Expected)
}

// ofTest are the expected failures inside one test.
func ofTest(name string) teststore.Expected {
	list := teststore.Expected(expected())
	maps.DeleteFunc(list, func(test, _ string) bool { return !strings.HasPrefix(test, name+"/") })
	return list
}
