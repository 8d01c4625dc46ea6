package authmatrix

import (
	"os"
	"testing"

	"github.com/firth-health/firth/internal/teststore"
)

func TestMain(m *testing.M) { os.Exit(teststore.Main(m.Run)) }
