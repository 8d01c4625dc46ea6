package search

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func place(latitude, longitude string) string {
	return `"position":{"latitude":` + latitude + `,"longitude":` + longitude + `}`
}

// Distances: Berlin to Hamburg 255 km, to Munich 504 km; Suva to Apia 1147 km across the antimeridian.
func TestNear(t *testing.T) {
	c := &corpus{typ: "Location", resources: [][2]string{
		{"berlin", place("52.5200", "13.4050")},
		{"hamburg", place("53.5511", "9.9937")},
		{"munich", place("48.1351", "11.5820")},
		{"suva", place("-18.1416", "178.4419")},
		{"apia", place("-13.8333", "-171.7667")},
		{"pole", place("90", "0")},
		{"svalbard", place("78.2232", "15.6267")},
		{"east", place("0", "180")},
		{"west", place("0", "-180")},
		{"nowhere", `"position":{"latitude":1}`},
		{"outside", place("91", "0")},
		{"absent", ``},
	}}
	c.check(t, [][2]string{
		{"near=52.52|13.405|0|km", "berlin"},
		{"near=52.52|13.405|0", "berlin"},
		{"near=52.52|13.406|0", ""},
		{"near=52.52|13.405", "berlin"},
		{"near=52.4|13.1", "berlin"},
		{"near=52.52|13.405||", "berlin"},
		{"near=52.52|13.405|254|km", "berlin"},
		{"near=52.52|13.405|256|km", "berlin hamburg"},
		{"near=52.52|13.405|256000|m", "berlin hamburg"},
		{"near=52.52|13.405|159|[mi_i]", "berlin hamburg"},
		{"near=52.52|13.405|137|[nmi_i]", "berlin"},
		{"near=52.52|13.405|600", "berlin hamburg munich"},
		{"near=52.52|13.405|10,48.1351|11.582|10", "berlin munich"},
		{"near=-18.1416|178.4419|1140", "suva"},
		{"near=-18.1416|178.4419|1160", "suva apia"},
		{"near=-13.8333|-171.7667|1160", "suva apia"},
		{"near=90|0|1", "pole"},
		{"near=89.999|120|1", "pole"},
		{"near=90|77|1320", "pole svalbard"},
		{"near=90|77|1300", "pole"},
		{"near=0|180|1|m", "east west"},
		{"near=0|-180|1|m", "east west"},
		{"near=0|179.9999|1", "east west"},
		{"near=0|0|20100", "berlin hamburg munich suva apia pole svalbard east west"},
		{"near:missing=true", "absent"},
		{"near:missing=false", "berlin hamburg munich suva apia pole svalbard east west nowhere outside"},
	})
	for query, want := range map[string]string{
		"1":              "at position 1 of the value: write latitude|longitude|distance|units",
		"91|1":           "at position 1 of the value: not a latitude",
		"1|181":          "at position 3 of the value: not a longitude",
		"-91|1":          "at position 1 of the value: not a latitude",
		"1|-181":         "at position 3 of the value: not a longitude",
		"1|nan":          "at position 3 of the value: not a longitude",
		"1|1|-1":         "at position 5 of the value: not a distance",
		"1|1|1|mi":       "at position 7 of the value: not a unit of distance",
		"1|1|1|km|x":     "at position 1 of the value: write",
		"1|1|5,2|2|x|km": "at position 11 of the value: not a distance",
	} {
		if _, err := parseRaw(t, "Location", "near="+query, ParseOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("near=%s: %v, want %s", query, err, want)
		}
	}
}

// vectorDistance is the distance by the angle between two vectors: another formula than that of the package.
func vectorDistance(a, b [2]float64) float64 {
	vector := func(p [2]float64) [3]float64 {
		phi, lambda := p[0]*math.Pi/180, p[1]*math.Pi/180
		return [3]float64{math.Cos(phi) * math.Cos(lambda), math.Cos(phi) * math.Sin(lambda), math.Sin(phi)}
	}
	u, v := vector(a), vector(b)
	cross := [3]float64{u[1]*v[2] - u[2]*v[1], u[2]*v[0] - u[0]*v[2], u[0]*v[1] - u[1]*v[0]}
	return earthRadius * math.Atan2(math.Sqrt(cross[0]*cross[0]+cross[1]*cross[1]+cross[2]*cross[2]), u[0]*v[0]+u[1]*v[1]+u[2]*v[2])
}

func TestNearProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	coordinate := func(limit float64) float64 {
		switch random.IntN(6) {
		case 0:
			return limit
		case 1:
			return -limit
		case 2:
			return limit - random.Float64()/10
		case 3:
			return random.Float64() - 0.5
		}
		return (random.Float64()*2 - 1) * limit
	}
	matched := 0
	for range 3000 {
		centre, at := [2]float64{coordinate(90), coordinate(180)}, [2]float64{coordinate(90), coordinate(180)}
		if random.IntN(2) == 0 {
			at = [2]float64{max(-90, min(90, centre[0]+random.NormFloat64()/5)), max(-180, min(180, centre[1]+random.NormFloat64()))}
		}
		kilometres := math.Pow(10, random.Float64()*6-1.5)
		away := vectorDistance(centre, at) / 1000
		if math.Abs(away-kilometres) < 1e-4 {
			continue
		}
		keys := extract(t, fmt.Sprintf(`{"resourceType":"Location",%s}`, place(fmt.Sprintf("%.9f", at[0]), fmt.Sprintf("%.9f", at[1]))))
		request := parse(t, "Location", fmt.Sprintf("near=%.12f|%.12f|%.6f|km", centre[0], centre[1], kilometres))
		if ranges, ok := request.Query.Plan.(Or); ok && len(ranges) > maxCells {
			t.Fatalf("%d ranges", len(ranges))
		}
		want := away <= kilometres
		if want {
			matched++
		}
		if got := Match(request.Query.Plan, "", keys, nil); got != want {
			t.Fatalf("%v within %f km of %v: %v, want %v (%f km)\n%s", at, kilometres, centre, got, want, away, Explain(request.Query.Plan))
		}
	}
	if matched < 500 {
		t.Errorf("only %d matches", matched)
	}
}

// TestCells covers circles with cells of the deepest level that has 16 at most. Those of level 24 are about a metre high, and their numbers of rows and columns double
// with each level: a level deeper, each of these has too many, or there is none.
func TestCells(t *testing.T) {
	for _, c := range []struct {
		name   string
		circle Circle
		want   string
	}{
		{"the Earth, of which there are exactly 16", Circle{0, 0, 1e9}, "00 01 02 03 10 11 12 13 20 21 22 23 30 31 32 33"},
		{"a quarter", Circle{-45, -90, 4e6}, "000 001 002 003 010 011 012 013 020 021 022 023 030 031 032 033"},
		{"between the poles", Circle{0, 0, 1e7}, "01 03 10 12 21 23 30 32"},
		{"a point where four meet", Circle{0, 0, 0}, "033333333333333333333333 122222222222222222222222 211111111111111111111111 300000000000000000000000"},
		{"a kilometre, 4 rows and 2 columns", Circle{22.5, 45, 1000}, "300333333333331 300333333333333 301222222222220 301222222222222 302111111111111 302111111111113 303000000000000 303000000000002"},
		{"around a pole, one row", Circle{90, 0, 1000}, "2222 2223 2232 2233 2322 2323 2332 2333 3222 3223 3232 3233 3322 3323 3332 3333"},
		{"both ends of the longitudes", Circle{0, 180, 1000}, "022222222222220 022222222222222 133333333333331 133333333333333 200000000000000 200000000000002 311111111111111 311111111111113"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(c.circle.cells(), " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func FuzzNear(f *testing.F) {
	for _, seed := range []string{"1|2|3|km", "90|180|0", "-90|-180|1e9|m", "1e400|2", "1|2||", "|||", `1\|2|3`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		keys, err := nearKeys(segment{raw: value})
		if err == nil && (len(keys) == 0 || len(keys) > maxCells) {
			t.Fatalf("%q has %d ranges", value, len(keys))
		}
		for _, k := range keys {
			if k.Near == nil || k.Lo >= k.Hi {
				t.Fatalf("%q: %+v", value, k)
			}
		}
	})
}
