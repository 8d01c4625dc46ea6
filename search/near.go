package search

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Positions (R4 location.html#search, parameter near). The key of a position begins with its cell: the quadtree over latitude and longitude, one digit a level,
// so that a square of any level is a range of keys. The cells that meet the bounding box of a circle give the ranges, and [Circle] decides
// on the position itself, which the key carries as it was sent.

// Circle is all places at most Radius metres from a point, along great circles of a sphere with the Earth's mean radius. What differs from the WGS84 ellipsoid
// is at most 0.6 % of the distance.
type Circle struct {
	Latitude, Longitude float64 // degrees
	Radius              float64 // metres
}

const (
	earthRadius  = 6_371_008.8 // metres; the mean radius of WGS84
	cellLevels   = 24          // a cell of the last level is about a metre high
	maxCells     = 16          // ranges of one circle
	defaultRange = 50_000.0    // metres; R4 leaves it to the server where the query has no distance
)

// Contains reports whether a place, in degrees, lies in the circle.
func (c *Circle) Contains(latitude, longitude float64) bool {
	return distance(c.Latitude, c.Longitude, latitude, longitude) <= c.Radius
}

// String is the circle as explain shows it. Equal texts are equal circles.
func (c *Circle) String() string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	return number(c.Radius) + " m around " + number(c.Latitude) + "|" + number(c.Longitude)
}

// holds reports whether the position of a key, its last two fields, lies in the circle.
func (c *Circle) holds(key string) bool {
	i := strings.LastIndexByte(key, separator)
	if i < 0 {
		return false
	}
	longitude, err := strconv.ParseFloat(key[i+1:], 64)
	if err != nil {
		return false
	}
	latitude, err := strconv.ParseFloat(key[strings.LastIndexByte(key[:i], separator)+1:i], 64)
	return err == nil && c.Contains(latitude, longitude)
}

// distance is the haversine formula, in metres.
func distance(latitude, longitude, otherLatitude, otherLongitude float64) float64 {
	phi, other := radians(latitude), radians(otherLatitude)
	up, along := math.Sin((other-phi)/2), math.Sin(radians(otherLongitude-longitude)/2)
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, up*up+math.Cos(phi)*math.Cos(other)*along*along)))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
func degrees(radians float64) float64 { return radians * 180 / math.Pi }

// cellNumber is the row or column of a level that a coordinate lies in; limit is 90 or 180.
func cellNumber(degrees, limit float64, level int) int {
	count := 1 << level
	return max(0, min(count-1, int(math.Floor((degrees+limit)/(2*limit)*float64(count)))))
}

// appendCell appends the digits of a cell: 0 to 3 a level, the row in the upper bit.
func appendCell(dst []byte, row, column, level int) []byte {
	for bit := level - 1; bit >= 0; bit-- {
		dst = append(dst, byte('0'+(row>>bit&1)<<1+column>>bit&1))
	}
	return dst
}

// interval is a range of degrees.
type interval struct{ from, to float64 }

// box bounds the circle: a range of latitudes, and one or two of longitudes. A centimetre is added, because keys must not be missed for a rounding error.
func (c *Circle) box() (latitudes interval, longitudes []interval) {
	const slack = 1e-7
	angle := c.Radius / earthRadius
	height := degrees(angle) + slack
	latitudes = interval{c.Latitude - height, c.Latitude + height}
	if latitudes.from <= -90 || latitudes.to >= 90 {
		return latitudes, []interval{{-180, 180}} // a pole
	}
	width := degrees(math.Asin(min(1, math.Sin(angle)/math.Cos(radians(c.Latitude))))) + slack
	from, to := c.Longitude-width, c.Longitude+width
	switch {
	case width >= 180:
		return latitudes, []interval{{-180, 180}}
	case from <= -180:
		return latitudes, []interval{{-180, to}, {from + 360, 180}}
	case to >= 180:
		return latitudes, []interval{{from, 180}, {-180, to - 360}}
	}
	return latitudes, []interval{{from, to}}
}

// cells lists the cells of the deepest level that has few enough of them to cover the circle, sorted.
func (c *Circle) cells() []string {
	latitudes, longitudes := c.box()
	for level := cellLevels; ; level-- {
		bottom, top := cellNumber(latitudes.from, 90, level), cellNumber(latitudes.to, 90, level)
		columns := 0
		for _, l := range longitudes {
			columns += cellNumber(l.to, 180, level) - cellNumber(l.from, 180, level) + 1
		}
		if level > 0 && (top-bottom+1)*columns > maxCells {
			continue
		}
		var cells []string
		for row := bottom; row <= top; row++ {
			for _, l := range longitudes {
				for column := cellNumber(l.from, 180, level); column <= cellNumber(l.to, 180, level); column++ {
					cells = append(cells, string(appendCell(nil, row, column, level)))
				}
			}
		}
		slices.Sort(cells)
		return slices.Compact(cells)
	}
}

// readPosition reads an element with latitude and longitude.
func (x *extractor) readPosition(n fhir.Node) {
	latitude, okLatitude := coordinate(n.Get("latitude"), 90)
	longitude, okLongitude := coordinate(n.Get("longitude"), 180)
	if !okLatitude || !okLongitude {
		return
	}
	p := piece{form: formPosition}
	p.a.from = len(x.scratch)
	x.scratch = appendCell(x.scratch, cellNumber(latitude, 90, cellLevels), cellNumber(longitude, 180, cellLevels), cellLevels)
	x.scratch = append(n.Get("latitude").AppendText(append(x.scratch, separator)), separator)
	x.scratch = n.Get("longitude").AppendText(x.scratch)
	p.a.to = len(x.scratch)
	x.add(p)
}

// coordinate reads a number of degrees from -limit to limit.
func coordinate(n fhir.Node, limit float64) (float64, bool) {
	if n.Kind() != fhir.Number {
		return 0, false
	}
	return readDegrees(n.Text(), limit)
}

func readDegrees(text string, limit float64) (float64, bool) {
	if _, ok := appendNumber(nil, []byte(text)); !ok {
		return 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	return value, err == nil && value >= -limit && value <= limit
}

// distanceUnits are the UCUM units of a distance, in metres.
var distanceUnits = map[string]float64{"": 1000, "km": 1000, "m": 1, "[mi_i]": 1609.344, "[nmi_i]": 1852, "[ft_i]": 0.3048, "[yd_i]": 0.9144}

// nearKeys answers near=latitude|longitude|distance|units.
func nearKeys(s segment) ([]Keys, error) {
	parts := s.split('|')
	if len(parts) < 2 || len(parts) > 4 {
		return nil, s.failf("write latitude|longitude|distance|units")
	}
	c := &Circle{Radius: defaultRange}
	var ok bool
	if c.Latitude, ok = readDegrees(parts[0].text(), 90); !ok {
		return nil, parts[0].failf("not a latitude in degrees, from -90 to 90")
	}
	if c.Longitude, ok = readDegrees(parts[1].text(), 180); !ok {
		return nil, parts[1].failf("not a longitude in degrees, from -180 to 180")
	}
	if len(parts) > 2 && parts[2].raw != "" {
		unit := ""
		if len(parts) == 4 {
			unit = parts[3].text()
		}
		metres, known := distanceUnits[unit]
		if !known {
			return nil, parts[3].failf("not a unit of distance; km, m, [mi_i], [nmi_i], [yd_i] and [ft_i] are known")
		}
		value, ok := readDegrees(parts[2].text(), 1e9)
		if !ok || value < 0 {
			return nil, parts[2].failf("not a distance; write a number, 0 or more")
		}
		c.Radius = value * metres
	}
	var keys []Keys
	for _, cell := range c.cells() {
		k := withPrefix(string(formPosition) + cell)
		k.Near = c
		keys = append(keys, k)
	}
	return keys, nil
}
