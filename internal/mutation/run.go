package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// suite is a set of tests that should notice.
type suite struct {
	dir  string // of the package with the tests, from the root of the module
	args []string
}

// trial is a mutated package with the test binaries that hold all its mutants.
type trial struct {
	root     string // of the module
	dir      string // of the mutated package, from the root
	work     string // for files
	suites   []suite
	patience int             // a run that takes so many times as long as without a mutant hangs, which is noticed
	usual    []time.Duration // of a run of each suite without a mutant
	dropped  map[*mutant]bool
}

// build compiles the tests. Mutants that do not compile, which types can cause that this program does not look at, are dropped.
func (t *trial) build(ctx context.Context, sources []*source, mutants []*mutant) error {
	t.dropped = map[*mutant]bool{}
	for range 20 {
		overlay, err := t.overlay(sources)
		if err != nil {
			return err
		}
		output, err := t.compile(ctx, overlay)
		if err == nil {
			return nil
		}
		if !t.drop(output, mutants) {
			return fmt.Errorf("%w\n%s", err, output)
		}
	}
	return errors.New("too many mutants do not compile")
}

// overlay writes the mutated files and the file that tells the compiler about them.
func (t *trial) overlay(sources []*source) (string, error) {
	replace := map[string]string{}
	write := func(original string, text []byte) error {
		copied := filepath.Join(t.work, filepath.Base(original))
		replace[original] = copied
		return os.WriteFile(copied, text, 0o600)
	}
	for _, s := range sources {
		if err := write(s.path, s.rewrite(func(m *mutant) bool { return !t.dropped[m] })); err != nil {
			return "", err
		}
	}
	first := sources[0]
	if err := write(filepath.Join(filepath.Dir(first.path), "mutant_alive.go"), fmt.Appendf(nil, support, first.file.Name.Name)); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(t.work, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}

// binary is where the tests of a package are compiled to.
func (t *trial) binary(dir string) string {
	return filepath.Join(t.work, strings.ReplaceAll(dir, "/", "-")+".test")
}

func (t *trial) compile(ctx context.Context, overlay string) (output []byte, err error) {
	dirs := map[string]bool{}
	for _, s := range t.suites {
		dirs[s.dir] = true
	}
	for dir := range maps.Keys(dirs) {
		build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-gcflags=-e", "-overlay", overlay, "-o", t.binary(dir), "./"+dir)
		build.Dir = t.root
		if output, err = build.CombinedOutput(); err != nil {
			return output, fmt.Errorf("compile the tests of %s: %w", dir, err)
		}
	}
	return nil, nil
}

// drop leaves out the mutants of lines with errors, and reports whether there were any.
func (t *trial) drop(output []byte, mutants []*mutant) bool {
	found := false
	for _, match := range regexp.MustCompile(`(?m)([\w]+\.go):(\d+):\d+: `).FindAllSubmatch(output, -1) {
		line, err := strconv.Atoi(string(match[2]))
		for _, m := range mutants {
			if err == nil && m.file == string(match[1]) && m.line == line && !t.dropped[m] {
				t.dropped[m] = true
				found = true
			}
		}
	}
	return found
}

// kill runs the tests with one mutant alive and reports whether they notice; the note says how. Id 0 is the program as it is.
func (t *trial) kill(ctx context.Context, id int) (killed bool, note string, err error) {
	for i, s := range t.suites {
		bounded, cancel := context.WithTimeout(ctx, t.limit(i))
		run := exec.CommandContext(bounded, t.binary(s.dir), append([]string{"-test.failfast"}, s.args...)...)
		run.Dir = filepath.Join(t.root, s.dir)
		run.Env = append(os.Environ(), variable+"="+strconv.Itoa(id), "GOMAXPROCS=1")
		run.WaitDelay = time.Second
		started := time.Now()
		output, failure := run.CombinedOutput()
		if id == 0 {
			t.usual = append(t.usual, time.Since(started))
		}
		hung := bounded.Err() != nil
		cancel()
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return false, "", ctx.Err()
		case hung:
			return true, "hangs", nil
		case errors.As(failure, &exit):
			return true, firstFailure(output), nil
		case failure != nil:
			return false, "", failure
		}
	}
	return false, "", nil
}

// limit is how long a run of a suite may take. Other work on the machine makes runs uneven, so that some seconds are added.
func (t *trial) limit(suite int) time.Duration {
	if suite >= len(t.usual) {
		return 10 * time.Minute // the run without a mutant
	}
	return 10*time.Second + time.Duration(t.patience)*t.usual[suite]
}

// firstFailure is the name of the test that noticed.
func firstFailure(output []byte) string {
	for line := range bytes.Lines(output) {
		if rest, ok := bytes.CutPrefix(line, []byte("--- FAIL: ")); ok {
			name, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
			return string(name)
		}
		if bytes.HasPrefix(line, []byte("panic:")) {
			return "panics"
		}
	}
	return "ends"
}
