package mongo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
	"github.com/firth-health/firth/store/storetest"
)

// The suite. On FerretDB [expected] lists the tests that fail for what it cannot do; they turn red when they pass. On a real server nothing is expected to fail.

func TestStore(t *testing.T) {
	run(t, func(t *testing.T) {
		if real() {
			storetest.Run(t, openStore)
			return
		}
		storetest.RunSized(t, openStore, storetest.Sizes{Crowd: 100, Hot: 100})
	})
}

func TestPersistent(t *testing.T) {
	run(t, func(t *testing.T) { storetest.RunPersistent(t, openNamed) })
}

func TestDifferential(t *testing.T) {
	run(t, func(t *testing.T) {
		cases := 30
		if real() {
			cases = 2000
		}
		storetest.Differential(t, openStore, 1, storetest.Cases(t, cases))
	})
}

func TestReal(t *testing.T) {
	run(t, func(t *testing.T) {
		cases := 60
		if real() {
			cases = 3000
		}
		storetest.Real(t, openStore, "../../../shared/data/r4-examples", 1, storetest.Cases(t, cases))
	})
}

// openNamed opens the database that belongs to a directory of the suite.
func openNamed(t *testing.T, dir string) store.Store {
	t.Helper()
	sum := sha256.Sum256([]byte(dir))
	name := "firth_test_" + hex.EncodeToString(sum[:6])
	teststore.DropLater(t, serverURI(t), name)
	return teststore.OneByOne(open(t, mongo.Options{Database: name}))
}
