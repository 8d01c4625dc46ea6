package hl7v2

import (
	"fmt"
	"strings"
)

// Error says where a message is malformed and why. Numbers count from 1 as in the standard; 0 means that the error is about the whole of the next larger
// part. The text never quotes field contents.
type Error struct {
	Segment      int    // position of the segment in the message
	Name         string // its name, such as "OBX"; empty when it could not be read
	Field        int
	Repetition   int
	Component    int
	Subcomponent int
	Reason       string
}

// Error returns the position in the usual notation and the reason: "hl7v2: segment 7, OBX-5[2].3: escape sequence is not closed".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("hl7v2: ")
	if e.Segment > 0 {
		fmt.Fprintf(&b, "segment %d", e.Segment)
		if e.Name != "" {
			b.WriteString(", " + e.Name)
		}
		if e.Field > 0 {
			fmt.Fprintf(&b, "-%d", e.Field)
		}
		if e.Repetition > 1 {
			fmt.Fprintf(&b, "[%d]", e.Repetition)
		}
		if e.Component > 0 {
			fmt.Fprintf(&b, ".%d", e.Component)
		}
		if e.Subcomponent > 0 {
			fmt.Fprintf(&b, ".%d", e.Subcomponent)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}
