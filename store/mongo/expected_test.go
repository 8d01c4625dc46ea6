package mongo_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
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
		"TestStore/concurrency/versions_are_told_apart":           noAtomicity,
		"TestStore/concurrency/readers_and_writers_of_everything": noTransactions,
		"TestStore/concurrency/transactions_are_seen_whole":       noTransactions,
		"TestStore/reindex/race":                                  noAtomicity,
		"TestStore/state/races":                                   noAtomicity,
		"TestStore/extras/changes":                                noStreams,
		"TestStore/extras/explain":                                noFigures,
	}
}

// child is set for the process that runs a test whose result is judged by its parent.
const child = "FIRTH_TEST_MONGODB_CHILD"

// run runs tests of the suite: here where all must pass, and otherwise in a process of their own, whose failures are compared with the list. That process may have
// more arguments.
func run(t *testing.T, tests func(*testing.T), arguments ...string) {
	t.Helper()
	if real() || os.Getenv(child) != "" {
		tests(t)
		return
	}
	t.Parallel()
	if testing.Short() {
		t.Skip("scans take long; runs without -short")
	}
	arguments = append(arguments, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=20m")
	command := exec.CommandContext(t.Context(), os.Args[0], arguments...)
	command.Env = append(os.Environ(), child+"="+serverURI(t))
	output, err := command.CombinedOutput()
	passed, failed := verdicts(output)
	if len(passed) == 0 {
		t.Fatalf("no test passed: %v\n%s", err, output)
	}
	list := expected()
	for _, name := range failed {
		if list[name] == "" {
			t.Errorf("%s failed:\n%s", name, about(output, name))
		}
	}
	for name, reason := range list {
		if strings.HasPrefix(name, t.Name()+"/") && !slices.Contains(failed, name) {
			t.Errorf("%s did not fail, although %s: take it off the list", name, reason)
		}
	}
	t.Logf("%d tests passed, %d failed as expected", len(passed), len(failed))
}

// verdicts finds the names of tests that passed, and of those that failed on their own account: not because a test inside them did.
func verdicts(output []byte) (passed, failed []string) {
	for _, m := range regexp.MustCompile(`(?m)^ *--- (PASS|FAIL): (\S+)`).FindAllSubmatch(output, -1) {
		if string(m[1]) == "PASS" {
			passed = append(passed, string(m[2]))
		} else {
			failed = append(failed, string(m[2]))
		}
	}
	all := slices.Clone(failed)
	failed = slices.DeleteFunc(failed, func(name string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
	return passed, failed
}

// about is what a test printed, at most some lines of it.
func about(output []byte, name string) string {
	var lines []string
	inside := false
	for line := range strings.Lines(string(output)) {
		if strings.HasPrefix(line, "=== ") {
			inside = strings.TrimSpace(line[strings.LastIndex(strings.TrimSpace(line), " "):]) == name
		} else if inside && len(lines) < 40 {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return string(bytes.TrimSpace(output[max(0, len(output)-4000):]))
	}
	return strings.Join(lines, "")
}
