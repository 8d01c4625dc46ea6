package graphql

// Document is a parsed query document.
type Document struct {
	operations []*operation
	fragments  map[string]*fragment
}

// operation is one query of a document.
type operation struct {
	name      string
	variables []variable
	selection []selection
	at        Position
}

// variable is a declaration of a $variable.
type variable struct {
	name     string
	required bool
	absent   *value // default; nil for none
	at       Position
}

// selection is a field, a fragment spread, or an inline fragment.
type selection struct {
	field      *field
	spread     string // name of a fragment
	on         string // type condition of an inline fragment; empty for none
	selection  []selection
	directives []directive
	at         Position
}

// field is a selected field.
type field struct {
	key        string // alias, or the name
	name       string
	arguments  []argument
	directives []directive
	selection  []selection
	at         Position
}

type fragment struct {
	on        string
	selection []selection
}

type argument struct {
	name  string
	value value
	at    Position
}

type directive struct {
	name      string
	arguments []argument
	at        Position
}

type valueKind uint8

const (
	nullValue valueKind = iota
	scalarValue
	listValue
	variableValue
)

// value is a value of an argument or variable. The text of a scalar is its value, whatever type it has.
type value struct {
	kind valueKind
	text string // of a scalar, or the name of a variable
	list []value
}
