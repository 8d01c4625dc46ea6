package teststore

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// expectedFile lists the tests of a package that fail on FerretDB: a reason on a line that ends in a colon, and below it the names, indented; * in a name stands
// for anything. Lines that begin with # are comments.
const expectedFile = "testdata/ferretdb.txt"

// Main runs the tests of a package and returns the exit code; it is for TestMain. On FerretDB the tests run in a process of their own, and their verdicts are compared
// with the list of expected failures.
func Main(run func() int) int {
	if !flag.Parsed() {
		flag.Parse()
	}
	if *chosen != "" && *chosen != "pebble" && *chosen != mongoDB {
		fmt.Fprintf(os.Stderr, "-store %q: the stores are pebble and mongodb\n", *chosen)
		return 2
	}
	if !FerretDB() || os.Getenv(Child) != "" || set("test.list") {
		return run()
	}
	expected, err := ReadExpected(expectedFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	uri, stop, err := StartFerretDB()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	return judged(os.Stdout, uri, expected)
}

// set reports whether a flag has a value.
func set(name string) bool {
	f := flag.Lookup(name)
	return f != nil && f.Value.String() != "" && f.Value.String() != "false"
}

// judged runs this program as a child and judges what it prints.
func judged(out io.Writer, uri string, expected Expected) int {
	arguments := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(argument string) bool {
		return strings.HasPrefix(argument, "-test.testlogfile") || strings.HasPrefix(argument, "-test.v=")
	})
	command := exec.Command(os.Args[0], append([]string{"-test.v"}, arguments...)...)
	command.Env = append(os.Environ(), Child+"="+uri)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if set("test.v") {
		command.Stdout = io.MultiWriter(out, &output)
		command.Stderr = command.Stdout
	}
	err := command.Run()
	report := Judge(output.Bytes(), expected, set("test.run") || set("test.skip") || set("test.short"))
	if err != nil && report.Expected == 0 && len(report.Wrong) == 0 {
		report.Wrong = append(report.Wrong, fmt.Sprintf("the tests ended without a failure, but with %v:\n%s", err, tail(output.Bytes())))
	}
	for _, text := range report.Wrong {
		fmt.Fprintln(out, text)
	}
	fmt.Fprintf(out, "on FerretDB %d tests passed, %d failed as expected, %d are wrong\n", report.Passed, report.Expected, len(report.Wrong))
	if len(report.Wrong) > 0 {
		return 1
	}
	return 0
}

// Sometimes begins the reason of a test whose failure hangs on what happens to come at the same moment: that it passes says nothing.
const Sometimes = "sometimes: "

// Expected are patterns of names of tests that fail, and why.
type Expected map[string]string

// ReadExpected reads a list; one that is not there is empty.
func ReadExpected(file string) (Expected, error) {
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, reason := Expected{}, ""
	for line := range strings.Lines(string(data)) {
		text := strings.TrimSpace(line)
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, " ")
		before, isReason := strings.CutSuffix(text, ":")
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
		case !indented && isReason:
			reason = before
		case !indented || reason == "" || list[text] != "":
			return nil, fmt.Errorf("%s: %q is there twice, or is neither a reason with a colon nor a name below one", file, text)
		default:
			list[text] = reason
		}
	}
	return list, nil
}

// pattern finds the pattern that a name matches; empty for none.
func (e Expected) pattern(name string) string {
	for pattern := range e {
		if pattern == name || matches(pattern, name) {
			return pattern
		}
	}
	return ""
}

func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	matched, err := regexp.MatchString("^"+strings.Join(parts, ".*")+"$", name)
	return err == nil && matched
}

// Verdict is what came of a run.
type Verdict struct {
	Passed   int
	Expected int      // failures that are listed
	Wrong    []string // what must not be, a text each
}

// Judge compares the output of a run of tests with the failures that are expected of them. In a part of a run a pattern may match nothing.
func Judge(output []byte, expected Expected, part bool) Verdict {
	passed, failed, skipped := verdicts(output)
	v := Verdict{Passed: len(passed)}
	seen := map[string]bool{}
	for _, name := range skipped {
		seen[expected.pattern(name)] = true
	}
	for _, name := range failed {
		pattern := expected.pattern(name)
		if seen[pattern] = true; pattern == "" {
			v.Wrong = append(v.Wrong, fmt.Sprintf("%s failed:\n%s", name, about(output, name)))
			continue
		}
		v.Expected++
	}
	for _, name := range passed {
		if pattern := expected.pattern(name); pattern != "" {
			seen[pattern] = true
			if strings.HasPrefix(expected[pattern], Sometimes) {
				continue
			}
			v.Wrong = append(v.Wrong, fmt.Sprintf("%s passed, although %s: take it off the list", name, expected[pattern]))
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(expected)) {
		if !seen[pattern] && !part {
			v.Wrong = append(v.Wrong, fmt.Sprintf("no test is %s: take it off the list", pattern))
		}
	}
	if i := bytes.Index(output, []byte("\npanic: ")); i >= 0 {
		v.Wrong = append(v.Wrong, fmt.Sprintf("the tests ended early:%s", output[i:min(len(output), i+2000)]))
	}
	if len(passed)+len(failed)+len(skipped) == 0 {
		v.Wrong = append(v.Wrong, "no test ran:\n"+tail(output))
	}
	return v
}

// verdicts finds the names of tests that passed, of those that failed on their own account, not because a test inside them did, and of those that did not run.
func verdicts(output []byte) (passed, failed, skipped []string) {
	for _, m := range regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+)`).FindAllSubmatch(output, -1) {
		switch name := string(m[2]); string(m[1]) {
		case "PASS":
			passed = append(passed, name)
		case "FAIL":
			failed = append(failed, name)
		default:
			skipped = append(skipped, name)
		}
	}
	all := slices.Clone(failed)
	failed = slices.DeleteFunc(failed, func(name string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
	return passed, failed, skipped
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
		return tail(output)
	}
	return strings.Join(lines, "")
}

func tail(output []byte) string { return string(bytes.TrimSpace(output[max(0, len(output)-4000):])) }
