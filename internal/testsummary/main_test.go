package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	tests := []struct {
		name, in, want       string
		passed, failed, skip int
	}{
		{
			name: "passes and a skip with its reason",
			in: `{"Action":"run","Package":"m/a","Test":"TestX"}
{"Action":"output","Package":"m/a","Test":"TestX","Output":"=== RUN   TestX\n"}
{"Action":"pass","Package":"m/a","Test":"TestX"}
{"Action":"output","Package":"m/a","Test":"TestY","Output":"=== RUN   TestY\n"}
{"Action":"output","Package":"m/a","Test":"TestY","Output":"    a_test.go:9: no data here\n"}
{"Action":"output","Package":"m/a","Test":"TestY","Output":"--- SKIP: TestY (0.00s)\n"}
{"Action":"skip","Package":"m/a","Test":"TestY"}
{"Action":"output","Package":"m/a","Output":"PASS\n"}
{"Action":"output","Package":"m/a","Output":"ok  \tm/a\t0.01s\n"}
{"Action":"pass","Package":"m/a"}
`,
			want:   "    a_test.go:9: no data here\n--- SKIP: TestY (0.00s)\nok  \tm/a\t0.01s\n1 passed, 0 failed, 1 skipped\n",
			passed: 1, skip: 1,
		},
		{
			name: "failed test shows its output, the passing one does not",
			in: `{"Action":"output","Package":"m/a","Test":"TestX","Output":"noise\n"}
{"Action":"pass","Package":"m/a","Test":"TestX"}
{"Action":"output","Package":"m/a","Test":"TestY","Output":"    a_test.go:9: got 1\n"}
{"Action":"fail","Package":"m/a","Test":"TestY"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.01s\n"}
{"Action":"fail","Package":"m/a"}
`,
			want:   "    a_test.go:9: got 1\nFAIL\tm/a\t0.01s\n1 passed, 1 failed, 0 skipped\n",
			passed: 1, failed: 1,
		},
		{
			name: "build failure counts as a failure",
			in: `{"ImportPath":"m/a","Action":"build-output","Output":"a.go:3: undefined: x\n"}
{"ImportPath":"m/a","Action":"build-fail"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a [build failed]\n"}
{"Action":"fail","Package":"m/a","FailedBuild":"m/a"}
`,
			want: "a.go:3: undefined: x\nFAIL\tm/a [build failed]\n1 packages failed outside of a test\n0 passed, 1 failed, 0 skipped\n",
		},
		{
			name: "panic leaves a test without an end",
			in: `{"Action":"output","Package":"m/a","Test":"TestX","Output":"panic: boom\n"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.01s\n"}
{"Action":"fail","Package":"m/a"}
not json
`,
			want:   "panic: boom\nFAIL\tm/a\t0.01s\nnot json\n0 passed, 1 failed, 0 skipped\n",
			failed: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			s := newSummary(&out)
			if err := s.read(strings.NewReader(tt.in)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if s.passed != tt.passed || s.failed != tt.failed || s.skipped != tt.skip {
				t.Errorf("passed, failed, skipped = %d, %d, %d; want %d, %d, %d", s.passed, s.failed, s.skipped, tt.passed, tt.failed, tt.skip)
			}
		})
	}
}
