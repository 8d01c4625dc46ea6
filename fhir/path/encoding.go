package path

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// encodingFunctions are those of FHIRPath 2.1 that the official tests use.
func encodingFunctions() []function {
	return []function{
		{name: "encode", min: 1, max: 1, run: transcode(encode), result: String, input: stringInput},
		{name: "decode", min: 1, max: 1, run: transcode(decode), result: String, input: stringInput},
		{name: "escape", min: 1, max: 1, run: transcode(escape), result: String, input: stringInput},
		{name: "unescape", min: 1, max: 1, run: transcode(unescape), result: String, input: stringInput},
	}
}

// transcode makes a function of one that maps a string in a named way; ok is false for a malformed string, known for an unknown way.
func transcode(f func(s, way string) (result string, ok, known bool)) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		s, way, ok, err := m.textPair(in, mark)
		if err != nil {
			return err
		}
		if !ok {
			m.truncate(mark)
			return nil
		}
		result, ok, known := f(s, way)
		if !known {
			return m.fail(in.at, "%s() does not know %q", in.name, way)
		}
		return m.yieldText(in, mark, result, ok)
	}
}

func encode(s, way string) (result string, ok, known bool) {
	switch way {
	case "hex":
		return hex.EncodeToString([]byte(s)), true, true
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(s)), true, true
	case "urlbase64":
		return base64.URLEncoding.EncodeToString([]byte(s)), true, true
	}
	return "", false, false
}

func decode(s, way string) (result string, ok, known bool) {
	var b []byte
	var err error
	switch way {
	case "hex":
		b, err = hex.DecodeString(s)
	case "base64":
		b, err = base64.StdEncoding.DecodeString(s)
	case "urlbase64":
		b, err = base64.URLEncoding.DecodeString(s)
	default:
		return "", false, false
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), err == nil, true
}

func escape(s, way string) (result string, ok, known bool) {
	switch way {
	case "html":
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s), true, true
	case "json":
		quoted := fhir.AppendQuoted(nil, s)
		return string(quoted[1 : len(quoted)-1]), true, true
	}
	return "", false, false
}

func unescape(s, way string) (result string, ok, known bool) {
	switch way {
	case "html":
		return html.UnescapeString(s), true, true
	case "json":
		s, ok = unescapeJSON(s)
		return s, ok, true
	}
	return "", false, false
}

// unescapeJSON reads the inside of a JSON string; quotes need no escape.
func unescapeJSON(s string) (string, bool) {
	if !strings.Contains(s, `\`) {
		return s, true
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i++
		case s[i] == '"':
			b.WriteString(`\"`)
		default:
			b.WriteByte(s[i])
		}
	}
	b.WriteByte('"')
	n, err := fhir.Parse([]byte(b.String()))
	return n.Text(), err == nil
}
