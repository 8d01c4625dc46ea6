package soak

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/firth-health/firth/internal/firthtest"
)

// binary is the program under test.
var binary firthtest.Binary

func TestMain(m *testing.M) {
	os.Exit(firthtest.Main(m, func(b firthtest.Binary) { binary = b }))
}

// settings say how much is done.
type settings struct {
	duration time.Duration
	clients  int
	long     bool // FIRTH_SOAK is set: with the race detector, and memory is judged
	guarded  bool // FIRTH_SOAK_GUARDED is set: a long run is of a server with authorization and audit
	seed     uint64
}

func readSettings(t *testing.T) settings {
	t.Helper()
	s := settings{duration: 2 * time.Second, clients: 12, seed: uint64(time.Now().UnixNano())}
	var err error
	if text := os.Getenv("FIRTH_SOAK"); text != "" {
		s.long, s.guarded, s.clients = true, os.Getenv("FIRTH_SOAK_GUARDED") != "", 200
		if s.duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("FIRTH_SOAK: %v", err)
		}
	}
	if text := os.Getenv("FIRTH_SOAK_CLIENTS"); text != "" {
		if s.clients, err = strconv.Atoi(text); err != nil {
			t.Fatalf("FIRTH_SOAK_CLIENTS: %v", err)
		}
	}
	return s
}

// raced builds the program with the race detector, which needs a C compiler.
func raced(t *testing.T) firthtest.Binary {
	t.Helper()
	program := filepath.Join(t.TempDir(), "firth-race")
	build := exec.CommandContext(t.Context(), "go", "build", "-race", "-o", program, "../../cmd/firth")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build with the race detector: %v\n%s", err, output)
	}
	return firthtest.Binary(program)
}
