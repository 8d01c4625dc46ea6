package fhir

import (
	"errors"
	"time"
)

// Resource is one FHIR resource: its JSON bytes and a tree over them. It is immutable and safe for concurrent use.
type Resource struct {
	root Node
	typ  string
}

// ParseResource reads a resource strictly (see [Parse]); resourceType must be a string that could name a type. Whether the type exists is for
// fhir/spec to say. The resource keeps data. Errors are *[OperationOutcome] of one issue.
func ParseResource(data []byte) (*Resource, error) {
	root, err := Parse(data)
	if err != nil {
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			return nil, syntax.Outcome()
		}
		return nil, err
	}
	return NewResource(root)
}

// NewResource makes a resource of an object inside an already parsed document, for instance of Bundle.entry.resource. The bytes are shared.
func NewResource(root Node) (*Resource, error) {
	if root.Kind() != Object {
		return nil, Invalidf(CodeStructure, "", "a resource must be a JSON object")
	}
	typ := root.Get("resourceType")
	if typ.Kind() != String {
		return nil, Invalidf(CodeStructure, "resourceType", "a resource must have a resourceType that names its type")
	}
	if !isTypeName(typ.Text()) {
		return nil, Invalidf(CodeStructure, "resourceType", "a resource must have a resourceType that names its type, such as Patient; %.80q cannot", typ.Text())
	}
	return &Resource{root: root, typ: typ.Text()}, nil
}

func isTypeName(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// Root is the resource's object.
func (r *Resource) Root() Node { return r.root }

// Bytes returns the JSON of the resource as it was given. It must not be changed.
func (r *Resource) Bytes() []byte { return r.root.Raw() }

// Type is the resourceType.
func (r *Resource) Type() string { return r.typ }

// ID is the logical id, empty when there is none.
func (r *Resource) ID() string {
	if id := r.root.Get("id"); id.Kind() == String {
		return id.Text()
	}
	return ""
}

// VersionID is meta.versionId, empty when there is none.
func (r *Resource) VersionID() string { return r.root.Path("meta", "versionId").Text() }

// Key is the type, id and version the content claims.
func (r *Resource) Key() Key { return Key{Type: r.typ, ID: r.ID(), Version: r.VersionID()} }

// InstantFormat is how Firth writes an instant: UTC, milliseconds, always the same width.
const InstantFormat = "2006-01-02T15:04:05.000Z"

// Stamped is a resource ready to be committed: everything but the version and the instant is in place, so that the commit, which alone knows
// them, only joins byte slices.
type Stamped struct {
	pieces [][]byte
	slots  []slot // slots[i] stands behind pieces[i]
	size   int
}

type slot uint8

const (
	versionSlot slot = iota
	instantSlot
)

// Stamp prepares the resource to carry id, meta.versionId and meta.lastUpdated. Existing values are replaced where they stand;
// missing ones are inserted behind resourceType. All other bytes stay. It fails when meta is not an object.
func (r *Resource) Stamp(id string) (Stamped, error) {
	meta := r.root.Get("meta")
	if meta.Ok() && meta.Kind() != Object {
		return Stamped{}, Invalidf(CodeStructure, r.typ+".meta", "meta must be an object")
	}
	base, _ := r.root.Range()
	var marks []mark
	_, behindType := r.root.Get("resourceType").Range()
	insert := []byte(nil)
	if old := r.root.Get("id"); old.Ok() {
		marks = append(marks, replace(old, AppendQuoted(nil, id)))
	} else {
		insert = AppendQuoted([]byte(`,"id":`), id)
	}
	if !meta.Ok() {
		insert = append(insert, `,"meta":{"versionId":"`...)
		marks = append(marks, mark{behindType, behindType, insert, versionSlot, true},
			mark{behindType, behindType, []byte(`","lastUpdated":"`), instantSlot, true},
			mark{behindType, behindType, []byte(`"}`), 0, false})
	} else {
		if insert != nil {
			marks = append(marks, mark{behindType, behindType, insert, 0, false})
		}
		marks = append(marks, metaMarks(meta)...)
	}
	return cut(r.Bytes(), base, marks), nil
}

// metaMarks stamps an existing meta object.
func metaMarks(meta Node) []mark {
	var marks []mark
	open, _ := meta.Range()
	open++
	comma := ","
	if !meta.First().Ok() {
		comma = ""
	}
	version, updated := meta.Get("versionId"), meta.Get("lastUpdated")
	switch {
	case !version.Ok() && !updated.Ok():
		marks = append(marks, mark{open, open, []byte(`"versionId":"`), versionSlot, true},
			mark{open, open, []byte(`","lastUpdated":"`), instantSlot, true}, mark{open, open, []byte(`"` + comma), 0, false})
	case !version.Ok():
		marks = append(marks, mark{open, open, []byte(`"versionId":"`), versionSlot, true}, mark{open, open, []byte(`",`), 0, false})
	case !updated.Ok():
		marks = append(marks, mark{open, open, []byte(`"lastUpdated":"`), instantSlot, true}, mark{open, open, []byte(`",`), 0, false})
	}
	if version.Ok() {
		marks = append(marks, stampValue(version, versionSlot)...)
	}
	if updated.Ok() {
		marks = append(marks, stampValue(updated, instantSlot)...)
	}
	return marks
}

func stampValue(n Node, s slot) []mark {
	start, end := n.Range()
	return []mark{{start, end, []byte(`"`), s, true}, {end, end, []byte(`"`), 0, false}}
}

// Render appends the bytes of the given version. Version counts from 1; updated is cut to milliseconds.
func (s Stamped) Render(dst []byte, version string, updated time.Time) []byte {
	for i, piece := range s.pieces {
		dst = append(dst, piece...)
		if i < len(s.slots) {
			if s.slots[i] == versionSlot {
				dst = append(dst, version...)
			} else {
				dst = updated.UTC().AppendFormat(dst, InstantFormat)
			}
		}
	}
	return dst
}

// Size is about how many bytes [Stamped.Render] appends.
func (s Stamped) Size() int { return s.size + len(InstantFormat) + 8 }
