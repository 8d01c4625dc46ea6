package server

import (
	"context"
	"net/http"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// Authenticator finds out who is calling. An error that is not an *[fhir.OperationOutcome] with the code login or forbidden is answered as
// any other error.
type Authenticator interface {
	Authenticate(r *http.Request) (Grant, error)
}

// Grant is what a caller may do. It is asked before every interaction, also for every entry of a batch or transaction.
type Grant interface {
	// Allow returns nil, or an *[fhir.OperationOutcome] that says why not.
	Allow(ctx context.Context, access Access) error

	// Restrict narrows a query to what the caller may see, before it runs: the matches, what they are chained to, and what is included with them.
	Restrict(ctx context.Context, q *search.Query) error

	// Limit says which resources of a type an action may be done to: all of them with a nil plan, none when ok is false. For reading and deleting that is about what is
	// there, for creating about what is sent, for updating about both.
	Limit(resourceType string, action auth.Action) (plan search.Plan, ok bool)

	// Owner names the caller and what it may do, so that two with the same name may see the same. What runs in the background is for its owner.
	Owner() string
}

// Access is one interaction somebody asks for.
type Access struct {
	Interaction string   // code of http://hl7.org/fhir/restful-interaction, or "ingest"
	Operation   string   // code of the operation, without $, when the interaction is "operation"
	Key         fhir.Key // as far as the URL names it
}

// everything is the Grant of --dev.
type everything struct{}

func (everything) Allow(context.Context, Access) error           { return nil }
func (everything) Restrict(context.Context, *search.Query) error { return nil }
func (everything) Limit(string, auth.Action) (search.Plan, bool) { return nil, true }
func (everything) Owner() string                                 { return "" }

// anybody is the Authenticator of --dev.
type anybody struct{}

func (anybody) Authenticate(*http.Request) (Grant, error) { return everything{}, nil }
