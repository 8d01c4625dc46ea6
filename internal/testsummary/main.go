// Command testsummary reads `go test -json` on standard input and prints what a person and a CI log need: the closing line of
// each package, the full output of each test that failed, each skipped test with its reason, and at the end a line
// "N passed, N failed, N skipped". Subtests count as tests. It exits with 1 when anything failed or when no test ran.
// `make test` and .ci/run call it; it is no part of the server.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of `go test -json`, as described by `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

type summary struct {
	out                          io.Writer
	output                       map[[2]string][]string // lines of each package and test that has not ended yet
	failedIn                     map[string]bool        // packages with a failed test
	passed, failed, skipped, bad int                    // bad: packages that failed outside of any test
}

func main() {
	s := newSummary(os.Stdout)
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		os.Exit(1)
	}
	if s.failed+s.bad > 0 || s.passed == 0 {
		os.Exit(1)
	}
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, output: map[[2]string][]string{}, failedIn: map[string]bool{}}
}

// read consumes the whole stream and prints as it goes; lines that are not JSON (from the linker, say) are passed on as they are.
func (s *summary) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(s.out, lines.Text())
			continue
		}
		s.add(e)
	}
	if s.bad > 0 {
		fmt.Fprintf(s.out, "%d packages failed outside of a test\n", s.bad)
	}
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed+s.bad, s.skipped)
	return lines.Err()
}

func (s *summary) add(e event) {
	key := [2]string{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "pass", "fail", "skip":
		lines := s.output[key]
		delete(s.output, key)
		if e.Test == "" {
			s.endPackage(e, lines)
		} else {
			s.endTest(e, lines)
		}
	}
}

// endPackage prints the closing lines of a package; after a failure outside of any test (a panic, TestMain, the build) all of its output.
func (s *summary) endPackage(e event, lines []string) {
	for key, rest := range s.output { // tests that a panic or a time-out left without an end
		if key[0] == e.Package {
			s.failed++
			s.failedIn[key[0]] = true
			fmt.Fprint(s.out, strings.Join(rest, ""))
			delete(s.output, key)
		}
	}
	if e.Action == "fail" && !s.failedIn[e.Package] {
		s.bad++
	}
	for _, line := range lines {
		if line != "PASS\n" {
			fmt.Fprint(s.out, line)
		}
	}
}

func (s *summary) endTest(e event, lines []string) {
	switch e.Action {
	case "pass":
		s.passed++
		return
	case "fail":
		s.failed++
		s.failedIn[e.Package] = true
	case "skip":
		s.skipped++
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(s.out, line)
		}
	}
}
