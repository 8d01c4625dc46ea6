package search

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// These tests evaluate searches a second time, slowly, from the definitions of R4's search page: dates with package time, numbers as fractions. They share
// no code with the package but its entry points.

// moments is an interval that holds its low end but not its high one.
type moments struct{ low, high time.Time }

var (
	distantPast   = time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC)
	distantFuture = time.Date(15000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// randomMoment gives a text of random precision near 2020 and what it stands for.
func randomMoment(random *rand.Rand, stored bool) (string, moments) {
	at := time.Date(2019+random.IntN(3), time.Month(1+random.IntN(12)), 1+random.IntN(28), random.IntN(24), random.IntN(3), random.IntN(3), random.IntN(3)*500_000_000, time.UTC)
	switch kind := random.IntN(6); {
	case kind == 0:
		low := time.Date(at.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
		return low.Format("2006"), moments{low, low.AddDate(1, 0, 0)}
	case kind == 1:
		low := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
		return low.Format("2006-01"), moments{low, low.AddDate(0, 1, 0)}
	case kind == 2:
		low := at.Truncate(24 * time.Hour)
		return low.Format("2006-01-02"), moments{low, low.AddDate(0, 0, 1)}
	case kind == 3 && !stored:
		low := at.Truncate(time.Minute)
		return low.Format("2006-01-02T15:04Z"), moments{low, low.Add(time.Minute)}
	case kind <= 4:
		low := at.Truncate(time.Second)
		zone := time.FixedZone("", 3600*(random.IntN(5)-2))
		return low.In(zone).Format("2006-01-02T15:04:05Z07:00"), moments{low, low.Add(time.Second)}
	}
	return at.Format("2006-01-02T15:04:05.0Z"), moments{at, at.Add(100 * time.Millisecond)}
}

// randomPeriods is a list of Encounter.location with periods, and the intervals they stand for.
func randomPeriods(random *rand.Rand) (string, []moments) {
	var items []string
	var all []moments
	for range random.IntN(3) {
		from, a := randomMoment(random, true)
		to, b := randomMoment(random, true)
		if !b.high.After(a.low) {
			from, to, a, b = to, from, b, a
		}
		if !b.high.After(a.low) {
			continue
		}
		period := moments{a.low, b.high}
		text := fmt.Sprintf(`"start":"%s","end":"%s"`, from, to)
		switch random.IntN(5) {
		case 0:
			text, period.high = fmt.Sprintf(`"start":"%s"`, from), distantFuture
		case 1:
			text, period.low = fmt.Sprintf(`"end":"%s"`, to), distantPast
		}
		items = append(items, `{"period":{`+text+`}}`)
		all = append(all, period)
	}
	return `"location":[` + strings.Join(items, ",") + `]`, all
}

func dateHolds(prefix string, asked, stored moments) bool {
	contains := !stored.low.Before(asked.low) && !stored.high.After(asked.high)
	meetsAbove := stored.high.After(asked.high)
	meetsBelow := stored.low.Before(asked.low)
	switch prefix {
	case "ne":
		return !contains
	case "gt":
		return meetsAbove
	case "lt":
		return meetsBelow
	case "ge":
		return meetsAbove || contains
	case "le":
		return meetsBelow || contains
	case "sa":
		return !stored.low.Before(asked.high)
	case "eb":
		return !stored.high.After(asked.low)
	case "ap":
		width := asked.high.Sub(asked.low)
		return stored.low.Before(asked.high.Add(width)) && stored.high.After(asked.low.Add(-width))
	}
	return contains
}

func TestDatesProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	prefixes := append([]string{""}, comparators...)
	matched := 0
	for range 800 {
		periods, intervals := randomPeriods(random)
		moment, single := randomMoment(random, true)
		encounter := extract(t, `{"resourceType":"Encounter",`+periods+`}`)
		observation := extract(t, `{"resourceType":"Observation","effectiveDateTime":"`+moment+`"}`)
		for range 4 {
			value, asked := randomMoment(random, false)
			for _, prefix := range prefixes {
				query := prefix + strings.ReplaceAll(value, "+", "%2B")
				want := false
				for _, interval := range intervals {
					want = want || dateHolds(prefix, asked, interval)
				}
				got := Match(parse(t, "Encounter", "location-period="+query).Query.Plan, "", encounter, nil)
				if got != want {
					t.Fatalf("location-period=%s on %s: %v, want %v", query, periods, got, want)
				}
				want = dateHolds(prefix, asked, single)
				if want {
					matched++
				}
				if got := Match(parse(t, "Observation", "date="+query).Query.Plan, "", observation, nil); got != want {
					t.Fatalf("date=%s on %s: %v, want %v", query, moment, got, want)
				}
			}
		}
	}
	if matched < 1000 {
		t.Errorf("only %d matches", matched)
	}
}

// bound is an end of an interval: a number, or none where open; a strict one excludes the number.
type bound struct {
	at           *big.Rat
	open, strict bool
}

type numbers struct{ low, high bound }

func ratOf(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("not a number: " + s)
	}
	return r
}

func smallNumber(random *rand.Rand) string {
	s := fmt.Sprint(random.IntN(21) - 10)
	if random.IntN(2) == 0 {
		s += "." + []string{"0", "5", "05", "45", "50", "95"}[random.IntN(6)]
	}
	return s
}

// randomQuantity is a value[x] and what it may be.
func randomQuantity(random *rand.Rand) (string, numbers) {
	a, b := smallNumber(random), smallNumber(random)
	x, y := bound{at: ratOf(a)}, bound{at: ratOf(b)}
	switch random.IntN(6) {
	case 0:
		return fmt.Sprintf(`{"value":%s,"comparator":"<"}`, a), numbers{bound{open: true}, bound{at: x.at, strict: true}}
	case 1:
		return fmt.Sprintf(`{"value":%s,"comparator":"<="}`, a), numbers{bound{open: true}, x}
	case 2:
		return fmt.Sprintf(`{"value":%s,"comparator":">"}`, a), numbers{bound{at: x.at, strict: true}, bound{open: true}}
	case 3:
		return fmt.Sprintf(`{"value":%s,"comparator":">="}`, a), numbers{x, bound{open: true}}
	case 4:
		if x.at.Cmp(y.at) > 0 {
			a, b, x, y = b, a, y, x
		}
		return fmt.Sprintf(`{"low":{"value":%s},"high":{"value":%s}}`, a, b), numbers{x, y}
	}
	return fmt.Sprintf(`{"value":%s}`, a), numbers{x, x}
}

func (n numbers) reachesAbove(at *big.Rat) bool {
	return n.high.open || n.high.at.Cmp(at) > 0
}

func (n numbers) reachesBelow(at *big.Rat) bool {
	return n.low.open || n.low.at.Cmp(at) < 0
}

func (n numbers) equals(at *big.Rat) bool {
	return !n.low.open && !n.high.open && n.low.at.Cmp(at) == 0 && n.high.at.Cmp(at) == 0 && !n.low.strict && !n.high.strict
}

// within reports whether all of the interval lies in [low, high).
func (n numbers) within(low, high *big.Rat) bool {
	if n.low.open || n.high.open || n.low.at.Cmp(low) < 0 {
		return false
	}
	c := n.high.at.Cmp(high)
	return c < 0 || c == 0 && n.high.strict
}

func numberHolds(prefix string, asked, half *big.Rat, n numbers) bool {
	low, high := new(big.Rat).Sub(asked, half), new(big.Rat).Add(asked, half)
	switch prefix {
	case "ne":
		return !n.within(low, high)
	case "gt":
		return n.reachesAbove(asked)
	case "lt":
		return n.reachesBelow(asked)
	case "ge":
		return n.reachesAbove(asked) || n.equals(asked)
	case "le":
		return n.reachesBelow(asked) || n.equals(asked)
	case "sa":
		return !n.low.open && (n.low.at.Cmp(asked) > 0 || n.low.at.Cmp(asked) == 0 && n.low.strict)
	case "eb":
		return !n.high.open && (n.high.at.Cmp(asked) < 0 || n.high.at.Cmp(asked) == 0 && n.high.strict)
	case "ap":
		tenth := new(big.Rat).Abs(new(big.Rat).Quo(asked, big.NewRat(10, 1)))
		if tenth.Cmp(half) < 0 {
			tenth = half
		}
		low, high = new(big.Rat).Sub(asked, tenth), new(big.Rat).Add(asked, tenth)
		startsInTime := n.low.open || n.low.at.Cmp(high) < 0 || n.low.at.Cmp(high) == 0 && !n.low.strict
		endsInTime := n.high.open || n.high.at.Cmp(low) > 0 || n.high.at.Cmp(low) == 0 && !n.high.strict
		return startsInTime && endsInTime
	}
	return n.within(low, high)
}

func TestQuantitiesProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	prefixes := append([]string{""}, comparators...)
	matched := 0
	for range 800 {
		value, interval := randomQuantity(random)
		member, base := "onsetAge", "Condition"
		if strings.HasPrefix(value, `{"low"`) {
			member = "onsetRange"
		}
		condition := extract(t, `{"resourceType":"Condition","`+member+`":`+value+`}`)
		composite := extract(t, `{"resourceType":"ValueSet","useContext":[{"code":{"code":"a"},"value`+strings.ReplaceAll(strings.TrimPrefix(member, "onset"), "Age", "Quantity")+`":`+value+`}]}`)
		for range 3 {
			asked := smallNumber(random)
			half := big.NewRat(1, 2)
			if i := strings.IndexByte(asked, '.'); i >= 0 {
				for range len(asked) - i - 1 {
					half.Quo(half, big.NewRat(10, 1))
				}
			}
			for _, prefix := range prefixes {
				want := numberHolds(prefix, ratOf(asked), half, interval)
				if want {
					matched++
				}
				if got := Match(parse(t, base, "onset-age="+prefix+asked).Query.Plan, "", condition, nil); got != want {
					t.Fatalf("onset-age=%s%s on %s: %v, want %v", prefix, asked, value, got, want)
				}
				if got := Match(parse(t, "ValueSet", "context-type-quantity=a$"+prefix+asked).Query.Plan, "", composite, nil); got != want {
					t.Fatalf("context-type-quantity=a$%s%s on %s: %v, want %v", prefix, asked, value, got, want)
				}
			}
		}
	}
	if matched < 1000 {
		t.Errorf("only %d matches", matched)
	}
}
