package adapters

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// LoadError says where a manifest is wrong. Line and Col count from 1.
type LoadError struct {
	File      string
	Line, Col int
	Msg       string
}

// Error is in the form that editors jump to.
func (e *LoadError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

// Limits of a manifest's text; a manifest is written by people.
const (
	maxManifestBytes = 1 << 20
	maxManifestDepth = 40
)

// source is a manifest's YAML with what is needed to point into it.
type source struct {
	file string
	text string
	root *yaml.Node
	at   map[string]*yaml.Node // value by JSON pointer
	keys map[string]*yaml.Node // member name by the JSON pointer of its value
}

func (s *source) fail(n *yaml.Node, format string, args ...any) error {
	e := &LoadError{File: s.file, Line: 1, Col: 1, Msg: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Line, e.Col = max(n.Line, 1), max(n.Column, 1)
	}
	return e
}

// indentation counts the blanks that begin a line.
func (s *source) indentation(line int) int {
	lines := strings.SplitN(s.text, "\n", line+1)
	if line < 1 || line > len(lines) {
		return 0
	}
	text := lines[line-1]
	return len(text) - len(strings.TrimLeft(text, " "))
}

// parseSource reads one YAML document: no anchors, aliases, merge keys or custom tags, no duplicate names.
func parseSource(file string, data []byte) (*source, error) {
	s := &source{file: file, text: string(data), at: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}}
	if len(data) > maxManifestBytes {
		return nil, s.fail(nil, "the manifest is larger than %d bytes", maxManifestBytes)
	}
	decoder := yaml.NewDecoder(strings.NewReader(s.text))
	var document, more yaml.Node
	if err := decoder.Decode(&document); err != nil {
		return nil, s.syntax(err)
	}
	if err := decoder.Decode(&more); err == nil {
		return nil, s.fail(&more, "a manifest is one YAML document")
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, s.fail(nil, "the manifest is empty")
	}
	s.root = document.Content[0]
	return s, nil
}

// syntax gives the parser's error the position it has in its text ("yaml: line 3: ...").
func (s *source) syntax(err error) error {
	e := &LoadError{File: s.file, Line: 1, Col: 1, Msg: strings.TrimPrefix(err.Error(), "yaml: ")}
	if rest, ok := strings.CutPrefix(e.Msg, "line "); ok {
		if number, text, found := strings.Cut(rest, ": "); found {
			if line, err := strconv.Atoi(number); err == nil {
				e.Line, e.Msg = max(line, 1), text
			}
		}
	}
	if e.Msg == "EOF" {
		e.Msg = "the manifest is empty"
	}
	return e
}

// value converts a node to what the JSON Schema validator reads, and remembers positions.
func (s *source) value(n *yaml.Node, pointer string, depth int) (any, error) {
	if depth > maxManifestDepth {
		return nil, s.fail(n, "nested too deeply")
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return nil, s.fail(n, "anchors and aliases are not allowed")
	}
	s.at[pointer] = n
	switch n.Kind {
	case yaml.MappingNode:
		return s.mapping(n, pointer, depth)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			v, err := s.value(item, fmt.Sprintf("%s/%d", pointer, i), depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case yaml.ScalarNode:
		return s.scalar(n)
	}
	return nil, s.fail(n, "unexpected YAML")
}

func (s *source) mapping(n *yaml.Node, pointer string, depth int) (any, error) {
	object := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return nil, s.fail(key, "a name must be a plain scalar")
		}
		if _, found := object[key.Value]; found {
			return nil, s.fail(key, "%q is there twice", key.Value)
		}
		at := pointer + "/" + escapeToken(key.Value)
		s.keys[at] = key
		v, err := s.value(n.Content[i+1], at, depth+1)
		if err != nil {
			return nil, err
		}
		object[key.Value] = v
	}
	return object, nil
}

func (s *source) scalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!str":
		return n.Value, nil
	case "!!int", "!!float":
		if !isJSONNumber(n.Value) {
			return nil, s.fail(n, "write numbers as JSON does, or quote the text")
		}
		return json.Number(n.Value), nil
	case "!!bool":
		if n.Value != "true" && n.Value != "false" {
			return nil, s.fail(n, "write true or false, or quote the text")
		}
		return n.Value == "true", nil
	case "!!null":
		return nil, nil
	}
	return nil, s.fail(n, "quote this text: YAML would read it as %s", strings.TrimPrefix(n.Tag, "!!"))
}

func isJSONNumber(text string) bool {
	return json.Valid([]byte(text)) && text != "" && (text[0] == '-' || '0' <= text[0] && text[0] <= '9')
}

func escapeToken(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// decode fills a manifest whose shape the schema has already accepted.
func (s *source) decode() (*Manifest, error) {
	m := &Manifest{}
	if err := s.root.Decode(m); err != nil {
		var typeError *yaml.TypeError
		if errors.As(err, &typeError) && len(typeError.Errors) > 0 {
			return nil, s.syntax(errors.New(typeError.Errors[0]))
		}
		return nil, s.syntax(err)
	}
	return m, nil
}
