package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxText bounds what a function may build, in bytes.
const maxText = 1 << 20

func textOf(args []ref.Val) ref.Val {
	text, ok := ofVal(args[0]).Text()
	if !ok {
		return types.NewErr("needs a string, a number or a boolean")
	}
	return types.String(text)
}

func onText(f func(string) string) func([]ref.Val) ref.Val {
	return func(args []ref.Val) ref.Val {
		text, ok := args[0].(types.String)
		if !ok {
			return types.NewErr("needs a string")
		}
		return types.String(f(string(text)))
	}
}

func replaceText(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	from, okFrom := args[1].(types.String)
	to, okTo := args[2].(types.String)
	if !ok || !okFrom || !okTo || from == "" {
		return types.NewErr("needs three strings, the second not empty")
	}
	if strings.Count(string(text), string(from))*len(to) > maxText {
		return types.NewErr("the result is too long")
	}
	return types.String(strings.ReplaceAll(string(text), string(from), string(to)))
}

func substring(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	from, okFrom := whole(args[1])
	runes := []rune(string(text))
	to, okTo := len(runes), true
	if len(args) == 3 {
		to, okTo = whole(args[2])
	}
	if !ok || !okFrom || !okTo {
		return types.NewErr("needs a string and whole positions")
	}
	from, to = min(max(from, 0), len(runes)), min(max(to, 0), len(runes))
	if from >= to {
		return types.String("")
	}
	return types.String(string(runes[from:to]))
}

func group(args []ref.Val) ref.Val {
	text, ok := args[0].(types.String)
	n, okN := whole(args[1])
	separator, okSeparator := args[2].(types.String)
	if !ok || !okN || !okSeparator || n < 1 || len(separator) > 8 {
		return types.NewErr("needs a string, a length and a separator")
	}
	var b strings.Builder
	for i := 0; i < len(text); i += n {
		if i > 0 {
			b.WriteString(string(separator))
		}
		b.WriteString(string(text[i:min(i+n, len(text))]))
	}
	return types.String(b.String())
}

// tokenSystem and tokenValue read the form system|value that FHIR search uses for identifiers (R4 search.html#token).
func tokenSystem(args []ref.Val) ref.Val {
	text, _ := args[0].(types.String)
	if system, _, found := strings.Cut(string(text), "|"); found {
		return types.String(system)
	}
	return args[1]
}

func tokenValue(args []ref.Val) ref.Val {
	text, _ := ofVal(args[0]).Text()
	if _, value, found := strings.Cut(text, "|"); found {
		return types.String(value)
	}
	return types.String(text)
}

// hl7System gives the system of an HL7 v2 identifier from its assigning authority (data types HD and EI): ISO object identifiers, UUIDs, URIs and EUI-64
// have their own systems; a namespace, which is a name that a site has agreed on, becomes urn:firth:hl7v2:<namespace>; without one the identifier is the
// sender's, urn:firth:hl7v2:<sender>.
func hl7System(args []ref.Val) ref.Val {
	var texts [4]string
	for i := range texts {
		texts[i], _ = ofVal(args[i]).Text()
	}
	namespace, universal, kind, sender := texts[0], texts[1], texts[2], texts[3]
	switch strings.ToUpper(kind) {
	case "ISO":
		if universal != "" {
			return types.String("urn:oid:" + universal)
		}
	case "UUID", "GUID":
		if universal != "" {
			return types.String("urn:uuid:" + strings.ToLower(universal))
		}
	case "URI":
		if universal != "" {
			return types.String(universal)
		}
	case "EUI-64":
		return types.String("urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680")
	}
	if namespace == "" {
		namespace = sender
	}
	if namespace == "" {
		return types.String("urn:firth:hl7v2")
	}
	return types.String("urn:firth:hl7v2:" + url.PathEscape(namespace))
}

// hash gives lists one byte string a list: each text is written with its length, so that ["ab", "c"] and ["a", "bc"] differ.
func hash(args []ref.Val) ref.Val {
	var in []byte
	for item := range ofVal(args[0]).Each() {
		text, ok := item.Text()
		if !ok && !item.IsAbsent() {
			return types.NewErr("needs strings and numbers")
		}
		in = append(in, byte(len(text)>>24), byte(len(text)>>16), byte(len(text)>>8), byte(len(text)))
		in = append(in, text...)
	}
	sum := sha256.Sum256(in)
	return types.String(hex.EncodeToString(sum[:]))
}
