package acceptance

import (
	"encoding/json"
	"fmt"
	"math/big"
	"sort"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// This file answers searches by looking at decoded JSON, one resource after the other. It shares nothing with packages search and store: dates are read with
// time.Parse, numbers are big.Rat, and every rule is written as R4's search page states it.

type object = map[string]any

// stored is one resource as the server returned it from a read, with its place in the order of creation.
type stored struct {
	typ, id string
	order   int
	body    object
}

// values follows member names, flattening arrays.
func values(v any, path ...string) []any {
	if list, ok := v.([]any); ok {
		var out []any
		for _, item := range list {
			out = append(out, values(item, path...)...)
		}
		return out
	}
	if len(path) == 0 {
		if v == nil {
			return nil
		}
		return []any{v}
	}
	member, ok := v.(object)
	if !ok {
		return nil
	}
	return values(member[path[0]], path[1:]...)
}

func texts(v any, path ...string) []string {
	var out []string
	for _, value := range values(v, path...) {
		switch x := value.(type) {
		case string:
			out = append(out, x)
		case json.Number:
			out = append(out, x.String())
		case bool:
			out = append(out, fmt.Sprint(x))
		}
	}
	return out
}

type predicate func(object) bool

func both(all ...predicate) predicate {
	return func(o object) bool {
		for _, p := range all {
			if !p(o) {
				return false
			}
		}
		return true
	}
}

func either(any ...predicate) predicate {
	return func(o object) bool {
		for _, p := range any {
			if p(o) {
				return true
			}
		}
		return false
	}
}

func not(p predicate) predicate { return func(o object) bool { return !p(o) } }

func everything(object) bool { return true }

func has(path ...string) predicate { return func(o object) bool { return len(values(o, path...)) > 0 } }

// text matches a code, uri or id exactly.
func text(want string, path ...string) predicate {
	return func(o object) bool {
		for _, got := range texts(o, path...) {
			if got == want {
				return true
			}
		}
		return false
	}
}

// coding matches system and code of one Coding; "*" leaves one open.
func coding(system, code string, path ...string) predicate {
	return func(o object) bool { return anyCoding(values(o, path...), system, code) }
}

func anyCoding(codings []any, system, code string) bool {
	for _, c := range codings {
		c, _ := c.(object)
		s, _ := c["system"].(string)
		v, found := c["code"].(string)
		if !found {
			v, _ = c["value"].(string)
		}
		if (system == "*" || s == system) && (code == "*" || v == code) {
			return true
		}
	}
	return false
}

func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.M, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func startsWith(prefix string, paths ...[]string) predicate {
	return stringTest(paths, func(s string) bool { return strings.HasPrefix(fold(s), fold(prefix)) })
}

func contains(part string, paths ...[]string) predicate {
	return stringTest(paths, func(s string) bool { return strings.Contains(fold(s), fold(part)) })
}

func exactly(want string, paths ...[]string) predicate {
	return stringTest(paths, func(s string) bool { return s == want })
}

func stringTest(paths [][]string, test func(string) bool) predicate {
	return func(o object) bool {
		for _, path := range paths {
			for _, s := range texts(o, path...) {
				if test(s) {
					return true
				}
			}
		}
		return false
	}
}

// span is a half-open interval of time.
type span struct{ low, high time.Time }

var (
	farPast   = time.Date(-9999, 1, 1, 0, 0, 0, 0, time.UTC)
	farFuture = time.Date(19999, 1, 1, 0, 0, 0, 0, time.UTC)
)

// spanOf reads a date of any precision by its length, as R4 search.html#date gives implicit ranges.
func spanOf(s string) span {
	must := func(layout string) time.Time {
		at, err := time.Parse(layout, s)
		if err != nil {
			panic("oracle cannot read " + s)
		}
		return at
	}
	switch len(s) {
	case 4:
		at := must("2006")
		return span{at, at.AddDate(1, 0, 0)}
	case 7:
		at := must("2006-01")
		return span{at, at.AddDate(0, 1, 0)}
	case 10:
		at := must("2006-01-02")
		return span{at, at.AddDate(0, 0, 1)}
	}
	if i := strings.IndexByte(s, '.'); i > 0 {
		digits := 0
		for j := i + 1; j < len(s) && s[j] >= '0' && s[j] <= '9'; j++ {
			digits++
		}
		step := time.Second
		for range digits {
			step /= 10
		}
		at := must(time.RFC3339Nano)
		return span{at, at.Add(step)}
	}
	if len(s) == 16 {
		at := must("2006-01-02T15:04")
		return span{at, at.Add(time.Minute)}
	}
	at := must(time.RFC3339)
	return span{at, at.Add(time.Second)}
}

func spans(o object, path ...string) []span {
	var out []span
	for _, v := range values(o, path...) {
		switch x := v.(type) {
		case string:
			out = append(out, spanOf(x))
		case object:
			s := span{farPast, farFuture}
			if start, ok := x["start"].(string); ok {
				s.low = spanOf(start).low
			}
			if end, ok := x["end"].(string); ok {
				s.high = spanOf(end).high
			}
			out = append(out, s)
		}
	}
	return out
}

// date evaluates one prefixed value over the elements at path.
func date(prefix, value string, path ...string) predicate {
	asked := spanOf(value)
	return func(o object) bool {
		for _, s := range spans(o, path...) {
			contained := !s.low.Before(asked.low) && !s.high.After(asked.high)
			after := s.high.After(asked.high)
			before := s.low.Before(asked.low)
			var ok bool
			switch prefix {
			case "", "eq":
				ok = contained
			case "ne":
				ok = !contained
			case "gt":
				ok = after
			case "lt":
				ok = before
			case "ge":
				ok = after || contained
			case "le":
				ok = before || contained
			case "sa":
				ok = !s.low.Before(asked.high)
			case "eb":
				ok = !s.high.After(asked.low)
			}
			if ok {
				return true
			}
		}
		return false
	}
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("oracle cannot read number " + s)
	}
	return r
}

// numeric evaluates one prefixed number over decimals; without prefix the written digits give the precision.
func numeric(prefix, value string) func(string) bool {
	asked := rat(value)
	half := big.NewRat(1, 2)
	if i := strings.IndexByte(value, '.'); i >= 0 {
		for range len(value) - i - 1 {
			half.Quo(half, big.NewRat(10, 1))
		}
	}
	low, high := new(big.Rat).Sub(asked, half), new(big.Rat).Add(asked, half)
	return func(stored string) bool {
		got := rat(stored)
		inside := got.Cmp(low) >= 0 && got.Cmp(high) < 0
		switch prefix {
		case "gt", "sa":
			return got.Cmp(asked) > 0
		case "lt", "eb":
			return got.Cmp(asked) < 0
		case "ge":
			return got.Cmp(asked) >= 0
		case "le":
			return got.Cmp(asked) <= 0
		case "ne":
			return !inside
		}
		return inside
	}
}

func number(prefix, value string, path ...string) predicate {
	test := numeric(prefix, value)
	return func(o object) bool {
		for _, s := range texts(o, path...) {
			if test(s) {
				return true
			}
		}
		return false
	}
}

// quantity also asks for system and code where they are not "*"; unit matches code or unit text.
func quantity(prefix, value, system, unit string, path ...string) predicate {
	test := numeric(prefix, value)
	return func(o object) bool {
		for _, v := range values(o, path...) {
			q, _ := v.(object)
			n, ok := q["value"].(json.Number)
			if !ok || !test(n.String()) {
				continue
			}
			s, _ := q["system"].(string)
			code, _ := q["code"].(string)
			printed, _ := q["unit"].(string)
			if system != "*" && s != system {
				continue
			}
			if unit != "*" && code != unit && (system != "*" || printed != unit) {
				continue
			}
			return true
		}
		return false
	}
}

// within applies a predicate to every object at path: what a composite means.
func within(p predicate, path ...string) predicate {
	return func(o object) bool {
		for _, v := range values(o, path...) {
			if inner, ok := v.(object); ok && p(inner) {
				return true
			}
		}
		return false
	}
}

// rank gives the sort value of a resource: a comparable text, and whether there is one.
type rank func(object) (string, bool)

type order struct {
	by   rank
	desc bool
}

// byText takes the smallest or largest of all candidate texts.
func byText(desc bool, candidates func(object) []string) order {
	return order{desc: desc, by: func(o object) (string, bool) {
		all := candidates(o)
		if len(all) == 0 {
			return "", false
		}
		sort.Strings(all)
		if desc {
			return all[len(all)-1], true
		}
		return all[0], true
	}}
}

func byDate(desc bool, path ...string) order {
	const layout = "20060102150405.000000000"
	return byText(desc, func(o object) []string {
		var out []string
		for _, s := range spans(o, path...) {
			low := strings.Repeat("0", 24)
			if s.low != farPast {
				low = s.low.UTC().Format(layout)
			}
			high := strings.Repeat("9", 24)
			if s.high != farFuture {
				high = s.high.UTC().Format(layout)
			}
			out = append(out, low+high)
		}
		return out
	})
}

func byString(desc bool, path ...string) order {
	return byText(desc, func(o object) []string {
		var out []string
		for _, s := range texts(o, path...) {
			out = append(out, fold(s)+"\x00"+s)
		}
		return out
	})
}

func byQuantity(desc bool, path ...string) order {
	return byText(desc, func(o object) []string {
		var out []string
		for _, v := range values(o, path...) {
			q, _ := v.(object)
			n, ok := q["value"].(json.Number)
			if !ok {
				continue
			}
			shifted := new(big.Rat).Add(rat(n.String()), big.NewRat(1_000_000_000, 1))
			out = append(out, fmt.Sprintf("%060s\x00%v\x00%v\x00%v", shifted.FloatString(40), q["system"], q["code"], q["unit"]))
		}
		return out
	})
}

// expect is the ordered list of ids a search must give: R4 leaves ties open, the server promises the order of creation, reversed when the first
// sort key is descending, and resources without a value last.
func expect(all []stored, typ string, match predicate, orders []order) []string {
	var found []stored
	for _, s := range all {
		if s.typ == typ && match(s.body) {
			found = append(found, s)
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].order < found[j].order })
	if len(orders) > 0 && orders[0].desc {
		for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
			found[i], found[j] = found[j], found[i]
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return less(found[i].body, found[j].body, orders) })
	ids := make([]string, len(found))
	for i, s := range found {
		ids[i] = s.id
	}
	return ids
}

func less(a, b object, orders []order) bool {
	for _, o := range orders {
		x, hasX := o.by(a)
		y, hasY := o.by(b)
		switch {
		case hasX != hasY:
			return hasX
		case x == y:
		case o.desc:
			return x > y
		default:
			return x < y
		}
	}
	return false
}
