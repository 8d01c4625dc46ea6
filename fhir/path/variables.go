package path

import "strings"

// variable compiles %name. Those that FHIR defines come first (R4 fhirpath.html#variables).
func (c *compiler) variable(e *variable) (code, error) {
	switch e.name {
	case "context":
		return func(m *machine) error { return m.pushPresent(m.root) }, nil
	case "resource":
		return func(m *machine) error { return m.pushPresent(m.resource()) }, nil
	case "rootResource":
		return func(m *machine) error { return m.pushPresent(m.rootResource()) }, nil
	}
	if text, ok := constant(e.name); ok {
		v := newString(text)
		return func(m *machine) error { m.push(v); return nil }, nil
	}
	return func(m *machine) error {
		items, ok := m.env.Variables[e.name]
		if !ok {
			return m.fail(e.at, "there is no variable %%%s", e.name)
		}
		m.stack = append(m.stack, items...)
		return m.spend(e.at, len(items))
	}, nil
}

func (m *machine) pushPresent(v Value) error {
	if v.kind != None {
		m.push(v)
	}
	return nil
}

// constant is the URL that a variable of FHIR stands for.
func constant(name string) (url string, ok bool) {
	switch name {
	case "sct":
		return "http://snomed.info/sct", true
	case "loinc":
		return "http://loinc.org", true
	case "ucum":
		return ucum, true
	}
	if id, ok := strings.CutPrefix(name, "vs-"); ok {
		return "http://hl7.org/fhir/ValueSet/" + id, true
	}
	if id, ok := strings.CutPrefix(name, "ext-"); ok {
		return "http://hl7.org/fhir/StructureDefinition/" + id, true
	}
	return "", false
}
