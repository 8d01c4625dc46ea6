package path

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

func stringFunctions() []function {
	table := []function{
		{name: "length", run: length, result: Integer, input: stringInput},
		{name: "substring", min: 1, max: 2, run: substring, result: String, input: stringInput},
		{name: "replace", min: 2, max: 2, run: replace, result: String, input: stringInput},
		{name: "matches", min: 1, max: 1, run: matches, takes: regularExpression, result: Boolean, input: stringInput},
		{name: "matchesFull", min: 1, max: 1, run: matches, takes: regularExpression, result: Boolean, input: stringInput},
		{name: "replaceMatches", min: 2, max: 2, run: replaceMatches, takes: regularExpression, result: String, input: stringInput},
		{name: "toChars", run: toChars, result: String, input: stringInput},
		{name: "split", min: 1, max: 1, run: split, result: String, input: stringInput},
		{name: "join", max: 1, run: join, result: String, input: stringsInput},
		{name: "upper", run: onText(strings.ToUpper), result: String, input: stringInput},
		{name: "lower", run: onText(strings.ToLower), result: String, input: stringInput},
		{name: "trim", run: onText(strings.TrimSpace), result: String, input: stringInput},
		{name: "indexOf", min: 1, max: 1, run: indexOf(strings.Index), result: Integer, input: stringInput},
		{name: "lastIndexOf", min: 1, max: 1, run: indexOf(strings.LastIndex), result: Integer, input: stringInput},
		{name: "startsWith", min: 1, max: 1, run: about(strings.HasPrefix), result: Boolean, input: stringInput},
		{name: "endsWith", min: 1, max: 1, run: about(strings.HasSuffix), result: Boolean, input: stringInput},
		{name: "contains", min: 1, max: 1, run: about(strings.Contains), result: Boolean, input: stringInput},
	}
	return append(table, encodingFunctions()...)
}

// text is the input of a string function: one String, or nothing.
func (m *machine) text(in *invocation, mark int) (s string, ok bool, err error) {
	v, ok, err := m.one(in.at, mark)
	if err != nil || !ok {
		return "", false, err
	}
	return m.textOf(in, v)
}

func (m *machine) textOf(in *invocation, v Value) (s string, ok bool, err error) {
	v = v.asSystem()
	switch v.kind {
	case None:
		return "", false, nil
	case String:
		s = v.system.(string)
		return s, true, m.spendText(in.at, len(s))
	}
	return "", false, m.fail(in.at, "%s() needs a String, found %s", in.name, v.describe())
}

// textArgument evaluates an argument that must be a String; ok is false when it is empty.
func (m *machine) textArgument(in *invocation, i int) (s string, ok bool, err error) {
	v, ok, err := m.argument(in.at, in.args[i].code)
	if err != nil || !ok {
		return "", false, err
	}
	return m.textOf(in, v)
}

// textPair is the input and the first argument.
func (m *machine) textPair(in *invocation, mark int) (s, arg string, ok bool, err error) {
	s, ok, err = m.text(in, mark)
	if err != nil {
		return "", "", false, err
	}
	arg, given, err := m.textArgument(in, 0)
	return s, arg, ok && given, err
}

func (m *machine) yieldText(in *invocation, mark int, s string, ok bool) error {
	if err := m.spendText(in.at, len(s)); err != nil {
		return err
	}
	return m.yieldIf(mark, newString(s), ok)
}

// onText makes a function of one that maps strings.
func onText(f func(string) string) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		s, ok, err := m.text(in, mark)
		if err != nil {
			return err
		}
		return m.yieldText(in, mark, f(s), ok)
	}
}

// about makes a function of a question about two strings.
func about(f func(s, arg string) bool) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		s, arg, ok, err := m.textPair(in, mark)
		if err != nil {
			return err
		}
		return m.yieldIf(mark, newBoolean(ok && f(s, arg)), ok)
	}
}

// indexOf counts characters from 0; -1 when there is none.
func indexOf(find func(s, arg string) int) func(m *machine, in *invocation, mark int) error {
	return func(m *machine, in *invocation, mark int) error {
		s, arg, ok, err := m.textPair(in, mark)
		if err != nil {
			return err
		}
		i := find(s, arg)
		if i > 0 {
			i = utf8.RuneCountInString(s[:i])
		}
		return m.yieldIf(mark, newInteger(int64(i)), ok)
	}
}

func length(m *machine, in *invocation, mark int) error {
	s, ok, err := m.text(in, mark)
	if err != nil {
		return err
	}
	return m.yieldIf(mark, newInteger(int64(utf8.RuneCountInString(s))), ok)
}

func substring(m *machine, in *invocation, mark int) error {
	s, ok, err := m.text(in, mark)
	if err != nil {
		return err
	}
	start, given, err := m.number(in, 0)
	if err != nil {
		return err
	}
	characters := int64(utf8.RuneCountInString(s))
	if !ok || !given || start < 0 || start >= characters {
		m.truncate(mark)
		return nil
	}
	n := characters - start
	if len(in.args) == 2 {
		limit, limited, err := m.number(in, 1)
		if err != nil {
			return err
		}
		if limited {
			n = max(0, min(n, limit))
		}
	}
	from := byteIndex(s, start)
	return m.yieldText(in, mark, s[from:from+byteIndex(s[from:], n)], true)
}

// byteIndex is where the n-th character begins.
func byteIndex(s string, n int64) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func replace(m *machine, in *invocation, mark int) error {
	s, pattern, ok, err := m.textPair(in, mark)
	if err != nil {
		return err
	}
	substitution, given, err := m.textArgument(in, 1)
	if err != nil || !ok || !given {
		m.truncate(mark)
		return err
	}
	if err := m.spendText(in.at, (strings.Count(s, pattern)+1)*len(substitution)); err != nil {
		return err
	}
	return m.yieldText(in, mark, strings.ReplaceAll(s, pattern, substitution), true)
}

// compilePattern compiles a regular expression, for matchesFull() to match the whole text. The dialect is that of Go (RE2), which takes
// linear time and knows neither look-around nor back references. The point matches line ends.
func compilePattern(function, pattern string) (*regexp.Regexp, error) {
	if len(pattern) > 1000 {
		return nil, fmt.Errorf("the regular expression is longer than 1000 bytes")
	}
	if function == "matchesFull" {
		pattern = `\A(?:` + pattern + `)\z`
	}
	re, err := regexp.Compile("(?s:" + pattern + ")")
	if err != nil {
		return nil, fmt.Errorf("not a regular expression: %w", err)
	}
	return re, nil
}

// pattern returns the regular expression of the first argument; nil when it is empty.
func (m *machine) pattern(in *invocation) (*regexp.Regexp, error) {
	if in.args[0].pattern != nil {
		return in.args[0].pattern, nil
	}
	text, ok, err := m.textArgument(in, 0)
	if err != nil || !ok {
		return nil, err
	}
	re, err := compilePattern(in.name, text)
	if err != nil {
		return nil, m.fail(in.at, "%v", err)
	}
	return re, m.spend(in.at, 10+len(text))
}

func matches(m *machine, in *invocation, mark int) error {
	s, ok, err := m.text(in, mark)
	if err != nil {
		return err
	}
	re, err := m.pattern(in)
	if err != nil {
		return err
	}
	return m.yieldIf(mark, newBoolean(ok && re != nil && re.MatchString(s)), ok && re != nil)
}

func replaceMatches(m *machine, in *invocation, mark int) error {
	s, ok, err := m.text(in, mark)
	if err != nil {
		return err
	}
	re, err := m.pattern(in)
	if err != nil {
		return err
	}
	substitution, given, err := m.textArgument(in, 1)
	if err != nil || !ok || !given || re == nil {
		m.truncate(mark)
		return err
	}
	if re.String() == "(?s:)" { // an empty expression replaces nothing
		return m.yield(mark, newString(s))
	}
	if err := m.spendText(in.at, (len(s)+1)*(len(substitution)+1)/8); err != nil {
		return err
	}
	return m.yieldText(in, mark, re.ReplaceAllString(s, goTemplate(substitution)), true)
}

// goTemplate turns $1 into ${1}, because Go would read $1st as a name; \$ is a plain dollar.
func goTemplate(substitution string) string {
	var b strings.Builder
	for i := 0; i < len(substitution); i++ {
		c := substitution[i]
		switch {
		case c == '\\' && i+1 < len(substitution) && substitution[i+1] == '$':
			b.WriteString("$$")
			i++
		case c == '$' && i+1 < len(substitution) && isDigit(substitution[i+1]):
			b.WriteString("${" + substitution[i+1:i+2] + "}")
			i++
		case c == '$' && i+1 < len(substitution) && substitution[i+1] == '{':
			b.WriteByte(c)
		case c == '$':
			b.WriteString("$$")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func toChars(m *machine, in *invocation, mark int) error {
	s, ok, err := m.text(in, mark)
	m.truncate(mark)
	if err != nil || !ok {
		return err
	}
	for _, r := range s {
		if err := m.spend(in.at, 1); err != nil {
			return err
		}
		m.push(newString(string(r)))
	}
	return nil
}

func split(m *machine, in *invocation, mark int) error {
	s, separator, ok, err := m.textPair(in, mark)
	m.truncate(mark)
	if err != nil || !ok {
		return err
	}
	for part := range strings.SplitSeq(s, separator) {
		if err := m.spend(in.at, 1); err != nil {
			return err
		}
		m.push(newString(part))
	}
	return nil
}

func join(m *machine, in *invocation, mark int) error {
	n := len(m.stack)
	separator := ""
	if len(in.args) == 1 {
		var err error
		if separator, _, err = m.textArgument(in, 0); err != nil {
			return err
		}
	}
	var b strings.Builder
	joined := false
	for i := mark; i < n; i++ {
		s, ok, err := m.textOf(in, m.stack[i])
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if joined {
			b.WriteString(separator)
		}
		b.WriteString(s)
		joined = true
		if err := m.spendText(in.at, len(separator)+len(s)); err != nil {
			return err
		}
	}
	return m.yieldIf(mark, newString(b.String()), joined)
}
