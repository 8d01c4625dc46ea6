package path

import (
	"fmt"
	"sync"
)

// takes says what the arguments of a function are, beside expressions.
type takes uint8

const (
	expressions       takes = iota
	typeSpecifier           // Patient, FHIR.Patient
	regularExpression       // the first argument is one
	sortKeys                // expressions, each perhaps with a minus sign for descending
)

// function is one row of the table of functions. run finds the input on the stack above mark, evaluates the arguments, and leaves the
// result there. A row without run is a function of the specification that is not supported, and says why.
type function struct {
	name     string
	min, max int // number of arguments
	run      func(m *machine, in *invocation, mark int) error
	takes    takes
	missing  string

	// What strict checking knows:
	result  Kind    // the system type of the result; None when it follows from something else
	follows follows // what that is
	input   demand  // on the input
}

// follows says where the type of a result comes from.
type follows uint8

const (
	nothingKnown follows = iota
	theInput
	theArgument // an expression on each item of the input
	theType     // a type specifier
	theTree     // children, which have no order
)

// demand says what a function needs its input to be.
type demand uint8

const (
	anyInput     demand = iota
	stringInput         // a String
	stringsInput        // Strings
	booleanInput        // Booleans
	numberInput         // a number or Quantity
	orderedInput        // a collection with an order
)

// arity says how many arguments a function takes.
func (f *function) arity() string {
	plural := "s"
	if f.max == 1 {
		plural = ""
	}
	if f.min == f.max {
		return fmt.Sprintf("%d argument%s", f.min, plural)
	}
	return fmt.Sprintf("%d to %d arguments", f.min, f.max)
}

// many is the most arguments that a function may take.
const many = 100

// functionTable holds all functions of FHIRPath N1 and of R4 fhirpath.html, and those that the official tests add.
var functionTable = sync.OnceValue(func() map[string]*function {
	table := make(map[string]*function, 128)
	for _, group := range [...][]function{
		existenceFunctions(), filterFunctions(), subsetFunctions(), conversionFunctions(), stringFunctions(), mathFunctions(),
		treeFunctions(), utilityFunctions(), boundaryFunctions(), fhirFunctions(), missingFunctions(),
	} {
		for i := range group {
			table[group[i].name] = &group[i]
		}
	}
	return table
})

// missingFunctions are known and not supported.
func missingFunctions() []function {
	const terminology = "it needs a terminology service"
	const definitions = "it needs the definition of the element, which values do not carry through profiles"
	return []function{
		{name: "subsumes", min: 1, max: 1, missing: terminology},
		{name: "subsumedBy", min: 1, max: 1, missing: terminology},
		{name: "elementDefinition", missing: definitions},
		{name: "slice", min: 2, max: 2, missing: definitions},
		{name: "checkModifiers", max: many, missing: definitions},
		{name: "defineVariable", min: 1, max: 2, missing: "it is part of a later version of FHIRPath"},
		{name: "toLong", missing: "it is part of a later version of FHIRPath"},
		{name: "convertsToLong", missing: "it is part of a later version of FHIRPath"},
	}
}
