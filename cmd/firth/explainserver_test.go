package main

import "testing"

func TestRefusalOf(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"one issue", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"value","diagnostics":"birthdate: not a date","expression":["http.birthdate"]}]}`,
			"the server answered 400 Bad Request\n  birthdate: not a date (birthdate)"},
		{"two issues", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"value","details":{"text":"no"}},{"severity":"error","code":"too-costly"}]}`, "the server answered 400 Bad Request\n  no\n  too-costly"},
		{"something else", `<html>`, "the server answered 400 Bad Request: <html>"},
		{"another resource", `{"resourceType":"Patient"}`, `the server answered 400 Bad Request: {"resourceType":"Patient"}`},
	} {
		if got := refusalOf("400 Bad Request", []byte(c.body)).Error(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
