package server

import (
	"testing"

	"github.com/firth-health/firth/auth"
)

// TestOperationActions shows that tokens can be held against every operation, at every level where it is offered.
func TestOperationActions(t *testing.T) {
	f := newFixture(t)
	for _, op := range f.server.operations {
		if op.code == "reindex" { // for who may change search parameters
			continue
		}
		instance, typ, system, known := operationAction(op.code)
		needs := map[level]auth.Action{instanceLevel: instance, typeLevel: typ, systemLevel: system}
		for _, l := range op.levels {
			if !known || needs[l] == 0 {
				t.Errorf("$%s of level %d needs nothing", op.code, l)
			}
		}
	}
	for _, in := range f.server.table {
		if _, known := restAction(in.name); in.level > systemLevel && in.operation == nil && !known {
			t.Errorf("%s needs nothing", in.name)
		}
	}
}
