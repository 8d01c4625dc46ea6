package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// equivalents are the mutants that no test can kill, by name, with the reason.
type equivalents map[string]string

// readEquivalents reads lines of file, function, expression, change, number and reason, with tabs between them. Lines that begin with # are comments.
func readEquivalents(path string) (equivalents, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	known := equivalents{}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, '\t')
		if strings.Count(line, "\t") != 5 || i == len(line)-1 {
			return nil, fmt.Errorf("%s:%d: want file, function, expression, change, number, reason", path, number)
		}
		known[line[:i]] = line[i+1:]
	}
	return known, nil
}

// stale lists the names that no mutant has any more, sorted.
func (e equivalents) stale(mutants []*mutant) []string {
	there := map[string]bool{}
	for _, m := range mutants {
		there[m.name()] = true
	}
	var gone []string
	for name := range e {
		if !there[name] {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}
