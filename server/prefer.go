package server

import "strings"

// returnPreference is what Prefer: return= asks to be sent back (R4 http.html#ops).
type returnPreference uint8

const (
	returnDefault returnPreference = iota // representation over HTTP, minimal in a Bundle
	returnMinimal
	returnRepresentation
	returnOutcome
)

// preferences are the parts of the Prefer header that are understood; others are ignored, as RFC 7240 demands.
type preferences struct {
	ret    returnPreference
	async  bool // respond-async
	strict bool // handling=strict: unknown search parameters are errors
}

func parsePrefer(values []string) preferences {
	var p preferences
	for _, value := range values {
		for item := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ';' }) {
			switch strings.ReplaceAll(strings.ToLower(strings.TrimSpace(item)), `"`, "") {
			case "return=minimal":
				p.ret = returnMinimal
			case "return=representation":
				p.ret = returnRepresentation
			case "return=operationoutcome":
				p.ret = returnOutcome
			case "respond-async":
				p.async = true
			case "handling=strict":
				p.strict = true
			case "handling=lenient":
				p.strict = false
			}
		}
	}
	return p
}
