package e2e

import (
	"testing"

	"github.com/firth-health/firth/internal/firthtest"
)

func TestResultsDependOnTheSources(t *testing.T) { firthtest.DependOnSources(t) }
