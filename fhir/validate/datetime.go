package validate

// Dates and times (R4 datatypes.html#date and following). Each reader returns how many bytes it read, 0 when there is no such thing.

func isDate(b []byte) bool { return date(b) == len(b) && len(b) > 0 }

func isDateTime(b []byte) bool {
	n := date(b)
	return n > 0 && n == len(b) || n == len("2006-01-02") && isZonedTime(b[n:])
}

func isInstant(b []byte) bool {
	n := date(b)
	return n == len("2006-01-02") && isZonedTime(b[n:])
}

func isTime(b []byte) bool { return clock(b) == len(b) && len(b) > 0 }

// isZonedTime reads T, a time of day and a zone to the end.
func isZonedTime(b []byte) bool {
	if len(b) == 0 || b[0] != 'T' {
		return false
	}
	n := clock(b[1:])
	return n > 0 && isZone(b[1+n:])
}

// date reads as much of YYYY-MM-DD as there is. The year is not 0000; month and day exist.
func date(b []byte) int {
	if len(b) < 4 || digits(b[:4]) != 4 || string(b[:4]) == "0000" {
		return 0
	}
	month, ok := part(b, 4, '-')
	if !ok {
		return 4
	}
	if month < 1 || month > 12 {
		return 0
	}
	day, ok := part(b, 7, '-')
	if !ok {
		return 7
	}
	if day < 1 || day > daysIn(b[:4], month) {
		return 0
	}
	return 10
}

// clock reads hh:mm:ss with an optional fraction. Second 60 is a leap second.
func clock(b []byte) int {
	hour, ok := two(b, 0)
	if !ok || hour > 23 {
		return 0
	}
	minute, ok := part(b, 2, ':')
	if !ok || minute > 59 {
		return 0
	}
	second, ok := part(b, 5, ':')
	if !ok || second > 60 {
		return 0
	}
	if len(b) > 9 && b[8] == '.' {
		if n := digits(b[9:]); n > 0 {
			return 9 + n
		}
	}
	return 8
}

// isZone reads Z or an offset of at most 14 hours.
func isZone(b []byte) bool {
	if len(b) == 1 && b[0] == 'Z' {
		return true
	}
	if len(b) != 6 || b[0] != '+' && b[0] != '-' {
		return false
	}
	hour, ok := two(b, 1)
	minute, rest := part(b, 3, ':')
	return ok && rest && minute < 60 && (hour < 14 || hour == 14 && minute == 0)
}

// part reads a separator at b[at] and two digits behind it.
func part(b []byte, at int, separator byte) (value int, ok bool) {
	if len(b) <= at || b[at] != separator {
		return 0, false
	}
	return two(b, at+1)
}

// two reads two digits at b[at].
func two(b []byte, at int) (value int, ok bool) {
	if len(b) < at+2 || !isDigit(b[at]) || !isDigit(b[at+1]) {
		return 0, false
	}
	return int(b[at]-'0')*10 + int(b[at+1]-'0'), true
}

// daysIn returns the days of a month; year is four digits.
func daysIn(year []byte, month int) int {
	switch month {
	case 2:
		century, rest := year[:2], year[2:]
		if string(rest) == "00" {
			rest = century // every fourth century has a leap year at its end
		}
		if (10*int(rest[0]-'0')+int(rest[1]-'0'))%4 == 0 {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
