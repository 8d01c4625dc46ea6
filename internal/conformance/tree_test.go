package conformance

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// tree is a resource as both formats have it: an element has a value, children, or both.
type tree struct {
	value    string
	children map[string][]*tree
	names    []string // of the children, in order of appearance
}

func (n *tree) add(name string, child *tree) {
	if n.children == nil {
		n.children = map[string][]*tree{}
	}
	if _, known := n.children[name]; !known {
		n.names = append(n.names, name)
	}
	n.children[name] = append(n.children[name], child)
}

// at returns the values of all elements that a path such as entry[0].resource.id leads to. An element without a value counts as {}.
func (n *tree) at(path string) []string {
	nodes := n.nodes(path)
	values := make([]string, 0, len(nodes))
	for _, node := range nodes {
		if node.value == "" && node.children != nil {
			values = append(values, "{}")
		} else {
			values = append(values, node.value)
		}
	}
	return values
}

func (n *tree) nodes(path string) []*tree {
	nodes := []*tree{n}
	for step := range strings.SplitSeq(path, ".") {
		name, position, indexed := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		var next []*tree
		for _, node := range nodes {
			found := node.children[name]
			if indexed {
				if i, err := strconv.Atoi(position); err == nil && i < len(found) {
					next = append(next, found[i])
				}
				continue
			}
			next = append(next, found...)
		}
		nodes = next
	}
	return nodes
}

// one is the first value at a path; empty for none.
func (n *tree) one(path string) string {
	if values := n.at(path); len(values) > 0 {
		return values[0]
	}
	return ""
}

// parseJSON reads JSON; nil when it is none.
func parseJSON(text string) *tree {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil || d.More() {
		return nil
	}
	return fromJSON(value)
}

func fromJSON(value any) *tree {
	switch v := value.(type) {
	case map[string]any:
		n := &tree{children: map[string][]*tree{}}
		for name, member := range v {
			list, isList := member.([]any)
			if !isList {
				list = []any{member}
			}
			for _, item := range list {
				n.add(name, fromJSON(item))
			}
		}
		return n
	case string:
		return &tree{value: v}
	case json.Number:
		return &tree{value: v.String()}
	case bool:
		return &tree{value: strconv.FormatBool(v)}
	}
	return &tree{}
}

// parseXML reads FHIR XML into the tree that its JSON has; nil when it is none.
func parseXML(text string) *tree {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		if start, ok := token.(xml.StartElement); ok {
			n, err := fromXML(d, start)
			if err != nil || start.Name.Space != "http://hl7.org/fhir" || !endsHere(d) {
				return nil
			}
			return n
		}
	}
}

func endsHere(d *xml.Decoder) bool {
	for {
		switch token, err := d.Token(); token.(type) {
		case xml.StartElement:
			return false
		default:
			if err != nil {
				return errors.Is(err, io.EOF)
			}
		}
	}
}

func fromXML(d *xml.Decoder, start xml.StartElement) (*tree, error) {
	n := &tree{}
	if isUpper(start.Name.Local) {
		n.add("resourceType", &tree{value: start.Name.Local})
	}
	for _, attribute := range start.Attr {
		switch attribute.Name.Local {
		case "value":
			n.value = attribute.Value
		case "url", "id":
			n.add(attribute.Name.Local, &tree{value: attribute.Value})
		}
	}
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.EndElement:
			return n, nil
		case xml.StartElement:
			child, err := fromXML(d, token)
			if err != nil {
				return nil, err
			}
			if isUpper(token.Name.Local) { // <resource><Patient>: the resource is the element
				return child, d.Skip()
			}
			n.add(token.Name.Local, child)
		}
	}
}

func isUpper(name string) bool { return name[0] >= 'A' && name[0] <= 'Z' }
