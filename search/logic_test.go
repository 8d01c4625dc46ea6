package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Random expressions of _text and _filter against a second evaluation, on the values rather than on keys.

// person is a random Patient.
type person struct {
	family, given []string
	gender        string
	active        string // "true", "false" or empty
	birth         int    // year; 0 for none
	narrative     []string
}

var (
	someNames = []string{"ann", "anna", "nan", "bo", "bob", "nab"}
	someWords = []string{"bone", "bones", "liver", "live", "lung", "or", "x1"}
)

func somePerson(random *rand.Rand) person {
	pickSome := func(from []string) []string {
		var some []string
		for range random.IntN(4) {
			some = append(some, from[random.IntN(len(from))])
		}
		return some
	}
	p := person{family: pickSome(someNames), given: pickSome(someNames), narrative: pickSome(someWords)}
	p.gender = []string{"", "male", "female", "other"}[random.IntN(4)]
	p.active = []string{"", "true", "false"}[random.IntN(3)]
	if random.IntN(4) > 0 {
		p.birth = 1970 + random.IntN(4)
	}
	return p
}

func (p person) json() string {
	members := []string{`"resourceType":"Patient"`, narrative(strings.Join(p.narrative, " <br/>"))}
	var names []string
	for _, family := range p.family {
		names = append(names, `{"family":"`+strings.ToUpper(family)+`"}`)
	}
	for _, given := range p.given {
		names = append(names, `{"given":["`+given+`"]}`)
	}
	if len(names) > 0 {
		members = append(members, `"name":[`+strings.Join(names, ",")+`]`)
	}
	if p.gender != "" {
		members = append(members, `"gender":"`+p.gender+`"`)
	}
	if p.active != "" {
		members = append(members, `"active":`+p.active)
	}
	if p.birth > 0 {
		members = append(members, fmt.Sprintf(`"birthDate":"%d"`, p.birth))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// claim is an expression and what it means.
type claim struct {
	text  string
	holds func(person) bool
}

// someTest is a random test of a filter.
func someTest(random *rand.Rand) claim {
	name := someNames[random.IntN(len(someNames))]
	if random.IntN(2) == 0 {
		name = name[:2]
	}
	member := []string{"given", "family", "name"}[random.IntN(3)]
	of := func(p person) []string {
		return map[string][]string{"given": p.given, "family": p.family, "name": slices.Concat(p.given, p.family)}[member]
	}
	anyName := func(operator string, test func(string) bool) claim {
		return claim{member + " " + operator + ` "` + name + `"`, func(p person) bool { return slices.ContainsFunc(of(p), test) }}
	}
	year := 1970 + random.IntN(4)
	anyYear := func(operator string, test func(birth int) bool) claim {
		return claim{fmt.Sprintf("birthdate %s %d", operator, year), func(p person) bool { return p.birth > 0 && test(p.birth) }}
	}
	switch random.IntN(14) {
	case 0:
		return anyName("eq", func(s string) bool { return s == name })
	case 1:
		return anyName("ne", func(s string) bool { return s != name })
	case 2:
		return anyName("co", func(s string) bool { return strings.Contains(s, name) })
	case 3:
		return anyName("sw", func(s string) bool { return strings.HasPrefix(s, name) })
	case 4:
		return anyName("ew", func(s string) bool { return strings.HasSuffix(s, name) })
	case 5:
		return anyYear("eq", func(b int) bool { return b == year })
	case 6:
		return anyYear("ne", func(b int) bool { return b != year })
	case 7:
		return anyYear("gt", func(b int) bool { return b > year })
	case 8:
		return anyYear("le", func(b int) bool { return b <= year })
	case 9:
		return anyYear("po", func(b int) bool { return b == year })
	case 10:
		return claim{"gender eq male", func(p person) bool { return p.gender == "male" }}
	case 11:
		return claim{"gender ne male", func(p person) bool { return p.gender != "" && p.gender != "male" }}
	case 12:
		return claim{"gender sw fe", func(p person) bool { return p.gender == "female" }}
	}
	return claim{"active pr true", func(p person) bool { return p.active != "" }}
}

// someFilter combines tests; the right side of an operator is in parentheses, because the language reads from left to right.
func someFilter(random *rand.Rand, depth int) claim {
	if depth == 0 || random.IntN(3) == 0 {
		return someTest(random)
	}
	a, b := someFilter(random, depth-1), someFilter(random, depth-1)
	switch random.IntN(3) {
	case 0:
		return claim{a.text + " and (" + b.text + ")", func(p person) bool { return a.holds(p) && b.holds(p) }}
	case 1:
		return claim{a.text + " or (" + b.text + ")", func(p person) bool { return a.holds(p) || b.holds(p) }}
	}
	return claim{"not (" + a.text + ")", func(p person) bool { return !a.holds(p) }}
}

// someText is a random expression of words, in parentheses throughout or in an order of which "and" binds more.
func someText(random *rand.Rand, depth int) claim {
	if depth == 0 || random.IntN(3) == 0 {
		word := someWords[random.IntN(len(someWords))]
		word = word[:1+random.IntN(len(word))]
		asked := word
		if word == "or" {
			asked = `\or`
		}
		return claim{asked, func(p person) bool {
			return slices.ContainsFunc(p.narrative, func(s string) bool { return strings.HasPrefix(s, word) })
		}}
	}
	a, b, c := someText(random, depth-1), someText(random, depth-1), someText(random, depth-1)
	switch random.IntN(3) {
	case 0:
		return claim{"(" + a.text + " " + b.text + " or " + c.text + ")", nil}.meaning(a, b, c, func(a, b, c bool) bool { return a && b || c })
	case 1:
		return claim{"(" + a.text + " or " + b.text + " AND " + c.text + ")", nil}.meaning(a, b, c, func(a, b, c bool) bool { return a || b && c })
	}
	return claim{"(not " + a.text + " " + b.text + ")", nil}.meaning(a, b, c, func(a, b, _ bool) bool { return !a && b })
}

func (whole claim) meaning(a, b, c claim, combine func(a, b, c bool) bool) claim {
	whole.holds = func(p person) bool { return combine(a.holds(p), b.holds(p), c.holds(p)) }
	return whole
}

func TestLogicProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	r := newTestRegistry(t)
	matched := map[string]int{}
	for range 500 {
		p := somePerson(random)
		keys := extract(t, p.json())
		for range 8 {
			for name, asked := range map[string]claim{"_filter": someFilter(random, 3), "_text": someText(random, 2)} {
				request, err := r.Parse("Patient", []Pair{{name, asked.text}}, ParseOptions{Strict: true})
				if err != nil {
					t.Fatalf("%s=%s: %v", name, asked.text, err)
				}
				want := asked.holds(p)
				if want {
					matched[name]++
				}
				if got := Match(request.Query.Plan, "", keys, nil); got != want {
					t.Fatalf("%s=%s on %s: %v, want %v\n%s", name, asked.text, p.json(), got, want, Explain(request.Query.Plan))
				}
			}
		}
	}
	if matched["_filter"] < 500 || matched["_text"] < 500 {
		t.Errorf("only %v matches", matched)
	}
}

// Every modifier that is declared is understood, and every other one is refused, for every parameter of every type.
func TestDeclaredModifiers(t *testing.T) {
	r := newTestRegistry(t)
	every := []string{"missing", "exact", "contains", "not", "text", "in", "not-in", "below", "above", "of-type", "identifier", "iterate"}
	values := map[string]string{"missing": "true", "in": "http://hl7.org/fhir/ValueSet/administrative-gender", "not-in": "http://hl7.org/fhir/ValueSet/administrative-gender",
		"below": "http://hl7.org/fhir/administrative-gender|male", "above": "http://hl7.org/fhir/administrative-gender|male", "of-type": "a|b|c"}
	declared := map[string]int{}
	for _, typ := range r.defs.ResourceTypes() {
		for _, p := range r.Params(typ) {
			for _, modifier := range every {
				value := values[modifier]
				if value == "" {
					value = "a"
				}
				_, err := r.Parse(typ, []Pair{{p.Code + ":" + modifier, value}}, ParseOptions{})
				if p.HasModifier(modifier) {
					declared[modifier]++
				}
				if (err == nil) != p.HasModifier(modifier) {
					t.Errorf("%s?%s:%s=%s: declared %v, answer %v", typ, p.Code, modifier, value, p.HasModifier(modifier), err)
				}
			}
		}
	}
	for _, modifier := range every[:11] {
		if declared[modifier] == 0 {
			t.Errorf("nothing takes :%s", modifier)
		}
	}
}
