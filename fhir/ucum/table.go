package ucum

import (
	_ "embed" // units.tsv
	"fmt"
	"math/big"
	"strings"
	"sync"
)

//go:embed units.tsv
var tableFile string

var standard = sync.OnceValues(func() (*Table, error) { return readTable(tableFile) })

// Standard returns the units of UCUM 2.2. All calls return the same table. An error means that the program was built with a damaged file.
func Standard() (*Table, error) { return standard() }

// Table is a system of units. It is safe for concurrent use.
type Table struct {
	version  string
	prefixes map[string]*big.Rat
	atoms    map[string]*atom

	mu    sync.RWMutex
	units map[string]*Unit // of codes that were asked for, keptCodes at most
}

// keptCodes bounds what is remembered: codes come from clients.
const keptCodes = 4096

// atom is one symbol of the table. Its measure is resolved when first needed, because units are defined by other units.
type atom struct {
	code    string
	metric  bool
	value   *big.Rat // in units of unit
	unit    string   // a code; empty for what is a dimension of its own
	offset  *big.Rat // added to a value before it is scaled; nil for none
	resolve sync.Once
	measure measure
	err     error
}

func readTable(file string) (*Table, error) {
	t := &Table{prefixes: map[string]*big.Rat{}, atoms: map[string]*atom{}, units: map[string]*Unit{}}
	for line := range strings.Lines(file) {
		if err := t.entry(strings.Split(strings.TrimSuffix(line, "\n"), "\t")); err != nil {
			return nil, fmt.Errorf("ucum: damaged table: %w", err)
		}
	}
	if len(t.atoms) == 0 || len(t.prefixes) == 0 {
		return nil, fmt.Errorf("ucum: damaged table: %d units", len(t.atoms))
	}
	return t, nil
}

// entry reads one line; internal/gen says what is in it.
func (t *Table) entry(f []string) error {
	switch {
	case len(f) == 2 && f[0] == "version":
		t.version = f[1]
	case len(f) == 3 && f[0] == "prefix":
		value, ok := new(big.Rat).SetString(f[2])
		if !ok {
			return fmt.Errorf("prefix %s", f[1])
		}
		t.prefixes[f[1]] = value
	case len(f) == 2 && f[0] == "base":
		t.atoms[f[1]] = &atom{code: f[1], metric: true}
	case len(f) == 6 && f[0] == "unit":
		return t.unitEntry(f)
	default:
		return fmt.Errorf("line %q", f)
	}
	return nil
}

func (t *Table) unitEntry(f []string) error {
	a := &atom{code: f[1], metric: strings.Contains(f[2], "m")}
	t.atoms[a.code] = a
	if strings.Contains(f[2], "a") {
		return nil // arbitrary: no relation to any other unit
	}
	if f[5] != "" {
		offset, known := offsets()[f[5]]
		if !known {
			return nil // not linear: a logarithm, a tangent, a root
		}
		a.offset, _ = new(big.Rat).SetString(offset)
	}
	var ok bool
	if a.value, ok = new(big.Rat).SetString(f[3]); !ok {
		return fmt.Errorf("value of %s", a.code)
	}
	a.unit = f[4]
	return nil
}

// offsets are what the scales of temperature add to a value before it is scaled to kelvin, by the name of their function.
func offsets() map[string]string {
	return map[string]string{"Cel": "273.15", "degF": "459.67", "degRe": "218.52"}
}

// find resolves a symbol: a unit, or a metric one behind a prefix.
func (t *Table) find(symbol string) (prefix *big.Rat, a *atom, ok bool) {
	if a, ok := t.atoms[symbol]; ok {
		return nil, a, true
	}
	for n := 1; n <= 2 && n < len(symbol); n++ {
		prefix, known := t.prefixes[symbol[:n]]
		if a := t.atoms[symbol[n:]]; known && a != nil && a.metric {
			return prefix, a, true
		}
	}
	return nil, nil, false
}

// of gives the measure of a symbol of the table.
func (t *Table) of(a *atom) (measure, error) {
	a.resolve.Do(func() {
		if a.value == nil {
			a.measure = measure{factor: big.NewRat(1, 1), powers: powers{a.code: 1}}
			return
		}
		defined, err := t.parse(a.unit)
		if err == nil {
			defined.factor.Mul(defined.factor, a.value)
			defined.offset = a.offset
		}
		a.measure, a.err = defined, err
	})
	return a.measure, a.err
}
