package e2e

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// go test remembers results by the files a test has looked at. The binary is built by another process, so this test looks at every directory it is built from;
// without it an old result would be taken for a new binary.
func TestResultsDependOnTheSources(t *testing.T) {
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
