package path

import (
	"time"

	"github.com/firth-health/firth/fhir"
)

// DefaultBudget is the number of steps an evaluation may take when [Env.Budget] is zero: some tenths of a second.
const DefaultBudget = 1_000_000

// Env is what an evaluation may know of the world. A nil *Env and the zero Env know nothing: then resolve() answers from the
// reference itself, with a value that has a type and no content (see [Env.Resolve]).
type Env struct {
	// Resource is %resource, and RootResource %rootResource and where resolve() finds contained resources. When nil they are
	// the value that is evaluated on; RootResource is then Resource.
	Resource, RootResource *fhir.Resource

	// Variables are the %variables beside those that FHIR defines.
	Variables map[string]Collection

	// Now is what now(), today() and timeOfDay() say, in its zone; zero means the clock at the start of the evaluation.
	Now time.Time

	// Resolve fetches the target of a reference that is not in the resource itself; nil, nil when there is none. Without
	// it nothing is fetched: resolve() yields an item of the type the reference names, so that "resolve() is Patient" works, and
	// nothing for references that name no type.
	Resolve func(reference string) (*fhir.Resource, error)

	// Units makes quantities of different units comparable; nil compares equal units and units of time.
	Units Units

	// MemberOf decides memberOf(); known is false for value sets that cannot be decided, which gives empty.
	MemberOf func(v Value, valueSet string) (member, known bool, err error)

	// ConformsTo decides conformsTo() for profiles; known is false for unknown ones, which is an error. Base types need no hook.
	ConformsTo func(v Value, profile string) (conforms, known bool, err error)

	// Trace receives what trace() sees. Items may be patient data.
	Trace func(name string, items Collection)

	// Budget bounds the steps of an evaluation; zero means [DefaultBudget].
	Budget int
}

// Units converts quantities; package fhir/ucum implements it.
type Units interface {
	// Canonical expresses value in the base units of its dimension, whose UCUM code is base. ok is false for unknown units.
	Canonical(value fhir.Decimal, unit string) (canonical fhir.Decimal, base string, ok bool)
}
