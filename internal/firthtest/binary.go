package firthtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Binary is the path of a built program.
type Binary string

// Main builds cmd/firth, hands it to use, runs the tests and returns their exit code. It is for a TestMain two directories below the root of the module.
func Main(m *testing.M, use func(Binary)) int {
	dir, err := os.MkdirTemp("", "firthtest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code, err := buildAndRun(m, dir, use)
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func buildAndRun(m *testing.M, dir string, use func(Binary)) (int, error) {
	program := filepath.Join(dir, "firth")
	build := exec.Command("go", "build", "-o", program, "../../cmd/firth")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return 1, fmt.Errorf("build cmd/firth: %w", err)
	}
	use(Binary(program))
	return m.Run(), nil
}

// Environment is that of the tests without settings of whoever runs them, and with extra pairs.
func Environment(extra ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "FIRTH_") {
			env = append(env, pair)
		}
	}
	return append(env, extra...)
}

// Run executes one command to its end. Dir empty is the directory of the test.
func (b Binary) Run(t *testing.T, dir string, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(t.Context(), string(b), args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}
