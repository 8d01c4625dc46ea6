package ucum_test

import (
	"encoding/xml"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/ucum"
)

func standard(t testing.TB) *ucum.Table {
	t.Helper()
	table, err := ucum.Standard()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func decimal(t testing.TB, text string) fhir.Decimal {
	t.Helper()
	d, err := fhir.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCanonical(t *testing.T) {
	table := standard(t)
	tests := []struct{ value, unit, want, base string }{
		{"120", "mm[Hg]", "15998640.0", "m-1.s-2.g"},
		{"72", "/min", "1.2", "s-1"},
		{"72", "{beats}/min", "1.2", "s-1"},
		{"1.50", "kg", "1500.00", "g"},
		{"98", "%", "0.98", "1"},
		{"1", "/min", "0.0166666666666666666666666666666666666666666666666666666666667", "s-1"},
		{"37.0", "Cel", "310.15", "K"},
		{"98.6", "[degF]", "310.15", "K"},
		{"29.6", "[degRe]", "310.15", "K"},
		{"1000", "mCel", "274.15", "K"},
		{"-40", "[degF]", "233.15", "K"},
		{"5", "mmol/L", "3011070380000000000000000", "m-3"},
		{"90", "mg/dL", "900.00", "m-3.g"},
		{"1", "L", "0.001", "m3"},
		{"1", "mL/(kg.min)", "0.0000000000166666666666666666666666666666666666666666666666666666666667", "m3.s-1.g-1"},
		{"7", "[iU]/mL", "7000000", "m-3.[iU]"},
		{"7", "k[iU]/L", "7000000", "m-3.[iU]"},
		{"7.4", "[pH]", "7.4", "[pH]"},
		{"30", "dB", "3.0", "B"},
		{"2", "10*3/uL", "2000000000000", "m-3"},
		{"1", "", "1", "1"},
		{"1", "m/m", "1", "1"},
		{"1", "4.s/m", "4", "m-1.s"},
		{"1", "a", "31557600", "s"},
	}
	for _, tt := range tests {
		t.Run(tt.value+" "+tt.unit, func(t *testing.T) {
			got, base, ok := table.Canonical(decimal(t, tt.value), tt.unit)
			if !ok || base != tt.base || got.Cmp(decimal(t, tt.want)) != 0 {
				t.Errorf("got %s %s (%v), want %s %s", got, base, ok, tt.want, tt.base)
			}
		})
	}
}

func TestConvert(t *testing.T) {
	table := standard(t)
	tests := []struct{ value, from, to, want string }{
		{"98.6", "[degF]", "Cel", "37.00"},
		{"37", "Cel", "[degF]", "98.60"},
		{"1", "[lb_av]", "kg", "0.45359237"},
		{"120", "mm[Hg]", "kPa", "15.99864"},
		{"1.50", "kg", "kg", "1.50"},
		{"100", "cm", "[in_i]", "39.3700787401574803149606299212598425196850393700787401574803"},
	}
	for _, tt := range tests {
		t.Run(tt.value+" "+tt.from+" to "+tt.to, func(t *testing.T) {
			got, err := table.Convert(decimal(t, tt.value), tt.from, tt.to)
			if err != nil || got.String() != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
	for _, tt := range []struct{ from, to, want string }{
		{"mmol/L", "mg/dL", `"mmol/L" is m-3, "mg/dL" is m-3.g: units of different dimensions`},
		{"[iU]", "[arb'U]", `"[iU]" is [iU], "[arb'U]" is [arb'U]: units of different dimensions`},
		{"[pH]", "mol/L", `"[pH]" is [pH], "mol/L" is m-3: units of different dimensions`},
	} {
		if _, err := table.Convert(decimal(t, "1"), tt.from, tt.to); !errors.Is(err, ucum.ErrIncommensurable) || err.Error() != tt.want {
			t.Errorf("%s to %s: %v", tt.from, tt.to, err)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	table := standard(t)
	tests := []struct{ code, want string }{
		{"bpm", `"bpm" is not a UCUM unit: there is no unit "bpm" at position 1`},
		{"mg/dl/", `"mg/dl/" is not a UCUM unit: a unit is missing at position 7`},
		{"mm[Hg", `"mm[Hg" is not a UCUM unit: bracket not closed at position 3`},
		{"mL/(kg.min", `"mL/(kg.min" is not a UCUM unit: parenthesis not closed at position 11`},
		{"{beats", `"{beats" is not a UCUM unit: annotation not closed at position 1`},
		{"m)", `"m)" is not a UCUM unit: unexpected ')' at position 2`},
		{"m-", `"m-" is not a UCUM unit: an exponent is missing at position 3`},
		{"m99", `"m99" is not a UCUM unit: an exponent beyond 50 at position 2`},
		{"0", `"0" is not a UCUM unit: not a positive number at position 1`},
		{"Cel/m", `"Cel/m" is not a UCUM unit: a temperature scale stands alone, without product or exponent; K measures differences at position 6`},
		{"µg", `"µg" is not a UCUM unit: a code holds printable ASCII only at position 1`},
		{"k[in_i]", `"k[in_i]" is not a UCUM unit: there is no unit "k[in_i]" at position 1`},
		{"mg per dl", `"mg per dl" is not a UCUM unit: a code holds printable ASCII only at position 3`},
		{"Ym50.Ym50.Ym50.Ym50", `"Ym50.Ym50.Ym50.Ym50" is not a UCUM unit: factor or exponent are too large at position 10`},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			_, err := table.Unit(tt.code)
			var syntax *ucum.SyntaxError
			if !errors.As(err, &syntax) || err.Error() != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

// functional is the suite of functional tests that comes with UCUM's reference implementation.
type functional struct {
	Validation []struct {
		ID    string `xml:"id,attr"`
		Unit  string `xml:"unit,attr"`
		Valid bool   `xml:"valid,attr"`
	} `xml:"validation>case"`
	Conversion []struct {
		ID      string `xml:"id,attr"`
		Value   string `xml:"value,attr"`
		From    string `xml:"srcUnit,attr"`
		To      string `xml:"dstUnit,attr"`
		Outcome string `xml:"outcome,attr"`
	} `xml:"conversion>case"`
	Multiplication []product `xml:"multiplication>case"`
	Division       []product `xml:"division>case"`
}

type product struct {
	ID     string `xml:"id,attr"`
	V1     string `xml:"v1,attr"`
	U1     string `xml:"u1,attr"`
	V2     string `xml:"v2,attr"`
	U2     string `xml:"u2,attr"`
	Result string `xml:"vRes,attr"`
	Unit   string `xml:"uRes,attr"`
}

func TestFunctional(t *testing.T) {
	data, err := os.ReadFile("../../../shared/data/ucum/UcumFunctionalTests.xml")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the functional tests of UCUM are not there: ../shared/data/ucum")
	}
	var suite functional
	if err == nil {
		err = xml.Unmarshal(data, &suite)
	}
	if err != nil {
		t.Fatal(err)
	}
	table := standard(t)
	for _, c := range suite.Validation {
		t.Run(c.ID, func(t *testing.T) {
			if _, err := table.Unit(c.Unit); (err == nil) != c.Valid {
				t.Errorf("%q: %v, want valid %v", c.Unit, err, c.Valid)
			}
		})
	}
	for _, c := range suite.Conversion {
		t.Run(c.ID, func(t *testing.T) {
			got, err := table.Convert(decimal(t, c.Value), c.From, c.To)
			if err != nil || !near(got, decimal(t, c.Outcome)) {
				t.Errorf("%s %s in %s: %s, %v; want %s", c.Value, c.From, c.To, got, err, c.Outcome)
			}
		})
	}
	for _, c := range suite.Multiplication {
		t.Run("multiplication "+c.ID, func(t *testing.T) { c.test(t, table, ".", decimal(t, c.V1).Mul(decimal(t, c.V2))) })
	}
	for _, c := range suite.Division {
		quotient, _ := decimal(t, c.V1).Quo(decimal(t, c.V2))
		t.Run("division "+c.ID, func(t *testing.T) { c.test(t, table, "/", quotient) })
	}
	if len(suite.Validation) < 300 || len(suite.Conversion) < 15 {
		t.Errorf("%d validations, %d conversions", len(suite.Validation), len(suite.Conversion))
	}
}

func (c *product) test(t *testing.T, table *ucum.Table, operator string, value fhir.Decimal) {
	got, err := table.Convert(value, "("+c.U1+")"+operator+"("+c.U2+")", c.Unit)
	if err != nil || !near(got, decimal(t, c.Result)) {
		t.Errorf("got %s, %v; want %s", got, err, c.Result)
	}
}

// near reports whether an exact value is the rounded one, which may be cut as well: within one unit of its last digit.
func near(exact, rounded fhir.Decimal) bool {
	difference := exact.Sub(rounded)
	if difference.Sign() < 0 {
		difference = difference.Neg()
	}
	_, digits, exponent := rounded.Digits()
	return difference.Cmp(fhir.NewDecimal(1, int32(exponent))) < 0 || len(digits) == 0
}

func TestEveryUnitOfTheTable(t *testing.T) {
	data, err := os.ReadFile("units.tsv")
	if err != nil {
		t.Fatal(err)
	}
	table, counted := standard(t), map[string]int{}
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(line, "\t")
		if counted[fields[0]]++; fields[0] != "unit" {
			continue
		}
		if _, err := table.Unit(fields[1]); err != nil {
			t.Error(err)
		}
		if strings.Contains(fields[2], "m") {
			if _, err := table.Unit("m" + fields[1]); err != nil {
				t.Error(err)
			}
		}
	}
	if counted["unit"] != 305 || counted["prefix"] != 24 || counted["base"] != 7 {
		t.Errorf("table holds %v", counted)
	}
}

func FuzzUnit(f *testing.F) {
	for _, seed := range []string{"mm[Hg]", "{beats}/min", "10*3/uL", "4.[pi].10*-7.N/A2", "mL/(kg.min)", "Cel", "m99", "((m", "[iU]/mL", "kg.m-2"} {
		f.Add(seed)
	}
	table := standard(f)
	one := fhir.NewDecimal(1, 0)
	f.Fuzz(func(t *testing.T, code string) {
		u, err := table.Unit(code)
		if err != nil {
			return
		}
		base, err := table.Unit(u.Base())
		if err != nil || base.Base() != u.Base() {
			t.Fatalf("base %q of %q: %v", u.Base(), code, err)
		}
		if back, err := table.Convert(one, code, code); err != nil || back.Cmp(one) != 0 {
			t.Fatalf("%q in itself is %s, %v", code, back, err)
		}
		u.Canonical(one)
	})
}

func BenchmarkCanonical(b *testing.B) {
	table, err := ucum.Standard()
	if err != nil {
		b.Fatal(err)
	}
	value := decimal(b, "120")
	for b.Loop() {
		if _, _, ok := table.Canonical(value, "mm[Hg]"); !ok {
			b.Fatal("no unit")
		}
	}
}
