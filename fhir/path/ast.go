package path

// expr is a node of the syntax tree. Nodes know where they stand in the source: at is the byte offset of the token that names
// them, an operator's or a function's own.
type expr interface{ offset() int }

type at int

func (a at) offset() int { return int(a) }

// literal is a constant: a system value, or {} when value is the zero Value.
type literal struct {
	at
	value Value
}

// member is target.name; without target, name alone: a child of the focus or the type of the focus.
type member struct {
	at
	target expr // nil for the focus
	name   string
}

// call is target.name(args); without target the input is the focus.
type call struct {
	at
	target expr
	name   string
	args   []expr
}

// index is target[item].
type index struct {
	at
	target, item expr
}

// unary is +operand or -operand.
type unary struct {
	at
	operator string
	operand  expr
}

// binary is an operator between two collections.
type binary struct {
	at
	operator    string
	left, right expr
}

// typeTest is "operand is type" or "operand as type".
type typeTest struct {
	at
	operator string
	operand  expr
	typ      typeName
}

// typeName is a type as written: Patient, FHIR.Patient, System.String.
type typeName struct {
	at
	namespace, name string
}

// variable is %name.
type variable struct {
	at
	name string
}

// special is $this, $index or $total.
type special struct {
	at
	name string
}
