package search

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
)

// Every key of every example is found by a query written from it, by every parameter that uses its index, and sorts by it. So no parameter of these types is
// answered in name only.
func TestEveryKeyIsFound(t *testing.T) {
	r, err := NewRegistry(newTestRegistry(t).defs, Options{BaseURL: testBase, References: true, Content: true})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../shared/data/r4-examples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Glob("testdata/extract/*.json")
	if err != nil {
		t.Fatal(err)
	}
	queries := map[string]int{}
	for _, file := range append(own, files...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		res, err := fhir.ParseResource(data)
		if err != nil {
			continue // not a resource
		}
		keys, err := r.Extract(res)
		if err != nil {
			t.Fatal(err)
		}
		checkKeys(t, keys)
		for _, p := range r.Params(res.Type()) {
			for _, ix := range p.indexes {
				for _, key := range keys {
					value, ok := strings.CutPrefix(key, ix.prefix)
					if !ok {
						continue
					}
					for _, query := range queriesFor(ix, p, value) {
						queries[p.Type]++
						request, err := r.Parse(res.Type(), []Pair{query}, ParseOptions{Strict: true})
						if err != nil {
							t.Errorf("%s: %s: %v", filepath.Base(file), show(key), err)
						} else if !Match(request.Query.Plan, "", keys, nil) {
							t.Errorf("%s: %s is not found by %s=%s\n%s", filepath.Base(file), show(key), query.Name, query.Value, Explain(request.Query.Plan))
						}
					}
				}
			}
		}
	}
	for _, typ := range []string{"token", "string", "reference", "date", "number", "quantity", "uri", "composite"} {
		if queries[typ] == 0 {
			t.Errorf("no query of type %s", typ)
		}
	}
}

var escapeValue = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`)

// queriesFor writes queries that must find a key, given without its index.
func queriesFor(ix *index, p *Param, value string) []Pair {
	form, fields := value[0], strings.Split(value[1:], Separator)
	first := escapeValue.Replace(fields[0])
	last := escapeValue.Replace(fields[len(fields)-1])
	of := func(name string, values ...string) []Pair {
		pairs := []Pair{{p.Code + ":missing", "false"}}
		for _, v := range values {
			pairs = append(pairs, Pair{p.Code + name, v})
		}
		return pairs
	}
	switch {
	case form == formPresent:
		return of("")
	case form == formIdentifier && p.target != "":
		return of(":identifier", last+"|"+first)[1:] // whose type nobody knows
	case ix.kind == text && len(fields[len(fields)-1]) > maxText-4:
		return of("") // cut: the exact text cannot be written from the key
	case form == formReference && p.target != "" && !strings.Contains(fields[0], p.target+"/"):
		return nil
	case ix.kind == position:
		return of("", fields[1]+"|"+fields[2]+"|0")
	case ix.kind == fulltext:
		return of("", `\`+first) // so that "not" is no operator
	case ix.kind == token && form == formText && len(fields[0]) <= maxText-40:
		return of(":text", strings.TrimSpace(fields[0]))
	case ix.kind == token && form == formText:
		return of(":text", strings.Fields(fields[0])[0])
	case ix.kind == token && form == formOfType:
		return of(":of-type", last+"|"+escapeValue.Replace(fields[1])+"|"+first)
	case ix.kind == token && form == formSystem:
		return of("", first+"|")
	case ix.kind == token && ix.system != "":
		return of("", first, ix.system+"|"+first, ix.system+"|")
	case ix.kind == token:
		return of("", first, last+"|"+first)
	case ix.kind == text:
		return append(of("", last), of(":exact", last)[1], of(":contains", last)[1])
	case ix.kind == reference && form == formIdentifier:
		return of(":identifier", last+"|"+first)
	case ix.kind == reference, ix.kind == uri:
		return of("", escapeValue.Replace(fields[0]))
	case ix.kind == date && form == formLow && fields[0] != timeMin:
		return of("", "ge"+timeOf(fields[0]), "ap"+timeOf(fields[0]))
	case ix.kind == number && form == formNumber:
		return of("", numberOf(fields[0]), "ge"+numberOf(fields[0]), "le"+numberOf(fields[0]))
	case ix.kind == quantity && form == formNumber:
		system, code := escapeValue.Replace(fields[1][1:]), escapeValue.Replace(fields[2][1:])
		return of("", numberOf(fields[0]), numberOf(fields[0])+"|"+system+"|"+code, numberOf(fields[0])+"||"+code)
	case ix.kind == composite && len(ix.parts) == 2:
		return of("", compositeValue(fields, ix.parts[1].kind))
	}
	return of("")
}

// compositeValue writes the two components of a key: the head of the first stands in fields[0] behind its form letter.
func compositeValue(fields []string, second kind) string {
	head := escapeValue.Replace(fields[0][1:])
	value := escapeValue.Replace(fields[1][1:])
	switch {
	case fields[1][0] == formNumber:
		value = numberOf(fields[1][1:])
	case second == quantity:
		value = "ne123456789"
	case second == date:
		value = "ne1850"
	}
	return head + "$" + value
}

func timeOf(text string) string {
	at, err := time.Parse("20060102150405", text[:14])
	if err != nil {
		panic("not a time: " + text)
	}
	return at.Format("2006-01-02T15:04:05Z")
}

// numberOf reads an ordered decimal back.
func numberOf(text string) string {
	if text == "0" {
		return "0"
	}
	sign, digits := "", []byte(text[1:])
	if text[0] == '-' {
		sign = "-"
		digits = bytes.TrimSuffix(digits, []byte("~"))
		for i, c := range digits {
			if c != '.' {
				digits[i] = '0' + '9' - c
			}
		}
	}
	exponent, err := strconv.Atoi(string(digits[:4]))
	if err != nil {
		panic("not a decimal: " + text)
	}
	mantissa := string(digits[5:])
	return sign + mantissa + "e" + strconv.Itoa(exponent-exponentOffset-len(mantissa))
}
