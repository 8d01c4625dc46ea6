package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// ContractError says that a caller or a store broke the contract of [Store]: a defect of the program, never of a request.
type ContractError struct {
	Method string // the method of Store
	Text   string
}

func (e *ContractError) Error() string { return "store: " + e.Method + ": " + e.Text }

func broken(method, format string, args ...any) error {
	return &ContractError{Method: method, Text: fmt.Sprintf(format, args...)}
}

// CheckOps verifies what Apply may be given. Stores call it before they queue the operations, so that nothing malformed can reach an index.
func CheckOps(ops []Op) error {
	for i := range ops {
		if err := checkOp(&ops[i]); err != "" {
			return broken("Apply", "op %d: %s", i, err)
		}
	}
	return nil
}

func checkOp(op *Op) string {
	switch {
	case op.Method < Create || op.Method > Delete:
		return "unknown method"
	case op.Key.Type == "" || strings.Contains(op.Key.Type, "/"):
		return "no resource type"
	case !fhir.IsID(op.Key.ID):
		return "malformed id"
	case op.Key.Version != "":
		return "a version cannot be written"
	case op.Method != Delete && op.Resource.Size() <= fhir.Stamped{}.Size():
		return "no resource"
	case op.IfNoneExist == nil && (op.Expect != "" || op.ExpectNone):
		return "Expect needs IfNoneExist"
	case op.Expect != "" && op.ExpectNone:
		return "Expect and ExpectNone exclude each other"
	}
	return checkKeys(op.Keys)
}

// SoundKeys reports whether the index keys of a stored version are what every store keeps: sorted, with that of meta.lastUpdated. It is for [Checker].
func SoundKeys(keys []string, updated time.Time) bool {
	return slices.IsSorted(keys) && slices.Contains(keys, search.LastUpdatedKey(updated))
}

// checkKeys looks for order, duplicates and NUL, which stores use to end a key.
func checkKeys(keys []string) string {
	for i, key := range keys {
		if key == "" || strings.IndexByte(key, 0) >= 0 {
			return "an index key is empty or contains NUL"
		}
		if i > 0 && keys[i-1] >= key {
			return "index keys are not sorted and unique"
		}
	}
	return ""
}
