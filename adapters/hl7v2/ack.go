package hl7v2

import "time"

// AckCode is MSA-1 (table 0008): the receiver's verdict on a message.
type AckCode string

// Original mode acknowledgements. A sender repeats a message after AE or AR only when the reason can pass; what is malformed stays malformed.
const (
	AckAccept AckCode = "AA" // taken, and durable
	AckError  AckCode = "AE" // not taken: something is wrong with the message, or with us while handling it
	AckReject AckCode = "AR" // not taken: message type, version or processing id is not for this receiver
)

// maxAckText is the length of ERR-8 in characters.
const maxAckText = 250

// Ack writes the acknowledgement of a message: MSH with sender and receiver exchanged, MSA with MSH-10 of the message, and ERR unless the code
// accepts. It uses the message's delimiters and character encoding, in which a character that the encoding lacks becomes a question mark. The text says
// why, for people (MSA-3, ERR-8; cut at 250 characters). The message may be what Header could save of a malformed one, or nil.
func Ack(m *Message, code AckCode, text string, now time.Time, controlID string) []byte {
	c := coding{Delimiters: StandardDelimiters()}
	var from Segment
	if m != nil {
		c, from = m.coding, m.Segments[0]
	}
	if c.Component == 0 {
		c.Component = StandardDelimiters().Component
	}
	escape := func(text string) string { return string(c.appendEscape(nil, text)) }
	reason := escape(cutText(text, maxAckText))
	sep := string(c.Component)

	out := c.appendFields(nil, headerName+string(c.Field)+c.characters(),
		from.Field(5).raw, from.Field(6).raw, from.Field(3).raw, from.Field(4).raw,
		escape(now.Format("20060102150405.000-0700")), "",
		"ACK"+sep+escape(from.Field(9).Rep(1).Comp(2).Text())+sep+"ACK", escape(controlID),
		orText(from.Field(11).raw, "P"), orText(from.Field(12).raw, "2.6"),
		"", "", "", "", "", c.declared(from))
	out = c.appendFields(out, "MSA", string(code), from.Field(10).raw, reason)
	if code != AckAccept {
		kind := "207" + sep + "Application internal error" + sep + "HL70357"
		out = c.appendFields(out, "ERR", "", "", kind, "E", "", "", "", reason)
	}
	return c.charset.append(nil, string(out))
}

// declared is MSH-18 of the answer: the encoding of the message, when that is one we can write.
func (c coding) declared(from Segment) string {
	if c.charset == charsetAbsent {
		return ""
	}
	return part(from.Field(18).raw, c.Repetition, 1)
}

// appendFields appends one segment, without empty fields at its end.
func (c coding) appendFields(dst []byte, name string, fields ...string) []byte {
	for len(fields) > 0 && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	dst = append(dst, name...)
	for _, f := range fields {
		dst = append(dst, c.Field)
		dst = append(dst, f...)
	}
	return append(dst, '\r')
}

func orText(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

// cutText keeps the first n characters.
func cutText(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}
