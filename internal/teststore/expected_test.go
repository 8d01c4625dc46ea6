package teststore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	output := `=== RUN   TestA
=== RUN   TestA/one
    a_test.go:1: what one says
=== RUN   TestA/two
--- FAIL: TestA (0.00s)
    --- FAIL: TestA/one (0.00s)
    --- PASS: TestA/two (0.00s)
=== RUN   TestB
--- PASS: TestB (0.00s)
=== RUN   TestC
--- SKIP: TestC (0.00s)
FAIL
`
	tests := []struct {
		name     string
		expected Expected
		part     bool
		want     Verdict
	}{
		{"as listed", Expected{"TestA/one": "it cannot"}, false, Verdict{Passed: 2, Expected: 1}},
		{"not listed", nil, false, Verdict{Passed: 2, Wrong: []string{"TestA/one failed:\n    a_test.go:1: what one says\n"}}},
		{"a pattern", Expected{"TestA/o*": "it cannot"}, false, Verdict{Passed: 2, Expected: 1}},
		{"a pattern that matches too much", Expected{"TestA/*": "it cannot"}, false,
			Verdict{Passed: 2, Expected: 1, Wrong: []string{"TestA/two passed, although it cannot: take it off the list"}}},
		{"passes sometimes", Expected{"TestA/*": Sometimes + "it cannot"}, false, Verdict{Passed: 2, Expected: 1}},
		{"listed and gone", Expected{"TestA/one": "it cannot", "TestD": "it cannot"}, false,
			Verdict{Passed: 2, Expected: 1, Wrong: []string{"no test is TestD: take it off the list"}}},
		{"listed and not asked for", Expected{"TestA/one": "it cannot", "TestD": "it cannot"}, true, Verdict{Passed: 2, Expected: 1}},
		{"listed and skipped", Expected{"TestA/one": "it cannot", "TestC": "it cannot"}, false, Verdict{Passed: 2, Expected: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Judge([]byte(output), tt.expected, tt.part)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if v := Judge([]byte(output+"\npanic: test timed out"), Expected{"TestA/one": "it cannot"}, false); len(v.Wrong) != 1 || !strings.Contains(v.Wrong[0], "timed out") {
		t.Errorf("a panic is %+v", v)
	}
	if v := Judge(nil, nil, true); len(v.Wrong) != 1 {
		t.Errorf("nothing is %+v", v)
	}
}

func TestReadExpected(t *testing.T) {
	tests := []struct {
		name, text string
		want       Expected
		fails      bool
	}{
		{"a list", "# comment\nit cannot:\n\tTestA/one\n\tTestB/*\n\nnor that:\n\tTestC\n", Expected{"TestA/one": "it cannot", "TestB/*": "it cannot", "TestC": "nor that"}, false},
		{"a name without a reason", "\tTestA\n", nil, true},
		{"a name at the margin", "it cannot:\nTestA\n", nil, true},
		{"a name twice", "it cannot:\n\tTestA\n\tTestA\n", nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "list.txt")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadExpected(file)
			if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != tt.fails {
				t.Error(diff, err)
			}
		})
	}
	if list, err := ReadExpected("testdata/nothing"); list != nil || err != nil {
		t.Error(list, err)
	}
}

func TestWithin(t *testing.T) {
	tests := map[string]string{
		"mongodb://127.0.0.1:1/":                              "mongodb://127.0.0.1:1/db",
		"mongodb://a:1,b:2/?replicaSet=rs0":                   "mongodb://a:1,b:2/db?replicaSet=rs0",
		"mongodb://a":                                         "mongodb://a/db",
		"mongodb://u:p@a:1/?replicaSet=rs0":                   "mongodb://u:p@a:1/db?replicaSet=rs0&authSource=admin",
		"mongodb://u:p@a:1/users":                             "mongodb://u:p@a:1/db?authSource=users",
		"mongodb+srv://u:p@a/other?authSource=x&tls=true":     "mongodb+srv://u:p@a/db?authSource=x&tls=true",
		"mongodb://a:1/already_there?readPreference=primary":  "mongodb://a:1/db?readPreference=primary",
		"mongodb://u@a:1/?authsource=$external&tls=true":      "mongodb://u@a:1/db?authsource=$external&tls=true",
		"mongodb://%2Ftmp%2Fmongodb-27017.sock/?directConn=1": "mongodb://%2Ftmp%2Fmongodb-27017.sock/db?directConn=1",
	}
	for uri, want := range tests {
		if got := within(uri, "db"); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}
