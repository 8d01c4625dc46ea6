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
// them, only joins bytes.
type Stamped struct {
	pieces []piece
	size   int
}

// piece is a part of the original bytes, and what follows it.
type piece struct {
	data []byte
	text string
	slot slot
}

type slot uint8

const (
	noSlot slot = iota
	versionSlot
	instantSlot
)

func (s *Stamped) add(p piece) {
	s.pieces = append(s.pieces, p)
	s.size += len(p.data) + len(p.text)
}

// Stamp prepares the resource to carry id, meta.versionId and meta.lastUpdated. Existing values are replaced where they stand;
// missing ones are inserted behind resourceType. All other bytes stay, and are shared. It fails when meta is not an object.
func (r *Resource) Stamp(id string) (Stamped, error) {
	meta := r.root.Get("meta")
	if meta.Ok() && meta.Kind() != Object {
		return Stamped{}, Invalidf(CodeStructure, r.typ+".meta", "meta must be an object")
	}
	base, _ := r.root.Range()
	marks := make([]mark, 0, 6)
	_, behindType := r.root.Get("resourceType").Range()
	if old := r.root.Get("id"); old.Ok() {
		marks = append(marks, replace(old, string(AppendQuoted(nil, id))))
	} else {
		marks = append(marks, mark{behindType, behindType, string(AppendQuoted([]byte(`,"id":`), id)), noSlot})
	}
	if !meta.Ok() {
		marks = append(marks, mark{behindType, behindType, `,"meta":{"versionId":"`, versionSlot},
			mark{behindType, behindType, `","lastUpdated":"`, instantSlot}, mark{behindType, behindType, `"}`, noSlot})
	} else {
		marks = stampMeta(marks, meta)
	}
	return cut(r.Bytes(), base, marks), nil
}

// stampMeta stamps an existing meta object.
func stampMeta(marks []mark, meta Node) []mark {
	open, _ := meta.Range()
	open++
	closing := `",`
	if !meta.First().Ok() {
		closing = `"`
	}
	version, updated := meta.Get("versionId"), meta.Get("lastUpdated")
	switch {
	case !version.Ok() && !updated.Ok():
		marks = append(marks, mark{open, open, `"versionId":"`, versionSlot},
			mark{open, open, `","lastUpdated":"`, instantSlot}, mark{open, open, closing, noSlot})
	case !version.Ok():
		marks = append(marks, mark{open, open, `"versionId":"`, versionSlot}, mark{open, open, `",`, noSlot})
	case !updated.Ok():
		marks = append(marks, mark{open, open, `"lastUpdated":"`, instantSlot}, mark{open, open, `",`, noSlot})
	}
	if version.Ok() {
		marks = stampValue(marks, version, versionSlot)
	}
	if updated.Ok() {
		marks = stampValue(marks, updated, instantSlot)
	}
	return marks
}

func stampValue(marks []mark, n Node, s slot) []mark {
	start, end := n.Range()
	return append(marks, mark{start, end, `"`, s}, mark{end, end, `"`, noSlot})
}

// Render appends the bytes of the given version. Version counts from 1; updated is cut to milliseconds.
func (s Stamped) Render(dst []byte, version string, updated time.Time) []byte {
	for i := range s.pieces {
		p := &s.pieces[i]
		dst = append(append(dst, p.data...), p.text...)
		switch p.slot {
		case versionSlot:
			dst = append(dst, version...)
		case instantSlot:
			dst = updated.UTC().AppendFormat(dst, InstantFormat)
		case noSlot:
		}
	}
	return dst
}

// Size is about how many bytes [Stamped.Render] appends.
func (s Stamped) Size() int { return s.size + len(InstantFormat) + 8 }
