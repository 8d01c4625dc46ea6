package validate

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

func definitions(t testing.TB) *spec.Definitions {
	t.Helper()
	d, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// pattern compiles a regular expression of the definitions, which are those of XML Schema: for the whole text, where white space is four characters.
func pattern(t testing.TB, source string) *regexp.Regexp {
	t.Helper()
	const notSpace = `\x00-\x08\x0b\x0c\x0e-\x1f!-\x{10FFFF}`
	goSource := strings.NewReplacer(
		`[ \r\n\t\S]`, `[ \r\n\t`+notSpace+`]`, `[^\s]`, `[`+notSpace+`]`, `\S`, `[`+notSpace+`]`, `\s`, `[ \t\n\r]`,
	).Replace(source)
	expression, err := regexp.Compile(`\A(?:` + goSource + `)\z`)
	if err != nil {
		t.Fatal(err)
	}
	return expression
}

// beyond says what R4's prose asks for beyond the regular expression of a type.
var beyond = map[string]func(string) bool{
	"string":       func(s string) bool { return !hasControl(s) && utf8.RuneCountInString(s) <= 1<<20 },
	"markdown":     func(s string) bool { return !hasControl(s) && utf8.RuneCountInString(s) <= 1<<20 },
	"uri":          func(s string) bool { return !hasControl(s) },
	"url":          func(s string) bool { return !hasControl(s) },
	"canonical":    func(s string) bool { return !hasControl(s) },
	"code":         func(s string) bool { return !hasControl(s) && !strings.ContainsAny(s, "\t\r\n") },
	"base64Binary": paddedAtEnd,
	"date":         dayExists,
	"dateTime":     dayExists,
	"instant":      dayExists,
	"integer":      func(s string) bool { _, err := strconv.ParseInt(s, 10, 32); return err == nil },
	"unsignedInt":  func(s string) bool { _, err := strconv.ParseInt(s, 10, 32); return err == nil },
	"positiveInt":  func(s string) bool { _, err := strconv.ParseInt(s, 10, 32); return err == nil },
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n", r) })
}

func paddedAtEnd(s string) bool {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, s)
	return !strings.Contains(strings.TrimSuffix(strings.TrimSuffix(s, "="), "="), "=")
}

func dayExists(s string) bool {
	if len(s) < 10 {
		return true
	}
	_, err := time.Parse(time.DateOnly, s[:10])
	return err == nil
}

// texts are near the border of at least one format.
var texts = []string{
	"", " ", "a", "a b", "a  b", " a", "a ", "a\tb", "a\nb", "a\r\n", "\x00", "a\x01", "\x7f", "é", "a\u00a0b", "\u2028",
	"true", "false", "True", "1", "0", "-1", "-0", "+1", "01", "00", "1.0", "1.50", "-0.5", ".5", "5.", "1e5", "1E-5", "1e", "e5", "0x1", "--1", "-",
	"2147483647", "2147483648", "-2147483648", "-2147483649", "9999999999", "99999999999999999999",
	"2024", "0000", "0001", "202", "20245", "2024-", "2024-1", "2024-01", "2024-00", "2024-12", "2024-13", "2024-01-", "2024-01-1", "2024-01-01",
	"2024-01-00", "2024-01-31", "2024-01-32", "2024-04-31", "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "2100-02-29", "0004-02-29", "2024-02-30",
	"2024-01-01T", "2024-01-01T10", "2024-01-01T10:00", "2024-01-01T10:00:00", "2024-01-01T10:00:00Z", "2024-01-01T10:00:00z", "2024-01-01t10:00:00Z",
	"2024-01-01T24:00:00Z", "2024-01-01T23:59:60Z", "2024-01-01T23:59:61Z", "2024-01-01T10:60:00Z", "2024-01-01T10:00:00.Z", "2024-01-01T10:00:00.1Z",
	"2024-01-01T10:00:00.123456789012Z", "2024-01-01T10:00:00+01:00", "2024-01-01T10:00:00-13:59", "2024-01-01T10:00:00+14:00", "2024-01-01T10:00:00+14:01",
	"2024-01-01T10:00:00+15:00", "2024-01-01T10:00:00+1:00", "2024-01-01T10:00:00+01:60", "2024-01-01T10:00:00+0100", "2024-01-01T10:00:00Z ",
	"2024-02-30T10:00:00Z", "2024-01T10:00:00Z", "2024-01-01 10:00:00Z", "2024-01-01T10:00:00,5Z",
	"10:00:00", "10:00", "10:00:00.5", "10:00:00.", "24:00:00", "23:59:60", "1:00:00", "10:00:00Z", "10-00-00", "10:00:0a",
	"urn:oid:1.2.3", "urn:oid:0.0", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.", "urn:oid:1.02", "urn:oid:2.16.840.1.113883", "URN:OID:1.2", "urn:oid:1..2", "1.2.3",
	"urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "urn:uuid:c757873d-ec9a-4326-a141-556f4323952",
	"urn:uuid:c757873dec9a4326a141556f43239520", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520a", "urn:uuid:c757873d+ec9a-4326-a141-556f43239520",
	"http://example.org/a?b=c#d", "http://example.org/a b", "urn:a\x02", strings.Repeat("a", 64), strings.Repeat("a", 65), "a-b.C", "a_b", "a/b",
	"AAAA", "AAA=", "AA==", "A===", "====", "AAAAA", "AAAA AAAA", "AA AA", "AAAA\r\nAAA=\n", "AA==AAAA", "AAA=AAAA", "AA=A", "AA= =", "A-_A", "AA==\t", " AAAA", "AAAA=", "=AAA",
}

// numbers are the JSON numbers among texts: those of integers are read by [fhir.Parse] before they are checked.
func isNumber(s string) bool {
	n, err := fhir.Parse([]byte(s))
	return err == nil && n.Kind() == fhir.Number && string(n.Raw()) == s
}

// compare holds one text against the regular expression and the prose.
func compare(t *testing.T, name string, p primitive, expression *regexp.Regexp, text string) {
	t.Helper()
	if p.kind == fhir.Number && !isNumber(text) || !utf8.ValidString(text) || text == "" {
		return
	}
	want := expression.MatchString(text)
	if rule := beyond[name]; rule != nil && want {
		want = rule(text)
	}
	if got := p.accepts([]byte(text), fmt.Appendf(nil, "%q ", text)); got != want {
		t.Errorf("%s %.80q: %v, want %v", name, text, got, want)
	}
}

func TestFormats(t *testing.T) {
	d := definitions(t)
	for _, p := range primitives {
		if source := d.Type(p.name).Pattern; source != "" && p.kind != fhir.Bool {
			expression := pattern(t, source)
			for _, text := range texts {
				compare(t, p.name, p.primitive, expression, text)
			}
		}
	}
	for name, long := range map[string]string{"string": strings.Repeat("é", 1<<20), "markdown": strings.Repeat("\n", 1<<20)} {
		p := primitiveOf(d.Type(name))
		if !p.accepts([]byte(long), nil) || p.accepts([]byte(long+"é"), nil) {
			t.Errorf("%s: the limit of 1 MiB characters is not kept", name)
		}
	}
}

// TestPrimitives holds the table against the definitions: each primitive is in it, in the JSON kind of its regular expression.
func TestPrimitives(t *testing.T) {
	d := definitions(t)
	var want, got []string
	for _, name := range d.DataTypes() {
		if d.Type(name).Kind == spec.Primitive {
			want = append(want, name)
		}
	}
	for _, p := range primitives {
		got = append(got, p.name)
		typ := d.Type(p.name)
		kind := fhir.String
		switch {
		case p.name == "boolean":
			kind = fhir.Bool
		case typ.Is("decimal"), typ.Is("integer"):
			kind = fhir.Number
		}
		if p.kind != kind {
			t.Errorf("%s: JSON kind %d, want %d", p.name, p.kind, kind)
		}
		if (p.valid == nil) != (p.rule == "") {
			t.Errorf("%s: a format needs a rule to report and the other way round", p.name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("primitives (-want +got):\n%s", diff)
	}
	// Decimals are checked by the JSON grammar alone.
	decimal := pattern(t, d.Type("decimal").Pattern)
	for _, text := range texts {
		if isNumber(text) != decimal.MatchString(text) {
			t.Errorf("decimal %q: JSON says %v", text, isNumber(text))
		}
	}
}

// FuzzFormats compares all scanners with the regular expressions.
func FuzzFormats(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	d := definitions(f)
	expressions := map[string]*regexp.Regexp{}
	for _, p := range primitives {
		if source := d.Type(p.name).Pattern; source != "" && p.kind != fhir.Bool {
			expressions[p.name] = pattern(f, source)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range primitives {
			if expression := expressions[p.name]; expression != nil {
				compare(t, p.name, p.primitive, expression, text)
			}
		}
	})
}

// FuzzReference compares the reader of references with that of package fhir.
func FuzzReference(f *testing.F) {
	for _, text := range []string{
		"#", "#a", "Patient/1", "Patient/1/_history/2", "http://example.org/fhir/Patient/1", "https://a/b/Patient/1/_history/2", "http://Patient/1",
		"ftp://a/Patient/1", "urn:uuid:x", "Patient?a=b", "/Patient/1", "Patient/1/", "Patient/a_b", "patient/1", "a:b/Patient/1", "_history/1", "Patient//_history/1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || strings.ContainsAny(text, " \t\r\n") {
			return
		}
		got, want := readLiteral([]byte(text)), fhir.ParseReference(text)
		if got.form == conditional || got.form == malformed && want.Key.Type == "" {
			return
		}
		if string(got.typ) != want.Key.Type || want.IsContained() != (got.form == fragment) || string(got.id) != want.Fragment {
			t.Errorf("%q: %d %q %q, want %+v", text, got.form, got.typ, got.id, want)
		}
	})
}

// TestNarrativeLists compares with the lists in the XPath of txt-1.
func TestNarrativeLists(t *testing.T) {
	d := definitions(t)
	data, err := d.StructureDefinition("http://hl7.org/fhir/StructureDefinition/Narrative")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, match := range regexp.MustCompile(`name\(\.\)=\(([^)]*)\)`).FindAllSubmatch(data, -1) {
		list := narrativeAttributes
		if found++; found == 1 {
			list = narrativeElements
		}
		for _, quoted := range bytes.Split(match[1], []byte(", ")) {
			if word := bytes.Trim(quoted, "'"); !isListed(list, word) {
				t.Errorf("%s is allowed by txt-1", word)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d lists in txt-1", found)
	}
}
