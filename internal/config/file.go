package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// applyFile reads the settings of a YAML file. Keys it does not know, values that are not scalars and duplicate keys are errors with their line.
func applyFile(settings []Setting, file File) error {
	decoder := yaml.NewDecoder(bytes.NewReader(file.Data))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil // an empty file sets nothing
	} else if err != nil {
		return fmt.Errorf("%s: %w", file.Name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one YAML document", file.Name)
	}
	r := fileReader{name: file.Name, settings: settings, seen: map[string]int{}}
	return r.mapping(document.Content[0], "")
}

type fileReader struct {
	name     string
	settings []Setting
	seen     map[string]int // line of each key
}

func (r *fileReader) fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", r.name, n.Line, fmt.Errorf(format, args...))
}

// mapping reads one level; prefix is "" or ends in a dot.
func (r *fileReader) mapping(n *yaml.Node, prefix string) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return r.fail(n, "expected settings as `name: value`%s", under(prefix))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := prefix + name.Value
		if line, twice := r.seen[key]; twice {
			return r.fail(name, "%s is already set in line %d", key, line)
		}
		r.seen[key] = name.Line
		if err := r.setting(name, value, key); err != nil {
			return err
		}
	}
	return nil
}

func (r *fileReader) setting(name, value *yaml.Node, key string) error {
	for _, s := range r.settings {
		if s.Key == key {
			if value.Kind != yaml.ScalarNode {
				return r.fail(value, "%s: expected one value", key)
			}
			if err := s.Value.Set(value.Value); err != nil {
				return r.fail(value, "%s: %w", key, err)
			}
			return nil
		}
		if strings.HasPrefix(s.Key, key+".") {
			return r.mapping(value, key+".")
		}
	}
	return r.fail(name, "unknown setting %s; known%s: %s", key, under(prefixOf(key)), strings.Join(r.known(prefixOf(key)), ", "))
}

func prefixOf(key string) string { return key[:strings.LastIndexByte(key, '.')+1] }

func under(prefix string) string {
	if prefix == "" {
		return ""
	}
	return " under " + strings.TrimSuffix(prefix, ".")
}

// known lists the names of one level, in the order of the table.
func (r *fileReader) known(prefix string) []string {
	var names []string
	for _, s := range r.settings {
		rest, found := strings.CutPrefix(s.Key, prefix)
		if !found {
			continue
		}
		name, _, _ := strings.Cut(rest, ".")
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return names
}
