package path

import (
	"errors"
	"strings"
	"testing"
)

func TestLiterals(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"{}", nothing()},
		{"true", isTrue()},
		{"12", items("Integer 12")},
		{"1.50", items("Decimal 1.50")},
		{"12345678901234567890", items("Decimal 12345678901234567890")},
		{`'it\'s \"\u0041\ud83d\ude00\" \\ \/ \t\n'`, items("String it's \"A\U0001F600\" \\ / \t\n")},
		{"@2015", items("Date 2015")},
		{"@2015-02T", items("DateTime 2015-02")},
		{"@2015-02-04T14", items("DateTime 2015-02-04T14")},
		{"@2015-02-04T14:34:28.1230+09:30", items("DateTime 2015-02-04T14:34:28.1230+09:30")},
		{"@2015-02-04T14:34Z", items("DateTime 2015-02-04T14:34Z")},
		{"@T14:34:28.5", items("Time 14:34:28.5")},
		{"4.5 'mg'", items("Quantity 4.5 'mg'")},
		{"1 year", items("Quantity 1 year")},
		{"4 days", items("Quantity 4 days")},
		{"%ucum", items("String http://unitsofmeasure.org")},
		{"%sct", items("String http://snomed.info/sct")},
		{"%loinc", items("String http://loinc.org")},
		{"%`vs-x`", items("String http://hl7.org/fhir/ValueSet/x")},
		{"%'ext-x'", items("String http://hl7.org/fhir/StructureDefinition/x")},
		{"1 /* one */ + // two\n 2", items("Integer 3")},
	})
}

func TestPrecedence(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"1 + 2 * 3", items("Integer 7")},
		{"(1 + 2) * 3", items("Integer 9")},
		{"7 - 2 - 1", items("Integer 4")},
		{"-2 * 3", items("Integer -6")},
		{"-name.count()", items("Integer -3")},
		{"2 - -2", items("Integer 4")},
		{"1 | 2 + 3", items("Integer 1", "Integer 5")},
		{"1 | 1 is Integer", items("Integer 1", "Boolean true")},
		{"1 < 2 = true", isTrue()},
		{"1 | 2 = 1 | 2", isTrue()},
		{"1 in 1 | 2", isTrue()},
		{"true or false and false", isTrue()},
		{"false implies true or false", isTrue()},
		{"1 = 1 in true | false", isTrue()},
		{"5 div 2 mod 2", items("Integer 0")},
		{"'a' & 'b' + 'c'", items("String abc")},
		{"name[1].given[0]", items("string Jim")},
		{"name[0].given.first() = 'Peter' and active", isTrue()},
		{"active is boolean = true", isTrue()},
	})
}

func TestSyntaxErrors(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"", items("error: line 1, column 1: expected an expression, found the end of the expression")},
		{"2 + ", items("error: line 1, column 5: expected an expression, found the end of the expression")},
		{"name..given", items(`error: line 1, column 6: expected the name of an element or function, found "."`)},
		{"name.\n given.where(", items("error: line 2, column 14: expected an expression, found the end of the expression")},
		{"name given", items(`error: line 1, column 6: expected an operator or the end of the expression, found "given"`)},
		{"(1", items(`error: line 1, column 3: expected ")", found the end of the expression`)},
		{"f(1 2)", items(`error: line 1, column 5: expected "," or ")", found "2"`)},
		{"é", items("error: line 1, column 1: unexpected character 'é'")},
		{"name.given = 'é' é", items("error: line 1, column 18: unexpected character 'é'")},
		{"'abc", items("error: line 1, column 1: the text is not closed: expected '")},
		{"1 /* x", items("error: line 1, column 3: the comment is not closed: expected */")},
		{"@20", items("error: line 1, column 1: expected a date such as @2015-02-04 or a time such as @T14:30 after @")},
		{"@2015-02-30", items("error: line 1, column 1: @2015-02-30 is not a date")},
		{"@T25", items("error: line 1, column 1: @T25 is not a time")},
		{"$that", items("error: line 1, column 1: expected $this, $index or $total")},
		{"% x", items("error: line 1, column 1: expected the name of a variable after %")},
		{"a and and b", items(`error: line 1, column 7: expected an expression, found "and"`)},
		{"name.$this", items("error: line 1, column 6: expected the name of an element or function, found $this")},
		{"name is", items("error: line 1, column 8: expected the name of a type, found the end of the expression")},
		{"name is Foo", items(`error: line 1, column 9: expected the name of a type, "Foo" is none`)},
		{"name is CQL.Foo", items(`error: line 1, column 9: expected a type of FHIR or System, found the namespace "CQL"`)},
		{"name.ofType(1)", items("error: line 1, column 13: expected the name of a type")},
		{"name.first(1)", items("error: line 1, column 6: first() takes 0 arguments, found 1")},
		{"'a'.substring()", items("error: line 1, column 5: substring() takes 1 to 2 arguments, found 0")},
		{"name.frist()", items("error: line 1, column 6: there is no function frist()")},
		{"code.subsumes('x')", items("error: line 1, column 6: the function subsumes() is not supported: it needs a terminology service")},
		{"'a'.matches('(')", items("error: line 1, column 13: not a regular expression: error parsing regexp: missing closing ): `(?s:()`")},
	})
}

func TestLimits(t *testing.T) {
	defs := definitions(t)
	r := resource(t, patient)
	for name, source := range map[string]string{
		"length":      "'" + strings.Repeat("x", maxSource) + "'",
		"parentheses": strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300),
		"signs":       strings.Repeat("-", 300) + "1",
	} {
		if _, err := Compile(source, defs); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
	for name, source := range map[string]string{
		"endless repeat":   "id.repeat($this & 'x')",
		"doubling text":    "(" + strings.Repeat("1.combine(", 100) + "1" + strings.Repeat(")", 100) + ").aggregate($total & $total, 'xxxxxxxx')",
		"doubling items":   "name.repeat(name | $this.toString()) | (" + strings.Repeat("1.combine(", 100) + "1" + strings.Repeat(")", 100) + ").aggregate($total.combine($total), 1)",
		"crossed products": "descendants().select(%resource.descendants().select(%resource.descendants().select(%resource.descendants())))",
		"replacements":     "'" + strings.Repeat("x", 5000) + "'" + strings.Repeat(".replace('', 'xxxxxxxxxxxxxxxxxxxx')", 6),
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Compile(source, defs)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = e.Eval(r, &Env{}); !errors.Is(err, ErrBudget) {
				t.Errorf("got %v, want ErrBudget", err)
			}
		})
	}
	if e, err := Compile(strings.Repeat("1+", 8000)+"1", defs); err != nil {
		t.Error(err)
	} else if got, err := e.Eval(r, nil); err != nil || len(got) != 1 || got[0].Text() != "8001" {
		t.Errorf("long sum: %v, %v", got, err)
	}
}

// TestEvalInto checks that results are appended and that an error leaves the buffer as it was.
func TestEvalInto(t *testing.T) {
	defs := definitions(t)
	root := Root(resource(t, patient), defs)
	buffer := Collection{StringValue("kept")}
	for _, test := range []struct {
		source string
		want   int
		fails  bool
	}{{"name.given", 6, false}, {"name.single()", 1, true}, {"gender", 2, false}} {
		e, err := Compile(test.source, defs)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.EvalInto(buffer, root, nil)
		if (err != nil) != test.fails || len(got) != test.want || got[0].Text() != "kept" {
			t.Errorf("%s: %v, %v", test.source, described(got), err)
		}
	}
}
