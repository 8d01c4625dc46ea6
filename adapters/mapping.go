package adapters

import (
	"time"
)

// Input is one payload as it arrived.
type Input struct {
	Payload []byte
	Context map[string]string // ctx: facts about the request that the manifest declares, such as the account; empty values count as absent
	Source  string            // URI of the delivery, for meta.source; may be empty
	Now     time.Time         // when it arrived
}

// Mapping is what a payload means: drafts that refer to identities by planned ids, and the fate of every item that became none. It is the
// result of a pure function; nothing has been looked up or written.
type Mapping struct {
	Adapter     *Adapter
	Identities  []*Identity
	Drafts      []Draft
	Repeats     []Line // items that say once more what an earlier item of this payload said
	Parts       []Line // items that went into the resource of another: half of a blood pressure, the sample rate of a waveform
	Ignored     []Line
	Unmapped    []Line
	Quarantined []Line
	Warnings    []string
}

// Identity is a Patient or Device that drafts refer to.
type Identity struct {
	Draft           // to create it with, should no resource carry the identifier
	Quarantine bool // never create it: readings of an unknown one are quarantined
}

// Mode is how a draft is to be written.
type Mode uint8

const (
	// CreateIfNoneExist creates the resource unless one of its type carries the identifier already (R4 http.html#ccreate).
	CreateIfNoneExist Mode = iota + 1
	// PutIfChanged creates the resource under its id, or replaces the one there if [Draft.Reconcile] says that it has changed.
	PutIfChanged
)

// Draft is one resource to be written.
type Draft struct {
	Type, ID      string
	JSON          []byte
	Mode          Mode
	System, Value string // the identifier that makes it what it is
	Mapping       string // name of the mapping that drafted it
	Pointer       string // the item it came from

	refs []referenceSlot
}

// Reference is Type/ID.
func (d *Draft) Reference() string { return d.Type + "/" + d.ID }

// referenceSlot is where JSON holds the planned id of an identity.
type referenceSlot struct{ start, end, identity int }

// Line is one row of a report about an item. Only the members that its list has are set.
type Line struct {
	Pointer    string // JSON pointer (RFC 6901) into the payload, or into the tree of a message that is not JSON
	Reference  string // Type/id of what was or is stored
	Mapping    string
	Rule       string
	What       string // description of an unmapped item
	Stage      string // map, time, unit, identity, key
	Reason     string
	Expression string // of the manifest, with its line
}

// PayloadError says that a payload as a whole cannot be read: not the format, not the schema, too large.
type PayloadError struct {
	Stage      string // parse, schema, size
	Expression string // place in the payload; may be empty
	Err        error
}

func (e *PayloadError) Error() string { return e.Stage + ": " + e.Err.Error() }

// Unwrap gives the cause, for instance a *fhir.SyntaxError with its position.
func (e *PayloadError) Unwrap() error { return e.Err }
