package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instructions are the lines of the Dockerfile by their first word.
func instructions(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(read(t, "Dockerfile")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "" && word != "#" {
			all[word] = append(all[word], rest)
		}
	}
	return all
}

func TestImage(t *testing.T) {
	all := instructions(t)
	recipe := regexp.MustCompile(`(?m)^build:.*\n\t(.*)$`).FindStringSubmatch(read(t, "Makefile"))
	if recipe == nil {
		t.Fatal("the Makefile has no target build")
	}
	if build := strings.ReplaceAll(recipe[1], "$(GO)", "go"); !slices.Contains(all["RUN"], build) {
		t.Errorf("the image is not built as make build does: %s", build)
	}
	for name, want := range map[string]string{"USER": "65532:65532", "ENTRYPOINT": `["/usr/local/bin/firth"]`, "CMD": `["serve"]`, "ENV": "FIRTH_STORE=/data FIRTH_KEYS=/keys"} {
		if got := strings.Join(all[name], "; "); got != want {
			t.Errorf("%s %s, want %s", name, got, want)
		}
	}
	if len(all["FROM"]) != 2 || all["FROM"][1] != "scratch" {
		t.Errorf("FROM %q", all["FROM"])
	}
	if len(all["HEALTHCHECK"]) != 1 || !strings.HasSuffix(all["HEALTHCHECK"][0], `CMD ["/usr/local/bin/firth", "health"]`) {
		t.Errorf("HEALTHCHECK %q", all["HEALTHCHECK"])
	}
	if !slices.ContainsFunc(all["COPY"], func(c string) bool { return strings.Contains(c, "ca-certificates.crt /etc/ssl/certs/") }) {
		t.Error("no certificates: mongodb+srv:// and TLS need them")
	}
}

// The builder must not be older than what go.mod asks for: it may not be able to fetch another.
func TestBuilder(t *testing.T) {
	builder := regexp.MustCompile(`^golang:(\d+\.\d+\.\d+)-[a-z]+ AS build$`).FindStringSubmatch(instructions(t)["FROM"][0])
	asked := regexp.MustCompile(`(?m)^go (\d+\.\d+(\.\d+)?)$`).FindStringSubmatch(read(t, "go.mod"))
	if builder == nil || asked == nil {
		t.Fatalf("builder %q, go.mod %q", builder, asked)
	}
	if minor := regexp.MustCompile(`^\d+\.\d+`); minor.FindString(builder[1]) != minor.FindString(asked[1]) {
		t.Errorf("built with Go %s, go.mod says %s", builder[1], asked[1])
	}
}

// What .dockerignore does not name is not there when the image is built.
func TestBuildContext(t *testing.T) {
	var ignored []string
	for line := range strings.Lines(read(t, ".dockerignore")) {
		ignored = append(ignored, strings.TrimSpace(line))
	}
	if !slices.Contains(ignored, "*") {
		t.Error(".dockerignore is no list of what may be in")
	}
	root := filepath.Join("..", "..")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && hasGo(t, filepath.Join(root, e.Name())) && !slices.Contains(ignored, "!"+e.Name()) {
			t.Errorf("%s has packages, and is not in the context of the build", e.Name())
		}
	}
	for _, c := range instructions(t)["COPY"] {
		words := strings.Fields(c)
		if strings.HasPrefix(c, "--") || words[0] == "." {
			continue
		}
		for _, source := range words[:len(words)-1] {
			if !slices.Contains(ignored, "!"+source) {
				t.Errorf("%s is not in the context of the build", source)
			}
		}
	}
	for _, name := range []string{"LICENSE", "NOTICE"} {
		if !slices.Contains(ignored, "!"+name) {
			t.Errorf("%s is not in the context of the build", name)
		}
	}
}

// hasGo reports whether a folder has Go files, tests aside.
func hasGo(t *testing.T, dir string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (strings.HasPrefix(e.Name(), ".") && path != dir || e.Name() == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			found = true
			return filepath.SkipAll
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
