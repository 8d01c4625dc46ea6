package mongo_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// serverVariable names a real server for the tests: mongodb://localhost:27017/?replicaSet=rs0. Without it they start FerretDB.
const serverVariable = "FIRTH_TEST_MONGODB_URI"

// real reports whether the tests run against a server that must pass all of them.
func real() bool { return os.Getenv(serverVariable) != "" }

// parallel lets a test run beside others on FerretDB, where most of its time goes into waiting. Those that measure time must not; nor any on a real server, whose limits are for one.
func parallel(t *testing.T) {
	if !real() {
		t.Parallel()
	}
}

// testServer is the server of this test process, started when a test first needs it.
var testServer struct {
	once sync.Once
	uri  string
	err  error
	stop func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if testServer.stop != nil {
		testServer.stop()
	}
	os.Exit(code)
}

// serverURI returns the URI of the server to test against.
func serverURI(t testing.TB) string {
	t.Helper()
	testServer.once.Do(func() {
		if uri := or(os.Getenv(child), os.Getenv(serverVariable)); uri != "" {
			testServer.uri = uri
			return
		}
		testServer.uri, testServer.stop, testServer.err = startFerretDB()
	})
	if testServer.err != nil {
		t.Fatal(testServer.err)
	}
	return testServer.uri
}

// startFerretDB builds internal/ferretdb and runs it in a directory of its own.
func startFerretDB() (uri string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "firth-ferretdb-")
	if err != nil {
		return "", nil, err
	}
	stop = func() { _ = os.RemoveAll(dir) }
	program := filepath.Join(dir, "ferretdb")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join("..", "..", "internal", "ferretdb")
	if out, err := build.CombinedOutput(); err != nil {
		return "", stop, fmt.Errorf("build internal/ferretdb: %w\n%s", err, out)
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", stop, err
	}
	server := exec.Command(program, "-dir", data)
	server.Stderr = os.Stderr
	input, err := server.StdinPipe()
	if err != nil {
		return "", stop, err
	}
	output, err := server.StdoutPipe()
	if err != nil {
		return "", stop, err
	}
	if err := server.Start(); err != nil {
		return "", stop, err
	}
	stop = func() {
		_ = input.Close() // the server ends when its input does
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return "", stop, fmt.Errorf("internal/ferretdb did not say where it listens: %w", err)
	}
	return strings.TrimSpace(line), stop, nil
}

// database names a database that is dropped after the test.
func database(t testing.TB) string {
	t.Helper()
	raw := make([]byte, 6)
	rand.Read(raw)
	name := "firth_test_" + hex.EncodeToString(raw)
	dropLater(t, name)
	return name
}

// dropLater drops a database after the test.
func dropLater(t testing.TB, name string) {
	t.Helper()
	uri := serverURI(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		client, err := driver.Connect(options.Client().ApplyURI(uri))
		if err == nil {
			err = client.Database(name).Drop(ctx)
			_ = client.Disconnect(ctx)
		}
		if err != nil {
			t.Logf("drop %s: %v", name, err)
		}
	})
}

// open opens a store on an empty database.
func open(t testing.TB, opts mongo.Options) *mongo.Store {
	t.Helper()
	opts.Database = or(opts.Database, database(t))
	opts.AllowStandalone = !real()
	s, err := mongo.Open(t.Context(), serverURI(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// openStore opens what the suite tests. On a server without transactions, the many tests that only prepare their data with several operations at once
// get them one by one; the tests of transactions themselves see the difference and are expected failures.
func openStore(t *testing.T) store.Store {
	t.Helper()
	return suited(open(t, mongo.Options{}))
}

func suited(s *mongo.Store) store.Store {
	if s.Transactions() {
		return s
	}
	return piecemeal{s}
}

// piecemeal applies operations one by one where the store cannot do them together.
type piecemeal struct{ *mongo.Store }

// Apply is not atomic.
func (p piecemeal) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	if len(ops) < 2 {
		return p.Store.Apply(ctx, ops)
	}
	var results []store.Result
	for i := range ops {
		one, err := p.Store.Apply(ctx, ops[i:i+1])
		ctx = context.WithoutCancel(ctx) // what was begun is done, as in a transaction
		if err != nil {
			return nil, &store.OpError{Index: i, Err: err}
		}
		results = append(results, one...)
	}
	return results, nil
}
