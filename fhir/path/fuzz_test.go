package path

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// seeds adds the expressions of the table tests.
func seeds(f *testing.F) {
	for _, r := range functionRows() {
		f.Add(r.expression)
	}
	for _, source := range []string{
		"Observation.subject.where(resolve() is Patient)", "(Observation.value as Quantity) | Observation.component.value.as(Quantity)",
		"@2015-02-04T14:34:28.123+10:00 + 7.7 days", "4.0 'g' / 2.0 'm' = 2 'g/m'", "%`vs-x` & %resource.id", "1 'wk' ~ 1 week implies {} xor true",
		"name.given.select($this & 'x')[0] contains '\\u0041' // c", "-1.5e mod 3 div @T10", "`a`.b.c()",
	} {
		f.Add(source)
	}
}

// FuzzCompile checks that any text either compiles or is refused with a position.
func FuzzCompile(f *testing.F) {
	seeds(f)
	defs := definitions(f)
	f.Fuzz(func(t *testing.T, source string) {
		_, err := Compile(source, defs)
		var problem *Error
		if err != nil && (!errors.As(err, &problem) || problem.Line < 1 || problem.Col < 1 || problem.Msg == "") {
			t.Errorf("error without a position: %v", err)
		}
		if _, err := Compile(source, defs, ForSearch(), Strict("Patient")); err != nil && !errors.As(err, &problem) {
			t.Errorf("error without a position: %v", err)
		}
	})
}

// FuzzEval checks that any expression ends soon, without a panic.
func FuzzEval(f *testing.F) {
	seeds(f)
	defs := definitions(f)
	root := Root(resource(f, patient), defs)
	env := &Env{Budget: 100_000, Units: units(f)}
	f.Fuzz(func(t *testing.T, source string) {
		e, err := Compile(source, defs)
		if err != nil {
			return
		}
		start := time.Now()
		found, err := e.EvalInto(nil, root, env)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		var problem *Error
		if err != nil && !errors.As(err, &problem) {
			t.Errorf("error without a position: %v", err)
		}
		for _, v := range found {
			if v.Kind() == None {
				t.Errorf("an item without kind")
			}
			_ = strings.TrimSpace(v.String())
		}
	})
}
