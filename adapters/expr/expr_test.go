package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
)

const payload = `{"user":"u1","n":null,"blank":" ","groups":[
 {"id":7,"date":1433052383,"m":[{"type":9,"unit":0,"value":68},{"type":1,"unit":-3,"value":74126,"s":"75.00"}]},
 {"id":8,"date":1,"m":[]}],
 "map":{"60":65,"900":70.50},"big":12345678901234567890.123,"list":["a","b"],"OBX":{"3":[["x"]]}}`

func testScope(t testing.TB) (*Language, *Scope) {
	t.Helper()
	root, err := fhir.Parse([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLanguage(map[string]map[string]string{"units": {"kg": "kilogram", "9": "diastolic"}}, []string{"patient", "zone"})
	if err != nil {
		t.Fatal(err)
	}
	group := root.Get("groups").Index(0)
	return l, &Scope{Msg: root, Item: group.Get("m").Index(1), Parents: []fhir.Node{group, root}, Key: "k",
		Context: map[string]string{"patient": "p1"}, Now: "2026-01-02T03:04:05Z"}
}

type evalCase struct{ source, want string }

// TestEvalValues reaches into payloads, computes and looks up.
func TestEvalValues(t *testing.T) {
	checkEval(t, []evalCase{
		{`item.value`, "74126"},
		{`item.s`, "75.00"},
		{`parent.id`, "7"},
		{`parents[0].id`, "7"},
		{`parents[1].user`, "u1"},
		{`parents[5].user`, "<absent>"},
		{`msg.OBX["3"][0][0]`, "x"},
		{`msg.OBX.3[0][0]`, "x"},
		{`msg.list[1]`, "b"},
		{`msg.list[-1]`, "b"},
		{`msg.list[9]`, "<absent>"},
		{`key`, "k"},
		{`ctx.patient`, "p1"},
		{`ctx.zone`, "<absent>"},
		{`vars.twice`, "148252"},
		{`vars.group.id`, "7"},
		{`scale10(item.value, item.unit)`, "74.126"},
		{`scale10(item.value, item.unit + 2)`, "7412.6"},
		{`scale10(2 + item.value, 0)`, "74128"},
		{`scale10(5, 3)`, "5000"},
		{`item.value * 0.001`, "74.126"},
		{`item.value * 1.50`, "111189.00"},
		{`10 / 4`, "2.5"},
		{`1 / 3 > 0.3333`, "true"},
		{`7 % 4`, "3"},
		{`-item.unit`, "3"},
		{`msg.big + 1`, "12345678901234567891.123"},
		{`dec(item.s)`, "75.00"},
		{`dec(item.s) == 75`, "true"},
		{`75 == dec(item.s)`, "true"},
		{`1 == item.type`, "true"},
		{`item.type == 1.0`, "true"},
		{`item.type in [1, 4]`, "true"},
		{`item.type in [2, 4]`, "false"},
		{`"type" in item`, "true"},
		{`"a" in msg.list`, "true"},
		{`item.nothing.at.all`, "<absent>"},
		{`item.nothing.at.all == null`, "true"},
		{`null == msg.n`, "true"},
		{`msg.n == null || false`, "true"},
		{`has(item.value)`, "true"},
		{`has(item.foo.bar)`, "false"},
		{`item.foo * 2`, "<absent>"},
		{`dec(item.foo) + 1`, "<absent>"},
		{`scale10(item.foo, item.unit)`, "<absent>"},
		{`pick(parent.m, "type", 9).value`, "68"},
		{`pick(parent.m, "type", 99).value`, "<absent>"},
		{`parent.m.filter(m, m.type == 9)[0].value`, "68"},
		{`parent.m.exists(m, m.type == 9)`, "true"},
		{`parent.m.exists_one(m, m.type == 9)`, "true"},
		{`parent.m.all(m, m.value > 0)`, "true"},
		{`join(parent.m.map(m, m.value), "/")`, "68/74126"},
		{`size(parent.m)`, "2"},
		{`size(parent.m) == 2`, "true"},
		{`size(item.foo)`, "0"},
		{`size("añb")`, "3"},
		{`msg.map.filter(k, msg.map[k] == 70.5)[0]`, "900"},
		{`lookup("units", item.foo)`, "<absent>"},
		{`lookup("units", "kg")`, "kilogram"},
		{`lookup("units", pick(parent.m, "type", 9).type)`, "diastolic"},
		{`lookup("units", "xx") == null ? "unknown" : "known"`, "unknown"},
	})
}

// TestEvalFunctions calls the functions for times, HL7 v2, lists and text.
func TestEvalFunctions(t *testing.T) {
	checkEval(t, []evalCase{
		{`epoch(parent.date)`, "2015-05-31T06:06:23Z"},
		{`epoch("1617084106540", "ms")`, "2021-03-30T06:01:46.540Z"},
		{`epoch(1433052383.5)`, "2015-05-31T06:06:23.5Z"},
		{`epoch(-1)`, "1969-12-31T23:59:59Z"},
		{`offsetEpoch(1781643600, -18000)`, "2026-06-16T16:00:00-05:00"},
		{`fakeUtc(1442491463, "-0800")`, "2015-09-17T12:04:23-08:00"},
		{`fakeUtc(1442491463, -800)`, "2015-09-17T12:04:23-08:00"},
		{`localTime("2024-01-05 07:15:02 +0100", "UTC")`, "2024-01-05T07:15:02+01:00"},
		{`localTime("2016-12-13T09:59:00.000", "Europe/Oslo")`, "2016-12-13T09:59:00.000+01:00"},
		{`localTime("2016-12-13", "Europe/Oslo")`, "2016-12-13"},
		{`hl7Time("20120530112340", "UTC")`, "2012-05-30T11:23:40Z"},
		{`hl7Time("20150617120000.000+0200", "UTC")`, "2015-06-17T12:00:00.000+02:00"},
		{`hl7Time("19610101", "UTC")`, "1961-01-01"},
		{`hl7Time("201205301123", "+05:30")`, "2012-05-30T11:23:00+05:30"},
		{`hl7Time("2012", "UTC")`, "2012"},
		{`hl7Time("20120530112340")`, "2012-05-30T11:23:40"},
		{`hl7Time("20120530112340-0500")`, "2012-05-30T11:23:40-05:00"},
		{`localTime("2024-10-27T01:59:59", "Europe/Oslo")`, "2024-10-27T01:59:59+02:00"},
		{`localTime("2024-10-27T03:00:00", "Europe/Oslo")`, "2024-10-27T03:00:00+01:00"},
		{`localTime("2024-03-31T03:00:00", "Europe/Oslo")`, "2024-03-31T03:00:00+02:00"},
		{`millis("2015-06-17T12:00:00.000", "2015-06-17T12:00:01.500")`, "1500.000"},
		{`hl7System("NIST", null, null, "F A")`, "urn:firth:hl7v2:NIST"},
		{`hl7System(null, null, null, "F A")`, "urn:firth:hl7v2:F%20A"},
		{`hl7System(null, "1.2.3", "ISO", "F")`, "urn:oid:1.2.3"},
		{`hl7System(null, null, null, null)`, "urn:firth:hl7v2"},
		{`first(parent.m.filter(m, m.type == 99)).value`, "<absent>"},
		{`first(parent.m).value`, "68"},
		{`join(flatten(msg.OBX["3"]), "")`, "x"},
		{`size(flatten([[1,2],[3]], 2))`, "4"},
		{`tokenSystem("urn:x|7", "d") + tokenValue("urn:x|7") + tokenSystem(null, "d") + tokenValue("8")`, "urn:x7d8"},
		{`group("0123456789ABCDEF", 2, "-")`, "01-23-45-67-89-AB-CD-EF"},
		{`substring("abcdef", 2, 4)`, "cd"},
		{`upper("a") + lower("B") + trim(" c ")`, "Abc"},
		{`split("35-125", "-")[1]`, "125"},
		{`join(["a", item.foo, "b"], "|")`, "a|b"},
		{`replace("a.b", ".", "-")`, "a-b"},
		{`text(item.value) + "x"`, "74126x"},
		{`round(2.345, 2)`, "2.35"},
		{`"abc".matches("^a.c$")`, "true"},
		{`hash(["ab","c"]) == hash(["a","bc"])`, "false"},
		{`item.type == 1 ? "one" : "other"`, "one"},
		{`it.x`, "<absent>"},
		{`now`, "2026-01-02T03:04:05Z"},
	})
}

// checkEval evaluates each source over the test scope.
func checkEval(t *testing.T, tests []evalCase) {
	t.Helper()
	l, s := testScope(t)
	names := []string{"twice", "group"}
	var exprs []*Expr
	for _, source := range []string{"item.value * 2", "parent"} {
		e, err := l.Compile(source, names)
		if err != nil {
			t.Fatal(err)
		}
		exprs = append(exprs, e)
	}
	s.Vars = NewVars(names, exprs)
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			s.Vars.Reset()
			e, err := l.Compile(test.source, names)
			if err != nil {
				t.Fatal(err)
			}
			v, err := e.Eval(s)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := v.Text()
			if v.IsAbsent() {
				got = "<absent>"
			} else if !ok {
				got = "<container>"
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestEvalErrors(t *testing.T) {
	l, s := testScope(t)
	for _, test := range []struct{ source, want string }{
		{`item.foo < 3`, "missing value"},
		{`item.value / 0`, "division by zero"},
		{`dec("12,5")`, "not a decimal number"},
		{`item.s * 2`, "two numbers"},
		{`localTime("2016-12-13T09:59:00", "")`, "needs a zone"},
		{`localTime("2016-12-13T09:59:00", "Local")`, "needs a zone"},
		{`hl7Time("2012053011234", "UTC")`, "timestamp"},
		{`localTime("2024-10-27T02:30:00", "Europe/Oslo")`, "twice"},
		{`localTime("2024-03-31T02:30:00", "Europe/Oslo")`, "does not exist"},
		{`fakeUtc(1, "9999")`, "offset"},
		{`[1,2,3].map(a,[1,2,3].map(b,[1,2,3].map(c,[1,2,3].map(d,[1,2,3].map(e,[1,2,3].map(f,[1,2,3].map(g,[1,2,3].map(h,[1,2,3].map(i,[1,2,3].map(j,[1,2,3].map(k,[1,2,3])))))))))))`, "cost limit"},
		{`item.value * 1e300 * 1e300`, "too long"},
	} {
		t.Run(test.source, func(t *testing.T) {
			e, err := l.Compile(test.source, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Eval(s); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	l, _ := testScope(t)
	for _, test := range []struct {
		source, want string
		line, col    int
	}{
		{``, "empty", 1, 1},
		{`item.value +`, "Syntax error", 1, 13},
		{`foo.bar`, "undeclared reference", 1, 1},
		{`vars.nope`, `vars has no "nope"`, 1, 1},
		{`ctx.pateint`, `ctx has no "pateint"`, 1, 1},
		{`ctx.pateint == null`, `ctx has no "pateint"`, 1, 4},
		{`1 + vars.nope`, `vars has no "nope"`, 1, 9},
		{`lookup("nope", item.x)`, `no table "nope"`, 1, 7},
		{`unknown(1)`, "undeclared reference", 1, 8},
		{`"a" - 1`, "no matching overload", 1, 5},
		{"true &&\n  1", "expected type 'bool'", 2, 3},
		{`{"a": 1}`, "maps are not part", 1, 1},
		{`timestamp("2024-01-01T00:00:00Z")`, "undeclared reference", 1, 10},
		{`double(item.x)`, "undeclared reference", 1, 7},
		{`1u`, "unsigned", 1, 1},
	} {
		t.Run(test.source, func(t *testing.T) {
			_, err := l.Compile(test.source, nil)
			var at *Error
			if !errors.As(err, &at) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if !strings.Contains(at.Msg, test.want) || at.Line != test.line || at.Col != test.col {
				t.Errorf("got %d:%d %s, want %d:%d %s", at.Line, at.Col, at.Msg, test.line, test.col, test.want)
			}
		})
	}
}

func TestSelector(t *testing.T) {
	_, s := testScope(t)
	collect := func(text string) (places []string) {
		sel, err := ParseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		sel.Visit(s.Msg, nil, func(p *Place) bool {
			parents := ""
			for _, n := range p.Parents {
				parents += " <" + n.Get("id").Text() + n.Get("user").Text()
			}
			places = append(places, string(p.Pointer)+" "+p.Key+parents)
			return true
		})
		return places
	}
	for text, want := range map[string]string{
		"":                 "  <u1",
		"groups[*]":        "/groups/0  <u1;/groups/1  <u1",
		"$.groups[*].m[*]": "/groups/0/m/0  <7 <u1;/groups/0/m/1  <7 <u1",
		"groups[0].m[1]":   "/groups/0/m/1  <u1",
		"map[*]":           "/map/60 60 <u1;/map/900 900 <u1",
		"nothing[*].x":     "",
		"groups[*].date":   "/groups/0/date  <7 <u1;/groups/1/date  <8 <u1",
	} {
		if got := strings.Join(collect(text), ";"); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for _, bad := range []string{"a..b", "a[", "a[x]", "a b", ".", `a[""]`} {
		if _, err := ParseSelector(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

func FuzzCompile(f *testing.F) {
	l, s := testScope(f)
	f.Add(`scale10(item.value, item.unit) > 1.5 ? "a" : text(parent.date)`)
	f.Add(`parent.m.filter(m, m.type == 9)[0].value`)
	f.Fuzz(func(t *testing.T, source string) {
		e, err := l.Compile(source, nil)
		if err != nil {
			return
		}
		if v, err := e.Eval(s); err == nil {
			v.Text()
			v.Decimal()
			v.IsAbsent()
			for range v.Each() {
			}
		} else if strings.HasPrefix(err.Error(), "internal error") {
			t.Fatal(err)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	l, s := testScope(b)
	for _, source := range []string{"item.value", "scale10(item.value, item.unit)", "item.type == 9", "epoch(parent.date)"} {
		e, err := l.Compile(source, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(source, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Eval(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
