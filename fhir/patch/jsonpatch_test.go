package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/patch"
)

// TestApplyJSON has the exact bytes of each result, or the error as "code: diagnostics".
func TestApplyJSON(t *testing.T) {
	tests := []struct{ name, doc, patch, want string }{
		{"no operations", "{ \"a\" : 1.50 }", `[]`, "{ \"a\" : 1.50 }"},
		{"add member", `{"a":1}`, `[{"op":"add","path":"/b","value":{"c" : 2.50}}]`, `{"a":1,"b":{"c" : 2.50}}`},
		{"add member to an empty object", `{ }`, `[{"op":"add","path":"/b","value":2}]`, `{"b":2}`},
		{"add member replaces", `{"a" : 1, "b":2}`, `[{"op":"add","path":"/a","value":null}]`, `{"a" : null, "b":2}`},
		{"add keeps the layout", "{\n  \"a\": 1\n}\n", `[{"op":"add","path":"/b","value":2}]`, "{\n  \"a\": 1,\n  \"b\":2\n}"},
		{"add member with characters to escape", `{}`, `[{"op":"add","path":"/a\"~1~0\\\u00e9","value":2}]`, `{"a\"/~\\é":2}`},
		{"add member without a name", `{}`, `[{"op":"add","path":"/","value":2}]`, `{"":2}`},
		{"add first item", `[ 1, 2 ]`, `[{"op":"add","path":"/0","value":0}]`, `[ 0, 1, 2 ]`},
		{"add item between", "[\n 1,\n 2\n]", `[{"op":"add","path":"/1","value":0}]`, "[\n 1,\n 0,\n 2\n]"},
		{"add item behind", "[\n 1,\n 2\n]", `[{"op":"add","path":"/2","value":0}]`, "[\n 1,\n 2,\n 0\n]"},
		{"add item at -", `[]`, `[{"op":"add","path":"/-","value":0},{"op":"add","path":"/-","value":1}]`, `[0,1]`},
		{"add in what was added", `{}`, `[{"op":"add","path":"/a","value":[1]},{"op":"add","path":"/a/0","value":{}},{"op":"add","path":"/a/0/b","value":1}]`, `{"a":[{"b":1},1]}`},
		{"add document", `{"a":1}`, `[{"op":"add","path":"","value":[1.0]}]`, `[1.0]`},
		{"member named as an index", `{"0":1,"-":2}`, `[{"op":"remove","path":"/0"},{"op":"replace","path":"/-","value":3}]`, `{"-":3}`},
		{"remove first member", `{ "a":1, "b":2 }`, `[{"op":"remove","path":"/a"}]`, `{ "b":2 }`},
		{"remove last member", `{ "a":1, "b":2 }`, `[{"op":"remove","path":"/b"}]`, `{ "a":1 }`},
		{"remove only item", `{"a":[ 1 ]}`, `[{"op":"remove","path":"/a/0"}]`, `{"a":[]}`},
		{"remove deep", `{"a":[{"b":{"c":1,"d":1e2}}],"e":1E+2}`, `[{"op":"remove","path":"/a/0/b/c"}]`, `{"a":[{"b":{"d":1e2}}],"e":1E+2}`},
		{"replace", "{\"a\" :\t[1.50, 2] }", `[{"op":"replace","path":"/a/1","value":"x"}]`, "{\"a\" :\t[1.50, \"x\"] }"},
		{"replace document", `{"a":1}`, `[{"op":"replace","path":"","value":null}]`, `null`},
		{"move member", `{"a":{"b":1.0},"c":{}}`, `[{"op":"move","from":"/a/b","path":"/c/d"}]`, `{"a":{},"c":{"d":1.0}}`},
		{"move item forward", `[0,1,2,3]`, `[{"op":"move","from":"/0","path":"/2"}]`, `[1,2,0,3]`},
		{"move item to the end", `[0,1,2]`, `[{"op":"move","from":"/0","path":"/-"}]`, `[1,2,0]`},
		{"move to itself", `{"a": 1}`, `[{"op":"move","from":"/a","path":"/a"}]`, `{"a": 1}`},
		{"move over its parent", `{"a":{"b":1}}`, `[{"op":"move","from":"/a/b","path":"/a"}]`, `{"a":1}`},
		{"move to the document", `{"a":{"b":1}}`, `[{"op":"move","from":"/a/b","path":""}]`, `1`},
		{"names that begin alike", `{"a":{"b":1}}`, `[{"op":"move","from":"/a","path":"/ab"}]`, `{"ab":{"b":1}}`},
		{"copy is independent", `{"a":{"b":[1]}}`, `[{"op":"add","path":"/a/b/-","value":2},{"op":"copy","from":"/a","path":"/c"},{"op":"remove","path":"/a/b/0"}]`,
			`{"a":{"b":[2]},"c":{"b":[1,2]}}`},
		{"copy into itself", `{"a":1}`, `[{"op":"copy","from":"","path":"/b"}]`, `{"a":1,"b":{"a":1}}`},
		{"test number by value", `{"a":[1, 1.50, 1e2, 0, -0.0, 1E-400]}`, `[{"op":"test","path":"/a","value":[1.0,15e-1,100,-0,0e5,0.01E-398]}]`, `{"a":[1, 1.50, 1e2, 0, -0.0, 1E-400]}`},
		{"test members in any order", `{"a":{"x":1,"y":[{"z":null}]}}`, `[{"op":"test","path":"/a","value":{"y":[{"z":null}],"x":1}}]`, `{"a":{"x":1,"y":[{"z":null}]}}`},
		{"test strings by character", `{"a":"\u00e9/\ud83d\ude00"}`, `[{"op":"test","path":"/a","value":"é\/😀"}]`, `{"a":"\u00e9/\ud83d\ude00"}`},
		{"test what was changed", `{"a":{"x":1}}`, `[{"op":"add","path":"/a/y","value":2},{"op":"test","path":"","value":{"a":{"y":2,"x":1}}}]`, `{"a":{"x":1,"y":2}}`},
		{"other members are ignored", `{"a":1}`, `[{"op":"remove","path":"/a","value":3,"from":4,"x":5}]`, `{}`},
		{"space around the document", " [1] ", `[]`, `[1]`},

		{"not an array", `{}`, `{"op":"add","path":"/a","value":1}`, `structure: a JSON Patch is an array of operations`},
		{"operation is not an object", `{}`, `[1]`, `structure: operation 0: an operation is an object`},
		{"op is missing", `{}`, `[{"path":"/a"}]`, `invalid: operation 0 (/a): "op" is add, remove, replace, move, copy or test`},
		{"op is unknown", `{}`, `[{"op":"Add","path":"/a","value":1}]`, `invalid: operation 0 (Add /a): "op" is add, remove, replace, move, copy or test`},
		{"path is missing", `{}`, `[{"op":"add","value":1}]`, `structure: operation 0 (add): "path" is missing or not a string`},
		{"path is a number", `{}`, `[{"op":"remove","path":1}]`, `structure: operation 0 (remove 1): "path" is missing or not a string`},
		{"path without slash", `{}`, `[{"op":"remove","path":"a"}]`, `invalid: operation 0 (remove a): "path": a JSON Pointer begins with '/', or is empty for the whole document`},
		{"tilde alone", `{}`, `[{"op":"remove","path":"/a~"}]`, `invalid: operation 0 (remove /a~): "path": '~' in a JSON Pointer is followed by 0, for '~', or 1, for '/'`},
		{"tilde and 2", `{}`, `[{"op":"remove","path":"/~0~2"}]`, `invalid: operation 0 (remove /~0~2): "path": '~' in a JSON Pointer is followed by 0, for '~', or 1, for '/'`},
		{"value is missing", `{}`, `[{"op":"add","path":"/a"}]`, `structure: operation 0 (add /a): "value" is missing`},
		{"from is missing", `{}`, `[{"op":"copy","path":"/a"}]`, `structure: operation 0 (copy /a): "from" is missing or not a string`},
		{"move into itself", `{"a":{}}`, `[{"op":"move","from":"/a","path":"/a/b"}]`, `invalid: operation 0 (move /a/b): a value cannot be moved into itself`},
		{"move the document", `{"a":{}}`, `[{"op":"move","from":"","path":"/a"}]`, `invalid: operation 0 (move /a): a value cannot be moved into itself`},
		{"second operation is malformed", `{}`, `[{"op":"add","path":"/a","value":1},{"op":"test","path":"/a"}]`, `structure: operation 1 (test /a): "value" is missing`},
		{"add below what is missing", `{}`, `[{"op":"add","path":"/a/b","value":1}]`, `processing: operation 0 (add /a/b): /a does not exist`},
		{"add below a string", `{"a":"x"}`, `[{"op":"add","path":"/a/b","value":1}]`, `processing: operation 0 (add /a/b): /a is neither an object nor an array`},
		{"add beyond the end", `[1]`, `[{"op":"add","path":"/2","value":1}]`, `processing: operation 0 (add /2): the place must be '-' or a number from 0 to 1, the length of the array`},
		{"add at a name", `[1]`, `[{"op":"add","path":"/x","value":1}]`, `processing: operation 0 (add /x): the place must be '-' or a number from 0 to 1, the length of the array`},
		{"leading zero", `[1,2]`, `[{"op":"add","path":"/00","value":1}]`, `processing: operation 0 (add /00): the place must be '-' or a number from 0 to 2, the length of the array`},
		{"index with a sign", `[1,2]`, `[{"op":"replace","path":"/+1","value":1}]`, `processing: operation 0 (replace /+1): /+1 does not exist: the items of an array are numbered from 0, without leading zeros`},
		{"leading zero on the way", `[[1],[2]]`, `[{"op":"remove","path":"/01/0"}]`, `processing: operation 0 (remove /01/0): /01 does not exist: the items of an array are numbered from 0, without leading zeros`},
		{"remove what is missing", `{"a":[1]}`, `[{"op":"remove","path":"/a/1"}]`, `processing: operation 0 (remove /a/1): /a/1 does not exist: the array has 1 items`},
		{"remove at -", `[1]`, `[{"op":"remove","path":"/-"}]`, `processing: operation 0 (remove /-): /- is behind the last item, where nothing exists`},
		{"remove the document", `{}`, `[{"op":"remove","path":""}]`, `processing: operation 0 (remove): the whole document cannot be removed`},
		{"replace what is missing", `{"a":1}`, `[{"op":"replace","path":"/b","value":1}]`, `processing: operation 0 (replace /b): /b does not exist`},
		{"replace below a number", `{"a":1}`, `[{"op":"replace","path":"/a/b","value":1}]`, `processing: operation 0 (replace /a/b): /a/b does not exist`},
		{"move what is missing", `{"a":1}`, `[{"op":"move","from":"/b","path":"/c"}]`, `processing: operation 0 (move /c): /b does not exist`},
		{"move what is missing to itself", `{"a":1}`, `[{"op":"move","from":"/b","path":"/b"}]`, `processing: operation 0 (move /b): /b does not exist`},
		{"copy what is missing", `{"a":1}`, `[{"op":"copy","from":"/a/b","path":"/c"}]`, `processing: operation 0 (copy /c): /a/b does not exist`},
		{"test fails, nothing is done", `{"a":1}`, `[{"op":"remove","path":"/a"},{"op":"test","path":"","value":[]}]`, `processing: operation 1 (test): the value is not the one tested for`},
		{"test what is missing", `{"a":1}`, `[{"op":"test","path":"/b","value":null}]`, `processing: operation 0 (test /b): /b does not exist`},
		{"test number and string", `{"a":1}`, `[{"op":"test","path":"/a","value":"1"}]`, `processing: operation 0 (test /a): the value is not the one tested for`},
		{"test numbers that a float cannot tell apart", `[0.1000000000000000055511151231257827]`, `[{"op":"test","path":"/0","value":0.1}]`, `processing: operation 0 (test /0): the value is not the one tested for`},
		{"test items in another order", `[1,2]`, `[{"op":"test","path":"","value":[2,1]}]`, `processing: operation 0 (test): the value is not the one tested for`},
		{"test with fewer members", `{"a":1}`, `[{"op":"test","path":"","value":{"a":1,"b":2}}]`, `processing: operation 0 (test): the value is not the one tested for`},
		{"test with other members", `{"a":1}`, `[{"op":"test","path":"","value":{"b":1}}]`, `processing: operation 0 (test): the value is not the one tested for`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := patch.ApplyJSON(parse(t, test.doc), parse(t, test.patch))
			checkResult(t, test.want, got, err)
		})
	}
}

// checkResult compares the bytes, or the error as "code: diagnostics".
func checkResult(t *testing.T, want string, got []byte, err error) {
	t.Helper()
	text := string(got)
	if err != nil {
		issue := checkOutcome(t, err)
		text = fmt.Sprintf("%s: %s", issue.Code, issue.Diagnostics)
	}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

const observation = `{"resourceType":"Observation", "id":"o1",
 "status":"final", "valueQuantity":{"value":1.50, "unit":"kg"}, "unknown" : [ 1.0 ],
 "category":[{"text":"a"}, {"text":"b"}], "_status":{"id":"s"}
}`

func TestJSON(t *testing.T) {
	tests := []struct{ name, patch, want string }{
		{"the rest keeps its bytes", `[{"op":"replace","path":"/valueQuantity/value","value":2.500},{"op":"add","path":"/category/1","value":{"text":"c"}}]`,
			strings.NewReplacer(`1.50`, `2.500`, `{"text":"b"}`, `{"text":"c"}, {"text":"b"}`).Replace(observation)},
		{"same id and type", `[{"op":"replace","path":"/id","value":"o1"},{"op":"test","path":"/resourceType","value":"Observation"}]`, observation},
		{"whole resource", `[{"op":"replace","path":"","value":{"id":"o1","resourceType":"Observation"}}]`, `{"id":"o1","resourceType":"Observation"}`},
		{"change the id", `[{"op":"replace","path":"/id","value":"o2"}]`, `business-rule: operation 0 (replace /id): id is immutable`},
		{"id to a number", `[{"op":"replace","path":"/id","value":1}]`, `business-rule: operation 0 (replace /id): id is immutable`},
		{"remove the id", `[{"op":"add","path":"/x","value":1},{"op":"remove","path":"/id"}]`, `business-rule: operation 1 (remove /id): id is immutable`},
		{"move the id away", `[{"op":"move","from":"/id","path":"/x"}]`, `business-rule: operation 0 (move /x): id is immutable`},
		{"change the type", `[{"op":"add","path":"/resourceType","value":"Patient"}]`, `business-rule: operation 0 (add /resourceType): resourceType is immutable`},
		{"another resource", `[{"op":"replace","path":"","value":{"resourceType":"Observation","id":"o2"}}]`, `business-rule: operation 0 (replace): id is immutable`},
		{"no resource", `[{"op":"copy","from":"/category","path":""}]`, `business-rule: operation 0 (copy): resourceType is immutable`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := patch.JSON(resource(t, observation), parse(t, test.patch))
			checkResult(t, test.want, got, err)
		})
	}
}

// TestJSONExpression checks where an issue says the error is.
func TestJSONExpression(t *testing.T) {
	for path, want := range map[string]string{
		"/category/2/text": "Observation.category[2].text", "/category/-": "Observation.category", "": "Observation", "/_status/x": "Observation", "/a~1b": "Observation",
	} {
		_, err := patch.JSON(resource(t, observation), parse(t, `[{"op":"test","path":"`+path+`","value":"no"}]`))
		if got := checkOutcome(t, err).Expression; got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestJSONWithoutID(t *testing.T) {
	_, err := patch.JSON(resource(t, `{"resourceType":"Patient"}`), parse(t, `[{"op":"add","path":"/id","value":"p"}]`))
	checkResult(t, `business-rule: operation 0 (add /id): id is immutable`, nil, err)
}

// TestJSONBounds checks that a small patch cannot ask for much.
func TestJSONBounds(t *testing.T) {
	repeated := func(n int, op string) string { return "[" + strings.TrimSuffix(strings.Repeat(op+",", n), ",") + "]" }
	tests := []struct{ name, doc, patch, want string }{
		{"copies that double", `{"a":"` + strings.Repeat("x", 1000) + `","l":[]}`, repeated(40, `{"op":"copy","from":"","path":"/l/-"}`),
			`too-costly: operation 17 (copy /l/-): the patch needs too much work; send it in parts`},
		{"copies that deepen", `{"a":1}`, repeated(20, `{"op":"copy","from":"","path":"/b"}`), `{"a":1,"b":` + strings.Repeat(`{"a":1,"b":`, 19) + `{"a":1}` + strings.Repeat("}", 20)},
		{"too deep", `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, `[{"op":"copy","from":"/a","path":"/a` + strings.Repeat("/0", 98) + `/-"}]`,
			`processing: the result would be larger or nested more deeply than a document may be`},
		{"long pointer", `{}`, `[{"op":"remove","path":"` + strings.Repeat("/0", 129) + `"}]`,
			`invalid: operation 0 (remove ` + strings.Repeat("/0", 100) + `/...): "path": the JSON Pointer has more than 128 parts`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := patch.ApplyJSON(parse(t, test.doc), parse(t, test.patch))
			checkResult(t, test.want, got, err)
		})
	}
}

// BenchmarkJSON changes one value of a small resource.
func BenchmarkJSON(b *testing.B) {
	res, diff := resource(b, observation), parse(b, `[{"op":"test","path":"/status","value":"final"},{"op":"replace","path":"/valueQuantity/value","value":2.5}]`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := patch.JSON(res, diff); err != nil {
			b.Fatal(err)
		}
	}
}
