package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/teststore"
)

// This file evaluates $stats a second time, from the bodies that were sent and with nothing of the server: encoding/json, time.Parse and fractions.

type oracleCoding struct{ System, Code string }

type oracleQuantity struct {
	Value      json.Number
	Comparator *string
	Unit       string
	System     string
	Code       string
}

type oracleValue struct {
	Code              struct{ Coding []oracleCoding }
	ValueQuantity     *oracleQuantity
	ModifierExtension []any
}

type oracleObservation struct {
	oracleValue
	ID, Status        string
	Subject           struct{ Reference string }
	EffectiveDateTime string
	EffectiveInstant  string
	EffectivePeriod   *struct{ Start, End string }
	Component         []oracleValue
	HasMember         []struct{ Reference string }

	created   int
	low, high time.Time // of the time of effect; low is zero when it begins nowhere
	timed     bool
}

var (
	oracleNever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	oraclePast  = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
)

// oracleInterval reads a date or time and what it may stand for.
func oracleInterval(t *testing.T, text string) (low, high time.Time) {
	t.Helper()
	for _, form := range []struct {
		layout string
		last   func(time.Time) time.Time
	}{
		{"2006-01-02T15:04:05Z07:00", func(at time.Time) time.Time {
			_, fraction, ok := strings.Cut(text, ".")
			if !ok {
				return at.Add(time.Second)
			}
			step := time.Second
			for _, c := range fraction {
				if c < '0' || c > '9' {
					break
				}
				step /= 10
			}
			return at.Add(step)
		}},
		{"2006-01-02", func(at time.Time) time.Time { return at.AddDate(0, 0, 1) }},
		{"2006-01", func(at time.Time) time.Time { return at.AddDate(0, 1, 0) }},
	} {
		if at, err := time.Parse(form.layout, text); err == nil {
			return at.UTC(), form.last(at.UTC())
		}
	}
	t.Fatal(text)
	return
}

func oracleParse(t *testing.T, body string, created int) *oracleObservation {
	t.Helper()
	o := &oracleObservation{created: created, low: oraclePast, high: oracleNever}
	if err := json.Unmarshal([]byte(body), o); err != nil {
		t.Fatal(err, body)
	}
	text := o.EffectiveDateTime + o.EffectiveInstant
	if text != "" {
		o.low, o.high = oracleInterval(t, text)
		o.timed = true
	}
	if p := o.EffectivePeriod; p != nil {
		o.timed = true
		if p.Start != "" {
			o.low, _ = oracleInterval(t, p.Start)
		}
		if p.End != "" {
			_, o.high = oracleInterval(t, p.End)
		}
	}
	return o
}

// oracleRequest is what is asked.
type oracleRequest struct {
	codings    []oracleCoding
	start, end string
}

func (q *oracleRequest) body() string {
	parts := []string{`{"name":"subject","valueUri":"Patient/p"}`}
	for _, c := range q.codings {
		parts = append(parts, `{"name":"coding","valueCoding":{"system":"`+c.System+`","code":"`+c.Code+`"}}`)
	}
	for _, code := range allStatistics() {
		parts = append(parts, `{"name":"statistic","valueCode":"`+code+`"}`)
	}
	var period []string
	for name, text := range map[string]string{"start": q.start, "end": q.end} {
		if text != "" {
			period = append(period, `"`+name+`":"`+text+`"`)
		}
	}
	if len(period) > 0 {
		parts = append(parts, `{"name":"period","valuePeriod":{`+strings.Join(period, ",")+`}}`)
	}
	return strings.ReplaceAll(`{"resourceType":"Parameters","parameter":[`+strings.Join(parts, ",")+`]}`, `"system":"",`, "")
}

// asked finds the coding that is asked.
func (q *oracleRequest) asked(v *oracleValue) (oracleCoding, bool) {
	for _, c := range v.Code.Coding {
		for _, want := range q.codings {
			if want.Code == c.Code && (want.System == "" || want.System == c.System) {
				return c, true
			}
		}
	}
	return oracleCoding{}, false
}

// during applies ge and le of R4 search.html#prefix to the interval of an Observation.
func (q *oracleRequest) during(t *testing.T, o *oracleObservation) bool {
	t.Helper()
	if q.start != "" {
		low, high := oracleInterval(t, q.start)
		if !o.timed || !o.high.After(high) && !(!o.low.Before(low) && !o.high.After(high)) {
			return false
		}
	}
	if q.end != "" {
		low, high := oracleInterval(t, q.end)
		if !o.timed || !o.low.Before(low) && !(!o.low.Before(low) && !o.high.After(high)) {
			return false
		}
	}
	return true
}

// oracleGroup are the values of a code in a unit.
type oracleGroup struct {
	code       oracleCoding
	unit, text string
	total      int
	scale      int
	values     []*big.Rat
	at         []int64
	timeless   bool
}

type oracle struct {
	*testing.T
	request *oracleRequest
	groups  []*oracleGroup
}

func (e *oracle) group(code oracleCoding, unit string) *oracleGroup {
	for _, g := range e.groups {
		if g.code == code && (g.unit == unit || unit == "" || g.unit == "") {
			g.unit = cmp.Or(g.unit, unit)
			return g
		}
	}
	g := &oracleGroup{code: code, unit: unit}
	e.groups = append(e.groups, g)
	return g
}

func (e *oracle) count(o *oracleObservation, v *oracleValue, code oracleCoding) {
	q := v.ValueQuantity
	var value *big.Rat
	if q != nil && q.Comparator == nil && q.Code != "" && q.System == "http://unitsofmeasure.org" && len(o.ModifierExtension)+len(v.ModifierExtension) == 0 && !strings.HasSuffix(string(q.Value), "e401") {
		value, _ = new(big.Rat).SetString(string(q.Value))
	}
	if value == nil {
		e.group(code, "").total++
		return
	}
	g := e.group(code, q.Code)
	g.total++
	g.text = cmp.Or(g.text, q.Unit)
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(q.Value)), "e")
	_, fraction, _ := strings.Cut(mantissa, ".")
	shift, _ := strconv.Atoi(exponent)
	g.scale = max(g.scale, len(fraction)-shift)
	g.values = append(g.values, value)
	g.at = append(g.at, o.low.UnixMicro())
	g.timeless = g.timeless || o.low.Equal(oraclePast)
}

func oracleFirst(v *oracleValue) (oracleCoding, bool) {
	if len(v.Code.Coding) == 0 {
		return oracleCoding{}, false
	}
	return v.Code.Coding[0], v.Code.Coding[0].Code != ""
}

// evaluate finds and groups.
func (e *oracle) evaluate(all map[string]*oracleObservation) {
	var found []*oracleObservation
	mine := func(o *oracleObservation) bool {
		return o != nil && o.Subject.Reference == "Patient/p" && o.Status != "entered-in-error"
	}
	for _, o := range all {
		_, own := e.request.asked(&o.oracleValue)
		for i := range o.Component {
			_, part := e.request.asked(&o.Component[i])
			own = own || part
		}
		if own && mine(o) && e.request.during(e.T, o) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *oracleObservation) int {
		if a.timed != b.timed {
			return cmp.Compare(b2i(b.timed), b2i(a.timed))
		}
		return cmp.Or(a.low.Truncate(time.Microsecond).Compare(b.low.Truncate(time.Microsecond)), a.high.Compare(b.high), cmp.Compare(a.created, b.created))
	})
	var panels []oracleCoding
	members := map[string]bool{}
	for _, o := range found {
		code, asked := e.request.asked(&o.oracleValue)
		isPanel := len(o.Component)+len(o.HasMember) > 0
		if asked && (o.ValueQuantity != nil || !isPanel) {
			e.count(o, &o.oracleValue, code)
		}
		for i := range o.Component {
			part, ok := e.request.asked(&o.Component[i])
			if !ok && asked {
				part, ok = oracleFirst(&o.Component[i])
			}
			if ok {
				e.count(o, &o.Component[i], part)
			}
		}
		if asked && isPanel {
			panels = append(panels, code)
			for _, member := range o.HasMember {
				members[strings.TrimPrefix(member.Reference, "Observation/")] = true
			}
		}
	}
	e.members(all, found, members)
	for _, c := range e.request.codings {
		same := func(is oracleCoding) bool { return c.Code == is.Code && (c.System == "" || c.System == is.System) }
		if !slices.ContainsFunc(e.groups, func(g *oracleGroup) bool { return same(g.code) }) && !(len(e.groups) > 0 && slices.ContainsFunc(panels, same)) {
			e.groups = append(e.groups, &oracleGroup{code: c})
		}
	}
}

func (e *oracle) members(all map[string]*oracleObservation, found []*oracleObservation, members map[string]bool) {
	var rest []*oracleObservation
	for id := range members {
		if o := all[id]; o != nil && o.Subject.Reference == "Patient/p" && o.Status != "entered-in-error" && !slices.Contains(found, o) {
			rest = append(rest, o)
		}
	}
	slices.SortFunc(rest, func(a, b *oracleObservation) int { return cmp.Compare(a.created, b.created) })
	for _, o := range rest {
		code, ok := e.request.asked(&o.oracleValue)
		if !ok {
			code, ok = oracleFirst(&o.oracleValue)
		}
		if ok {
			e.count(o, &o.oracleValue, code)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// statistics computes all of them as the texts that are expected.
func (g *oracleGroup) statistics() []string {
	n := len(g.values)
	out := []string{strconv.Itoa(n), strconv.Itoa(g.total)}
	rounded := func(r *big.Rat) string { return trimmedZeros(r.FloatString(g.scale + 6)) }
	if n == 0 {
		return append(out, make([]string, len(allStatistics())-2+1)...)
	}
	sorted := slices.Clone(g.values)
	slices.SortFunc(sorted, (*big.Rat).Cmp)
	sum := new(big.Rat)
	for _, v := range g.values {
		sum.Add(sum, v)
	}
	count := new(big.Rat).SetInt64(int64(n))
	mean := new(big.Rat).Quo(sum, count)
	moment := func(k int) *big.Rat {
		all := new(big.Rat)
		for _, v := range g.values {
			power, distance := big.NewRat(1, 1), new(big.Rat).Sub(v, mean)
			for range k {
				power.Mul(power, distance)
			}
			all.Add(all, power)
		}
		return all.Quo(all, count)
	}
	quantile := func(percent int64) *big.Rat {
		place := big.NewRat(percent*int64(n-1), 100)
		below := new(big.Int).Quo(place.Num(), place.Denom()).Int64()
		share := place.Sub(place, big.NewRat(below, 1))
		if share.Sign() == 0 {
			return sorted[below]
		}
		step := new(big.Rat).Sub(sorted[below+1], sorted[below])
		return step.Add(step.Mul(step, share), sorted[below])
	}
	exact := func(r *big.Rat) string { return trimmedZeros(r.FloatString(g.scale)) }
	out = append(out, exact(sorted[0]), exact(sorted[n-1]), exact(sum), rounded(mean))
	for _, percent := range []int64{50, 20, 80, 25, 75} {
		out = append(out, rounded(quantile(percent)))
	}
	out = append(out, rounded(new(big.Rat).Quo(new(big.Rat).Sub(quantile(75), quantile(25)), big.NewRat(2, 1))))
	for _, percent := range []int64{20, 40, 60, 80} {
		out = append(out, rounded(quantile(percent)))
	}
	variance, deviation, skew, kurtosis := "", "", "", ""
	m2 := moment(2)
	if n > 1 {
		v := new(big.Rat).Mul(m2, big.NewRat(int64(n), int64(n-1)))
		variance, deviation = rounded(v), rounded(oracleRoot(v))
	}
	if m2.Sign() > 0 {
		kurtosis = rounded(new(big.Rat).Quo(moment(4), new(big.Rat).Mul(m2, m2)))
		skew = rounded(new(big.Rat).Quo(moment(3), new(big.Rat).Mul(m2, oracleRoot(m2))))
	}
	return append(append(out, variance, deviation, skew, kurtosis), g.regression(rounded)...)
}

// regression fits a line by the means and deviations from them.
func (g *oracleGroup) regression(rounded func(*big.Rat) string) []string {
	if g.timeless {
		return []string{"*", "*"}
	}
	n := new(big.Rat).SetInt64(int64(len(g.values)))
	hours := make([]*big.Rat, len(g.at))
	meanX, meanY := new(big.Rat), new(big.Rat)
	for i, at := range g.at {
		hours[i] = big.NewRat(at-slices.Min(g.at), time.Hour.Microseconds())
		meanX.Add(meanX, hours[i])
		meanY.Add(meanY, g.values[i])
	}
	meanX.Quo(meanX, n)
	meanY.Quo(meanY, n)
	above, below := new(big.Rat), new(big.Rat)
	for i, y := range g.values {
		x := new(big.Rat).Sub(hours[i], meanX)
		above.Add(above, new(big.Rat).Mul(x, new(big.Rat).Sub(y, meanY)))
		below.Add(below, x.Mul(x, x))
	}
	if below.Sign() == 0 {
		return []string{"", ""}
	}
	slope := above.Quo(above, below)
	return []string{rounded(slope), rounded(meanY.Sub(meanY, new(big.Rat).Mul(slope, meanX)))}
}

// oracleRoot is the square root to a thousand bits.
func oracleRoot(r *big.Rat) *big.Rat {
	f := new(big.Float).SetPrec(1000).SetRat(r)
	result, _ := f.Sqrt(f).Rat(nil)
	return result
}

func trimmedZeros(text string) string {
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

// answered reads the answer of a server in the form of lines: code, unit, text of the unit, values.
func answered(t *testing.T, answer string) []string {
	t.Helper()
	var p struct {
		Parameter []struct {
			Resource struct {
				oracleValue
				Component []struct {
					ValueQuantity *oracleQuantity
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(answer), &p); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, one := range p.Parameter {
		unit, text := "", ""
		var values []string
		for i, c := range one.Resource.Component {
			if c.ValueQuantity == nil {
				values = append(values, "")
				continue
			}
			values = append(values, string(c.ValueQuantity.Value))
			if i == 2 { // minimum
				unit, text = c.ValueQuantity.Code, c.ValueQuantity.Unit
			}
		}
		lines = append(lines, fmt.Sprintf("%v %s %s %q", one.Resource.Code.Coding[0], unit, text, values))
	}
	return lines
}

func (e *oracle) expected() (lines []string) {
	for _, g := range e.groups {
		unit, text := g.unit, g.text
		if len(g.values) == 0 {
			unit, text = "", ""
		}
		lines = append(lines, fmt.Sprintf("%v %s %s %q", g.code, unit, text, g.statistics()))
	}
	return lines
}

// TestStatsAgainstFractions compares all statistics with a second evaluation, over random writes, codes and periods.
func TestStatsAgainstFractions(t *testing.T) {
	groups, values := 0, 0
	for seed := range uint64(teststore.Size(6, 1)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			tw := newTwins(t)
			r := randomObservations{Rand: rand.New(rand.NewPCG(seed, 41)), simple: true}
			var ids []string
			for i := range 50 + r.IntN(teststore.Size(400, 50)) {
				ids = append(ids, fmt.Sprint("o", i))
			}
			all, created := map[string]*oracleObservation{}, map[string]int{}
			for range 5 {
				for range len(ids) / 2 {
					id := r.of(ids...)
					body := r.observation(id, ids)
					if r.chance(10) {
						body = ""
					}
					tw.write(id, body)
					delete(all, id)
					if body != "" {
						if _, known := created[id]; !known {
							created[id] = len(created)
						}
						all[id] = oracleParse(t, body, created[id])
					}
				}
				for range 8 {
					q := &oracleRequest{start: r.of("", "", "2024-01-15", "2024-01-15T12:00:00Z"), end: r.of("", "", "2024-02-20", "2024-02-20T09:00:00-05:00", "2024-02")}
					for range 1 + r.IntN(2) {
						q.codings = append(q.codings, oracleCoding{r.of("", "", "http://s1", "urn:s2"), r.of("a", "a", "b", "c", "e")})
					}
					e := &oracle{T: t, request: q}
					e.evaluate(all)
					status, answer := tw.compare(q.body(), "")
					if status != 200 {
						t.Fatal(status, answer)
					}
					want, got := e.expected(), answered(t, answer)
					for i := range min(len(want), len(got)) {
						if e.groups[i].timeless { // a line through a time that is unknown is not defined
							got[i] = got[i][:strings.LastIndex(got[i][:strings.LastIndex(got[i], " ")], " ")] + ` "*" "*"]`
						}
					}
					if d := gocmp.Diff(want, got); d != "" {
						t.Fatalf("%s (-fractions +server):\n%s", q.body(), d)
					}
					groups += len(e.groups)
					for _, g := range e.groups {
						values += len(g.values)
					}
				}
			}
		})
	}
	t.Logf("%d codes and units, %d values", groups, values)
	if values < teststore.Size(2000, 50) {
		t.Error("too few values")
	}
}
