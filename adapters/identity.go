package adapters

import (
	"errors"
	"strings"
	"time"

	"github.com/firth-health/firth/adapters/expr"
	"github.com/firth-health/firth/fhir"
)

// identity is a compiled [IdentitySpec].
type identity struct {
	role                    string // Patient or Device
	slot                    int
	system, value, fallback *scalar
	identifiers             listElement
	elements                memberedElement
	quarantine              bool
	perMessage              bool // no expression looks at the item
}

// identify finds the identity of the current item; -1 when there is none.
func (r *run) identify(id *identity) (int, error) {
	if id == nil {
		return -1, nil
	}
	if id.perMessage && r.cached[id.slot] != 0 {
		return r.cached[id.slot] - 1, nil
	}
	value, err := id.value.string(&r.scope)
	if err != nil {
		return -1, staged(err, "identity")
	}
	if value == "" && id.fallback != nil {
		if value, err = id.fallback.string(&r.scope); err != nil {
			return -1, staged(err, "identity")
		}
		r.warn("the request names no " + id.role + ": filed under the default identifier")
	}
	if value == "" {
		return -1, nil
	}
	system, err := id.system.string(&r.scope)
	if err != nil {
		return -1, staged(err, "identity")
	}
	index, err := r.identity(id, system, value)
	if err == nil && id.perMessage {
		r.cached[id.slot] = index + 1
	}
	return index, err
}

// staged says at which stage an evaluation failed.
func staged(err error, stage string) error {
	var f *failure
	if errors.As(err, &f) {
		return &failure{stage: stage, reason: f.reason, expression: f.expression}
	}
	return err
}

// identity finds or drafts the resource with an identifier.
func (r *run) identity(id *identity, system, value string) (int, error) {
	key := id.role + "\x00" + system + "\x00" + value
	if index, found := r.known[key]; found {
		return index, nil
	}
	draft := Draft{Type: id.role, ID: deterministicID(id.role, system, value), Mode: CreateIfNoneExist, System: system, Value: value}
	b := append(r.buffer(), `{"resourceType":"`...)
	b = append(append(append(append(b, id.role...), `","id":"`...), draft.ID...), `",`...)
	b = append(append(append(b, r.meta...), r.a.tag...), `},"identifier":[`...)
	b = append(appendIdentifier(b, system, value), ']')
	var err error
	if id.identifiers != nil {
		if b, _, err = id.identifiers.appendItems(b[:len(b)-1], &r.scope); err != nil {
			return -1, staged(err, "identity")
		}
		b = append(b, ']')
	}
	b = r.identityElements(b, id)
	draft.JSON = r.keep(append(b, '}'))
	if r.known == nil {
		r.known = map[string]int{}
	}
	r.known[key] = len(r.out.Identities)
	r.out.Identities = append(r.out.Identities, &Identity{Draft: draft, Quarantine: id.quarantine})
	return len(r.out.Identities) - 1, nil
}

// identityElements writes what else is known of a Patient or Device. An element that cannot be read is left out with a warning: a birth date that is no
// date is no reason to lose a reading.
func (r *run) identityElements(b []byte, id *identity) []byte {
	o, ok := id.elements.(*objectElement)
	if !ok {
		if id.elements != nil {
			b, _, _ = id.elements.appendMembers(b, &r.scope) // literals do not fail
		}
		return b
	}
	for i := range o.members {
		out, present, err := o.members[i].append(append(append(b, ','), o.names[i]...), &r.scope)
		if err != nil {
			r.warn(id.role + "." + strings.Trim(string(o.names[i]), `":`) + " was left out: " + err.Error())
		}
		if present && err == nil {
			b = out
		}
	}
	return b
}

func appendIdentifier(dst []byte, system, value string) []byte {
	dst = append(dst, '{')
	if system != "" {
		dst = append(fhir.AppendQuoted(append(dst, `"system":`...), system), ',')
	}
	return append(fhir.AppendQuoted(append(dst, `"value":`...), value), '}')
}

// timing is a compiled [TimeSpec].
type timing struct {
	value, end, zone *scalar
	maxFuture        time.Duration
}

// times gives the start and, for a period, the end of a reading as FHIR dateTimes.
func (r *run) times(t *timing) (start, end string, err error) {
	if start, err = r.dateTime(t, t.value); err != nil {
		return "", "", err
	}
	if start == "" {
		return "", "", t.value.fail("time", "the reading has no time")
	}
	if t.end != nil {
		end, err = r.dateTime(t, t.end)
	}
	return start, end, err
}

func (r *run) dateTime(t *timing, s *scalar) (string, error) {
	text, err := s.string(&r.scope)
	if err != nil || text == "" {
		return "", staged(err, "time")
	}
	parsed, err := fhir.ParseDateTime(text)
	if err != nil {
		return "", s.fail("time", "the value is not a date and time")
	}
	if parsed.Precision >= fhir.Minute && !parsed.HasZone {
		zone, err := t.zone.string(&r.scope)
		if err != nil {
			return "", staged(err, "time")
		}
		location, err := expr.LoadZone(zone)
		if err != nil {
			return "", s.fail("time", "the time has no offset and no zone is declared for it")
		}
		r.warn("times without offset were read in the zone " + zone)
		if parsed.Low, err = expr.InZone(parsed.Low, location); err != nil {
			return "", s.fail("time", "%v", err)
		}
		text = expr.FormatTime(parsed.Low, parsed.Digits)
	} else if parsed.Precision == fhir.Minute {
		text = expr.FormatTime(parsed.Low, 0)
	}
	if t.maxFuture > 0 && parsed.Low.After(r.in.Now.Add(t.maxFuture)) {
		return "", s.fail("time", "the time lies more than %v ahead of the clock", t.maxFuture)
	}
	return text, nil
}
