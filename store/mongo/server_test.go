package mongo_test

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"sync"
	"testing"

	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// real reports whether the tests run against a server that must pass all of them.
func real() bool { return teststore.Real() }

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
		if uri := or(os.Getenv(teststore.Child), os.Getenv(teststore.ServerVariable)); uri != "" {
			testServer.uri = uri
			return
		}
		testServer.uri, testServer.stop, testServer.err = teststore.StartFerretDB()
	})
	if testServer.err != nil {
		t.Fatal(testServer.err)
	}
	return testServer.uri
}

// database names a database that is dropped after the test.
func database(t testing.TB) string {
	t.Helper()
	raw := make([]byte, 6)
	rand.Read(raw)
	name := "firth_test_" + hex.EncodeToString(raw)
	teststore.DropLater(t, serverURI(t), name)
	return name
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
	return teststore.OneByOne(open(t, mongo.Options{}))
}
