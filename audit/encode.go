package audit

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
)

// The canonical bytes of a record, which are hashed: a version, then fields in a fixed order; a number is a shortest uvarint, a text its length and bytes. The number of the record is
// not among them: its place says it, and the hash covers it.

const recordVersion = 1

var errRecord = errors.New("not a record of the audit trail")

// appendRecord appends the canonical bytes of an event recorded at an instant in milliseconds.
func appendRecord(dst []byte, e *Event, patients []string, at int64) []byte {
	dst = append(dst, recordVersion)
	dst = binary.AppendUvarint(dst, uint64(at))
	for _, text := range [...]string{e.Interaction, e.Operation, e.Key.Type, e.Key.ID, e.Key.Version} {
		dst = appendText(dst, text, maxText)
	}
	dst = appendText(dst, e.Query, maxQuery)
	dst = binary.AppendUvarint(dst, uint64(e.Status))
	for _, text := range [...]string{string(e.Issue), e.RequestID, e.Detail, e.Address, e.Agent} {
		dst = appendText(dst, text, maxText)
	}
	dst = appendClaims(dst, e.Claims)
	dst = binary.AppendUvarint(dst, uint64(len(patients)))
	for _, id := range patients {
		dst = appendText(dst, id, maxText)
	}
	return appendText(dst, string(e.posted), maxPosted)
}

// appendText appends a text, of a longer one the beginning.
func appendText(dst []byte, text string, limit int) []byte {
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// appendClaims appends what of the claims is audited.
func appendClaims(dst []byte, c *auth.Claims) []byte {
	if c == nil {
		return append(dst, 0)
	}
	flags := byte(1)
	if c.BreakGlass {
		flags |= 2
	}
	dst = append(dst, flags)
	for _, text := range [...]string{c.Issuer, c.Subject, c.Client, c.TokenID, c.FHIRUser} {
		dst = appendText(dst, text, maxText)
	}
	return appendCodings(appendCodings(dst, c.PurposeOfUse), c.Roles)
}

func appendCodings(dst []byte, codings []auth.Coding) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(codings)))
	for _, c := range codings {
		dst = appendText(appendText(appendText(dst, c.System, maxText), c.Code, maxText), c.Display, maxText)
	}
	return dst
}

// decoder reads canonical bytes. The first error sticks, and what is read then is zero.
type decoder struct {
	rest []byte
	err  error
}

// number reads a uvarint and refuses one that could be shorter, so that there is one encoding of each record.
func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || size > 1 && d.rest[size-1] == 0 {
		d.rest, d.err = nil, errRecord
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.rest, d.err = nil, errRecord
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) text(limit uint64) string {
	n := d.number()
	if n > limit {
		d.rest, d.err = nil, errRecord
		return ""
	}
	return string(d.bytes(n))
}

func (d *decoder) texts(limit uint64, dst ...*string) {
	for _, p := range dst {
		*p = d.text(limit)
	}
}

// count reads the number of things that follow, of which each takes at least size bytes.
func (d *decoder) count(size int) int {
	n := d.number()
	if n > uint64(len(d.rest)/size) {
		d.rest, d.err = nil, errRecord
		return 0
	}
	return int(n)
}

// decodeRecord reads canonical bytes.
func decodeRecord(data []byte) (*record, error) {
	if len(data) == 0 || data[0] != recordVersion {
		return nil, errRecord
	}
	d := decoder{rest: data[1:]}
	r := &record{}
	at := d.number()
	if at > maxMillis {
		return nil, errRecord
	}
	r.at = time.UnixMilli(int64(at)).UTC()
	d.texts(maxText, &r.Interaction, &r.Operation, &r.Key.Type, &r.Key.ID, &r.Key.Version)
	r.Query = d.text(maxQuery)
	status := d.number()
	if status > maxStatus {
		return nil, errRecord
	}
	r.Status = int(status)
	r.Issue = fhir.IssueType(d.text(maxText))
	d.texts(maxText, &r.RequestID, &r.Detail, &r.Address, &r.Agent)
	r.Claims = d.claims()
	for range d.count(1) {
		r.Patients = append(r.Patients, d.text(maxText))
	}
	if posted := d.text(maxPosted); posted != "" {
		r.posted = []byte(posted)
	}
	if d.err == nil && len(d.rest) > 0 {
		d.err = errRecord
	}
	return r, d.err
}

const (
	maxMillis = 253402300799999 // the end of the year 9999
	maxStatus = 999
)

func (d *decoder) claims() *auth.Claims {
	flags := byte(0)
	if b := d.bytes(1); b != nil {
		flags = b[0]
	}
	switch flags {
	case 0:
		return nil
	case 1, 3:
	default:
		d.rest, d.err = nil, errRecord
		return nil
	}
	c := &auth.Claims{BreakGlass: flags == 3}
	d.texts(maxText, &c.Issuer, &c.Subject, &c.Client, &c.TokenID, &c.FHIRUser)
	c.PurposeOfUse, c.Roles = d.codings(), d.codings()
	return c
}

func (d *decoder) codings() []auth.Coding {
	var list []auth.Coding
	for range d.count(3) {
		var c auth.Coding
		d.texts(maxText, &c.System, &c.Code, &c.Display)
		list = append(list, c)
	}
	return list
}
