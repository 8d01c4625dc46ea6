// Command gen writes the table of units from the XML file that The UCUM Organization publishes (ucum-essence.xml, version 2.2).
package main

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// essence is the part of the file that codes need; names and symbols for people are left out.
type essence struct {
	Version  string   `xml:"version,attr"`
	Prefixes []prefix `xml:"prefix"`
	Bases    []base   `xml:"base-unit"`
	Units    []unit   `xml:"unit"`
}

type prefix struct {
	Code  string `xml:"Code,attr"`
	Value struct {
		Value string `xml:"value,attr"`
	} `xml:"value"`
}

type base struct {
	Code string `xml:"Code,attr"`
}

type unit struct {
	Code      string `xml:"Code,attr"`
	Metric    string `xml:"isMetric,attr"`
	Special   string `xml:"isSpecial,attr"`
	Arbitrary string `xml:"isArbitrary,attr"`
	Value     struct {
		Unit     string `xml:"Unit,attr"`
		Value    string `xml:"value,attr"`
		Function *struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
			Unit  string `xml:"Unit,attr"`
		} `xml:"function"`
	} `xml:"value"`
}

func main() {
	in := flag.String("in", "../../../shared/data/ucum/ucum-essence.xml", "the published `FILE`")
	out := flag.String("out", "units.tsv", "`FILE` to write")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(in, out string) error {
	data, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	// The file declares ASCII and keeps to it, which is UTF-8 as well.
	decoder := xml.NewDecoder(strings.NewReader(string(data)))
	decoder.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var e essence
	if err := decoder.Decode(&e); err != nil {
		return err
	}
	text, err := e.table()
	if err != nil {
		return err
	}
	return os.WriteFile(out, []byte(text), 0o644)
}

// table has a line an entry: kind, code, and for units flags (m metric, s special, a arbitrary), value, unit and function.
func (e *essence) table() (string, error) {
	if e.Version == "" || len(e.Units) == 0 {
		return "", errors.New("not the essence of UCUM")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version\t%s\n", e.Version)
	for _, p := range e.Prefixes {
		fmt.Fprintf(&b, "prefix\t%s\t%s\n", p.Code, p.Value.Value)
	}
	for _, u := range e.Bases {
		fmt.Fprintf(&b, "base\t%s\n", u.Code)
	}
	for i := range e.Units {
		u := &e.Units[i]
		flags := ""
		for _, f := range []struct{ letter, says string }{{"m", u.Metric}, {"s", u.Special}, {"a", u.Arbitrary}} {
			if f.says == "yes" {
				flags += f.letter
			}
		}
		value, of, function := u.Value.Value, u.Value.Unit, ""
		if f := u.Value.Function; f != nil {
			value, of, function = f.Value, f.Unit, f.Name
		}
		fmt.Fprintf(&b, "unit\t%s\t%s\t%s\t%s\t%s\n", u.Code, flags, value, of, function)
	}
	return b.String(), nil
}
