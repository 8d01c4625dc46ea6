package path

import (
	"testing"

	uom "github.com/firth-health/firth/fhir/ucum"
)

func TestEquality(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"1 = 1.0", isTrue()},
		{"1 = '1'", isFalse()},
		{"1 != '1'", isTrue()},
		{"{} = 1", nothing()},
		{"1 != {}", nothing()},
		{"(1 | 2) = (1 | 2)", isTrue()},
		{"(1 | 2) = (2 | 1)", isFalse()},
		{"(1 | 2) = 1", isFalse()},
		{"gender = 'male'", isTrue()},
		{"'male' = gender", isTrue()},
		{"gender != 'Male'", isTrue()},
		{"multipleBirth = 2", isTrue()},
		{"active = true", isTrue()},
		{"active = 'true'", isFalse()},
		{"birthDate = @1974-12-25", isTrue()},
		{"birthDate = @1974-12", nothing()},
		{"birthDate = @1975", isFalse()},
		{"birthDate = '1974-12-25'", isFalse()},
		{"name[0] = name[0]", isTrue()},
		{"name[0] = name[1]", isFalse()},
		{"name[0] = 'Peter'", isFalse()},
		{"name[2].given[0] = name[2].given[0]", isTrue()},
		{"name[2].given[0] = 'x'", isFalse()},
		{"@2012-04-15T15:00:00Z = @2012-04-15T16:00:00+01:00", isTrue()},
		{"@2012-04-15T15:00:00 = @2012-04-15T15:00:00Z", nothing()},
		{"@2012-04-15T15:00:00 = @2012-04-17T15:00:00Z", isFalse()},
		{"@2012-04-15T15:00:00 = @2012-04-15T15:00:00.000", isTrue()},
		{"@2012-04-15T15:00 = @2012-04-15T15:00:00", nothing()},
		{"@T10:00 = @T10", nothing()},
		{"@T10:00 = @2012-04-15", isFalse()},
		{"1 'kg' = 1.0 'kg'", isTrue()},
		{"1 'kg' = 2 'kg'", isFalse()},
		{"1 'kg' = 1000 'g'", nothing()},
		{"1 '1' = 1", isTrue()},
		{"1 week = 7 days", isTrue()},
		{"60 'min' = 1 hour", isTrue()},
		{"1 year = 12 months", isTrue()},
		{"1 year = 1 'a'", nothing()},
		{"1 year = 365 days", nothing()},
		{"extension.value.ofType(Quantity) = 74.126 'kg'", isTrue()},
	})
}

func TestEquivalence(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"{} ~ {}", isTrue()},
		{"1 ~ {}", isFalse()},
		{"1 !~ {}", isTrue()},
		{"'  A  b ' ~ 'a B'", isTrue()},
		{"1.23 ~ 1.2", isTrue()},
		{"1.27 ~ 1.2", isFalse()},
		{"(1 | 2) ~ (2 | 1)", isTrue()},
		{"(1 | 1 | 2) ~ (2 | 1)", isTrue()},
		{"1.combine(1).combine(2) ~ 1.combine(2).combine(2)", isFalse()},
		{"@2012-04 ~ @2012-04-01", isFalse()},
		{"1 year ~ 1 'a'", isTrue()},
		{"1 month ~ 1 'mo'", isTrue()},
		{"1 'kg' ~ 1000 'g'", isFalse()},
		{"name[0] ~ name[0]", isTrue()},
		{"name[0] ~ name[1]", isFalse()},
		{"1 ~ 'a'", isFalse()},
	})
	const two = `{"resourceType":"Patient","name":[{"id":"1","family":"A","given":["x","Y"]},{"given":["y","X"],"family":"a"},{"family":"A","given":["x","z"]}]}`
	runRows(t, two, nil, []row{
		{"name[0] ~ name[1]", isTrue()},
		{"name[0] ~ name[2]", isFalse()},
		{"name[0] = name[1]", isFalse()},
	})
}

func TestComparison(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"1 < 1.5", isTrue()},
		{"2 >= 2", isTrue()},
		{"'a' < 'b'", isTrue()},
		{"'Z' < 'a'", isTrue()},
		{"{} < 1", nothing()},
		{"(1 | 2) < 3", items("error: line 1, column 9: expected one item on each side, found 2 and 1")},
		{"1 < 'a'", items("error: line 1, column 3: cannot compare an Integer with a String")},
		{"birthDate < @T10:00", items("error: line 1, column 11: cannot compare a Date with a Time")},
		{"true < false", items("error: line 1, column 6: cannot compare a Boolean with a Boolean")},
		{"birthDate < @1975", isTrue()},
		{"birthDate <= @1974", nothing()},
		{"@2018-03-01T10 < @2018-03-01T11:30", isTrue()},
		{"@2018-03-01T10:00:00Z > @2018-03-01T10:00:00+01:00", isTrue()},
		{"@2018-03-01T10:00:00.1 > @2018-03-01T10:00:00", isTrue()},
		{"@T10:00:00 < @T10:00:00.5", isTrue()},
		{"1 'kg' > 0.5 'kg'", isTrue()},
		{"1 'kg' > 500 'g'", nothing()},
		{"61 minutes > 1 'h'", isTrue()},
		{"deceased > 1", nothing()},
	})
}

func TestLogic(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"true and {}", nothing()},
		{"false and {}", isFalse()},
		{"{} and false", isFalse()},
		{"false and (1 | 2)", isFalse()},
		{"true and (1 | 2)", items("error: line 1, column 6: expected one item, found 2")},
		{"true and 'x'", isTrue()},
		{"{} or true", isTrue()},
		{"{} or false", nothing()},
		{"true xor {}", nothing()},
		{"true xor true", isFalse()},
		{"false implies {}", isTrue()},
		{"{} implies true", isTrue()},
		{"true implies {}", nothing()},
		{"2 in (1 | 2)", isTrue()},
		{"{} in (1 | 2)", nothing()},
		{"2 in {}", isFalse()},
		{"(1 | 2) contains 3", isFalse()},
		{"(1 | 2) contains {}", nothing()},
		{"(1 | 2) in (1 | 2)", items("error: line 1, column 9: expected one item to look for, found 2")},
	})
}

func TestArithmetic(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"0.1 + 0.2", items("Decimal 0.3")},
		{"1.50 - 1", items("Decimal 0.50")},
		{"1.10 * 1.10", items("Decimal 1.2100")},
		{"4 / 2", items("Decimal 2")},
		{"1 / 8", items("Decimal 0.125")},
		{"1 / 0", nothing()},
		{"7 div 2", items("Integer 3")},
		{"-7 div 2", items("Integer -3")},
		{"7.5 div 2.5", items("Integer 3")},
		{"7 mod 2", items("Integer 1")},
		{"-7 mod 2", items("Integer -1")},
		{"7.5 mod 2", items("Decimal 1.5")},
		{"7.5 mod 0.0", nothing()},
		{"9223372036854775807 + 1", nothing()},
		{"9223372036854775807 * 2", nothing()},
		{"-9223372036854775807 - 2", nothing()},
		{"'a' + 'b'", items("String ab")},
		{"'a' + {}", nothing()},
		{"'a' & {}", items("String a")},
		{"{} & {}", items("String ")},
		{"'a' & 1", items("error: line 1, column 5: expected a String on each side of &, found an Integer")},
		{"'a' + 1", items("error: line 1, column 5: cannot compute a String + an Integer")},
		{"-'a'", items("error: line 1, column 1: expected a number or Quantity after -, found a String")},
		{"1 'kg' + 2.5 'kg'", items("Quantity 3.5 'kg'")},
		{"1 'kg' + 1 'm'", nothing()},
		{"1 hour + 30 minutes", items("Quantity 90 minutes")},
		{"3 * 2 'kg'", items("Quantity 6 'kg'")},
		{"2 'm' * 3 'm'", items("Quantity 6 'm.m'")},
		{"6 'm.m' / 3 's'", items("Quantity 2 '(m.m)/s'")},
		{"6 'm' / 3 'm'", items("Quantity 2 '1'")},
		{"-(2 days)", items("Quantity -2 days")},
		{"2 days * 2", items("Quantity 4 days")},
		{"(4 'mg').value", items("Decimal 4")},
	})
}

func TestDateArithmetic(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"@2024-01-31 + 1 month", items("Date 2024-02-29")},
		{"@2024-02-29 + 1 year", items("Date 2025-02-28")},
		{"@2024-03-31 - 1 month", items("Date 2024-02-29")},
		{"@2024 + 23 months", items("Date 2025")},
		{"@2024-01 + 59 days", items("Date 2024-02")},
		{"@2024-01-01 + 47 hours", items("Date 2024-01-02")},
		{"@2024-01-01 - 1 'wk'", items("Date 2023-12-25")},
		{"@2024-01-01T10:00:00Z + 90 seconds", items("DateTime 2024-01-01T10:01:30Z")},
		{"@2024-01-01T10:00:00.0Z + 0.25 seconds", items("DateTime 2024-01-01T10:00:00.250Z")},
		{"@2024-01-01T10:00 + 119 seconds", items("DateTime 2024-01-01T10:01")},
		{"@T23:30:00 + 1 hour", items("Time 00:30:00")},
		{"@T10:00 + 1 day", items("error: line 1, column 9: only hours and shorter durations can be added to a time")},
		{"@9999-12-31 + 1 day", nothing()},
		{"@2024 + 100000 years", nothing()},
		{"@2024-01-01 + 1 'mo'", items("error: line 1, column 13: only calendar durations and UCUM wk, d, h, min, s and ms can be added to dates and times")},
		{"birthDate + 10 years", items("Date 1984-12-25")},
		{"@2024-01-01 + 1", items("error: line 1, column 13: cannot compute a Date + an Integer")},
	})
}

// units are those of UCUM, as every caller brings them.
func units(t testing.TB) Units {
	t.Helper()
	table, err := uom.Standard()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestUnits checks what a converter of units makes possible.
func TestUnits(t *testing.T) {
	runRows(t, patient, &Env{Units: units(t)}, []row{
		{"4.0000 'g' = 4000.0 'mg'", isTrue()},
		{"4 'g' != 4040 'mg'", isTrue()},
		{"4 'g' ~ 4040 'mg'", isTrue()},
		{"4 'g' < 1 'kg'", isTrue()},
		{"4 'g' = 4 'm'", nothing()},
		{"4 'g' ~ 4 'm'", isFalse()},
		{"2.0 'cm' * 2.0 'm' = 0.040 'm2'", isTrue()},
		{"1 'kg' + 500 'g'", items("Quantity 1500 'g'")},
		{"1.5 'kg'.toQuantity('mg')", items("Quantity 1500000 'mg'")},
		{"1 'cm'.comparable(1 'm')", isTrue()},
		{"1 'cm'.comparable(1 '[s]')", isFalse()},
		{"extension.value.ofType(Quantity) > 74125 'g'", isTrue()},
	})
}
