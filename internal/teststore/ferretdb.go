package teststore

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// StartFerretDB builds internal/ferretdb and runs it on a directory of its own until stop is called, or this process ends. It is for packages whose directory is two
// below the root of the module, or one.
func StartFerretDB() (uri string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "firth-ferretdb-")
	if err != nil {
		return "", nil, err
	}
	if uri, stop, err = runFerretDB(dir); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return uri, stop, nil
}

func runFerretDB(dir string) (uri string, stop func(), err error) {
	program, data := filepath.Join(dir, "ferretdb"), filepath.Join(dir, "data")
	build := exec.Command("go", "build", "-o", program, ".")
	if build.Dir, err = sources(); err != nil {
		return "", nil, err
	}
	if out, err := build.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("build internal/ferretdb: %w\n%s", err, out)
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", nil, err
	}
	server := exec.Command(program, "-dir", data)
	server.Stderr = os.Stderr
	input, err := server.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	output, err := server.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = input.Close() // the server ends when its input does
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("internal/ferretdb did not say where it listens: %w", err)
	}
	return strings.TrimSpace(line), stop, nil
}

// sources finds internal/ferretdb.
func sources() (string, error) {
	for _, root := range []string{"../..", ".."} {
		dir := filepath.Join(root, "internal", "ferretdb")
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no internal/ferretdb in the directories above")
}

// FerretDBFor is the URI of a server of one test's own.
func FerretDBFor(t testing.TB) string {
	t.Helper()
	uri, stop, err := StartFerretDB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return uri
}
