package acceptance

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/teststore"
)

var signalBegin = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func signalTime(millis int) string {
	return signalBegin.Add(time.Duration(millis) * time.Millisecond).Format("2006-01-02T15:04:05.000Z")
}

// randomSignal stores a signal of a patient in several Observations: adjoining, with gaps, overlapping or beside the grid, at times in components.
func randomSignal(t *testing.T, base, patient string, rnd *rand.Rand) (parts []*signalPart, code string) {
	t.Helper()
	period := []string{"4", "2.5", "10", "0.5", "3.333333"}[rnd.IntN(5)]
	origins, factors := []string{"0"}, []string{""}
	switch rnd.IntN(4) {
	case 0:
		origins, factors = []string{"0", "-1.5", "2048"}, []string{"", "2.5", "0.10"}
	case 1:
		origins, factors = []string{"2048"}, []string{"2.5"}
	}
	code = []string{"ecg", "pleth"}[rnd.IntN(2)]
	const limits = `"lowerLimit":-900,"upperLimit":900,`
	begin := rnd.IntN(50)
	for i := range 1 + rnd.IntN(7) {
		p := &signalPart{id: fmt.Sprintf("%s-%d", patient, i), period: rat(period), start: big.NewRat(int64(begin), 1)}
		origin, factor := origins[rnd.IntN(len(origins))], factors[rnd.IntN(len(factors))]
		p.origin, p.factor = rat(origin), big.NewRat(1, 1)
		factorText := ""
		if factor != "" {
			p.factor, factorText = rat(factor), `"factor":`+factor+`,`
		}
		for range 24 + rnd.IntN(24) {
			sample := fmt.Sprintf("%d", rnd.IntN(1200)-600)
			switch rnd.IntN(20) {
			case 0, 1:
				sample = "E"
			case 2:
				sample = []string{"L", "U"}[rnd.IntN(2)]
			case 3, 4, 5:
				sample += fmt.Sprintf(".%d0", rnd.IntN(10))
			}
			if sample == "L" && len(origins) > 1 {
				sample = "E" // limits are in the scale of each part, which differs
			}
			p.samples = append(p.samples, sample)
		}
		status := "final"
		if rnd.IntN(9) == 0 {
			status = "entered-in-error"
		} else {
			parts = append(parts, p)
		}
		data := `"valueSampledData":{"origin":{"value":` + origin + `,"unit":"mV"},"period":` + period + `,` + factorText + limits + `"dimensions":1,"data":"` + strings.Join(p.samples, " ") + `"}`
		concept := func(code string) string { return `"code":{"coding":[{"system":"urn:s","code":"` + code + `"}]}` }
		value := concept(code) + "," + data
		if code == "pleth" {
			value = concept("panel") + `,"component":[{` + concept("rate") + `,"valueInteger":70},{` + value + `}]`
		}
		effective := `"effectiveDateTime":"` + signalTime(begin) + `"`
		if rnd.IntN(2) == 0 {
			effective = `"effectivePeriod":{"start":"` + signalTime(begin) + `"}`
		}
		replace(t, base+"/Observation/"+p.id, `{"resourceType":"Observation","id":"`+p.id+`","status":"`+status+`","subject":{"reference":"Patient/`+patient+`"},`+effective+`,`+value+`}`)
		length, _ := new(big.Rat).Mul(p.period, big.NewRat(int64(len(p.samples)), 1)).Float64()
		begin += max(1, int(length)+[]int{0, 0, 1, 7, 60, -5, -int(length) / 3}[rnd.IntN(7)])
	}
	return parts, code
}

// checkSignal compares an answer with a signal.
func checkSignal(t *testing.T, name string, want *signal, body []byte) {
	t.Helper()
	got := decode(t, body)
	data := got["valueSampledData"].(object)
	samples := strings.Fields(data["data"].(string))
	if want.scaled {
		for i, sample := range samples {
			if v, ok := new(big.Rat).SetString(sample); ok && i < len(want.values) && want.values[i] != nil && v.Cmp(want.values[i]) == 0 {
				samples[i] = want.samples[i] // equal in value, which is all that is asked of computed samples
			}
		}
	}
	if d := cmp.Diff(want.samples, samples); d != "" {
		t.Errorf("%s: -want +got:\n%s", name, d)
	}
	if d := cmp.Diff(want.sources, texts(got, "derivedFrom", "reference")); d != "" {
		t.Errorf("%s: sources: -want +got:\n%s", name, d)
	}
	if period := rat(texts(data, "period")[0]); period.Cmp(want.period) != 0 {
		t.Errorf("%s: period %s, want %s", name, period, want.period)
	}
	origin, factor := want.lead.origin, want.lead.factor
	if want.scaled {
		origin, factor = new(big.Rat), big.NewRat(1, 1)
	}
	if v := rat(texts(data, "origin", "value")[0]); v.Cmp(origin) != 0 {
		t.Errorf("%s: origin %s, want %s", name, v, origin)
	}
	if f := append(texts(data, "factor"), "1"); rat(f[0]).Cmp(factor) != 0 {
		t.Errorf("%s: factor %s, want %s", name, f[0], factor)
	}
	begin, err := time.Parse(time.RFC3339Nano, texts(got, "effectivePeriod", "start")[0])
	if millis := big.NewRat(begin.Sub(signalBegin).Nanoseconds(), 1e6); err != nil || millis.Cmp(want.start) != 0 {
		t.Errorf("%s: begins at %s, want %s (%v)", name, millis, want.start, err)
	}
}

func TestWaveformAgainstFractions(t *testing.T) {
	base, rnd := newServer(t), rand.New(rand.NewPCG(21, 22))
	compared, nothing := 0, 0
	for n := range teststore.Size(60, 4) {
		patient := fmt.Sprintf("w%d", n)
		parts, code := randomSignal(t, base, patient, rnd)
		for range 12 {
			from := rnd.IntN(900)
			to := from + 1 + rnd.IntN(900)
			want := slice(parts, big.NewRat(int64(from), 1), big.NewRat(int64(to), 1))
			v := url.Values{"patient": {patient}, "code": {"urn:s|" + code}, "start": {signalTime(from)}, "end": {signalTime(to)}}
			points := 0
			if rnd.IntN(2) == 0 {
				points = 4 + rnd.IntN(20)
				v.Set("max-points", fmt.Sprint(points))
			}
			isLTTB := points > 0 && rnd.IntN(2) == 0 && want != nil && !slices.Contains(want.samples, "L") && !slices.Contains(want.samples, "U")
			if isLTTB {
				v.Set("method", "lttb")
			}
			address := base + "/Observation/$waveform?" + v.Encode()
			status, body := exchange(t, http.MethodGet, address, nil)
			if want == nil {
				if nothing++; status != http.StatusNotFound {
					t.Errorf("%s: %d %s", address, status, body)
				}
				continue
			}
			switch {
			case status != http.StatusOK:
				t.Errorf("%s: %d %s", address, status, body)
				continue
			case isLTTB:
				want = want.lttb(points)
			case points > 0:
				want = want.minMax(points)
			}
			compared++
			checkSignal(t, address, want, body)
			if points > 0 && len(want.samples) > points {
				t.Errorf("%s: %d samples", address, len(want.samples))
			}
		}
		if len(parts) > 0 {
			whole := slice(parts[:1], parts[0].start, new(big.Rat).Add(parts[0].start, big.NewRat(1e9, 1)))
			address := base + "/Observation/" + parts[0].id + "/$waveform?code=" + code
			_, body := exchange(t, http.MethodGet, address, nil)
			checkSignal(t, address, whole, body)
		}
	}
	if compared < teststore.Size(300, 20) || nothing < teststore.Size(10, 0) {
		t.Errorf("%d slices compared, %d empty", compared, nothing)
	}
}

// TestWaveformRefused shows that signals which do not fit together are refused, in either order.
func TestWaveformRefused(t *testing.T) {
	base := newServer(t)
	for i, change := range [][2]string{{`"period":4`, `"period":5`}, {`"dimensions":1`, `"dimensions":2`}, {`"unit":"mV"`, `"unit":"uV"`}, {`"upperLimit":9`, `"upperLimit":10`}} {
		for order := range 2 {
			patient := fmt.Sprintf("x%d%d", i, order)
			for part := range 2 {
				data := `{"origin":{"value":0,"unit":"mV"},"period":4,"upperLimit":9,"dimensions":1,"data":"1 U 3 4"}`
				if part == order {
					data = strings.Replace(data, change[0], change[1], 1)
				}
				if !json.Valid([]byte(data)) {
					t.Fatal(data)
				}
				id := fmt.Sprintf("%s-%d", patient, part)
				replace(t, base+"/Observation/"+id, fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"coding":[{"code":"ecg"}]},"subject":{"reference":"Patient/%s"},"effectiveDateTime":"%s","valueSampledData":%s}`,
					id, patient, signalTime(16*part), data))
			}
			address := fmt.Sprintf("%s/Observation/$waveform?patient=%s&code=ecg&start=%s&end=%s", base, patient, signalTime(0), signalTime(99))
			status, body := exchange(t, http.MethodGet, address, nil)
			if status != http.StatusUnprocessableEntity || !strings.Contains(string(body), patient+"-0") || !strings.Contains(string(body), patient+"-1") {
				t.Errorf("%s: %d %s", address, status, body)
			}
		}
	}
}
