package firthtest

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// DependOnSources makes the result of a test depend on what the program is built from. go test remembers results by the files a test has looked at, and the program
// is built by another process: without this an old result would be taken for a new program. Like [Main] it is for packages two directories below the root.
func DependOnSources(t *testing.T) {
	t.Helper()
	packages := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (strings.HasPrefix(name, ".") && name != ".." || name == "bin") {
			return filepath.SkipDir
		}
		if name == "doc.go" {
			packages++
		}
		return nil
	})
	if err != nil || packages < 5 {
		t.Errorf("%d packages, %v", packages, err)
	}
}
