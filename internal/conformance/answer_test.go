package conformance

import (
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// answer is what a request was answered with. Each of the methods that return it is one check.
type answer struct {
	s       *session
	request string
	format  string // it wants to be answered in
	status  int
	header  http.Header
	body    string
	parsed  *tree
}

func (a *answer) check(ok bool, format string, args ...any) *answer {
	a.s.t.Helper()
	a.s.check(ok, "%s answered %d; "+format+"\n%.600s", append(append([]any{a.request, a.status}, args...), a.body)...)
	return a
}

// root is the body, in whichever format its Content-Type names. A body that is not of that format is empty.
func (a *answer) root() *tree {
	if a.parsed != nil {
		return a.parsed
	}
	switch a.mediaType() {
	case xmlType:
		a.parsed = parseXML(a.body)
	case jsonType:
		a.parsed = parseJSON(a.body)
	}
	if a.parsed == nil {
		a.parsed = &tree{}
	}
	return a.parsed
}

func (a *answer) mediaType() string {
	name, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return name
}

// is checks the status: one of those given.
func (a *answer) is(statuses ...int) *answer {
	a.s.t.Helper()
	return a.check(slices.Contains(statuses, a.status), "want %v", statuses)
}

// has checks a header's value.
func (a *answer) has(header, want string) *answer {
	a.s.t.Helper()
	got := a.header.Get(header)
	return a.check(got == want, "%s: %q, want %q", header, got, want)
}

// hasLike checks a header by a regular expression that covers its whole value.
func (a *answer) hasLike(header, pattern string) *answer {
	a.s.t.Helper()
	got := a.header.Get(header)
	return a.check(regexp.MustCompile("^(?:"+pattern+")$").MatchString(got), "%s: %q, want %s", header, got, pattern)
}

// lacks checks that headers were not sent.
func (a *answer) lacks(headers ...string) *answer {
	a.s.t.Helper()
	for _, header := range headers {
		a.check(a.header.Get(header) == "", "%s: %q, want none", header, a.header.Get(header))
	}
	return a
}

// holds checks that the answer is a resource of a type in a format.
func (a *answer) holds(mediaType, resourceType string) *answer {
	a.s.t.Helper()
	return a.check(a.mediaType() == mediaType && a.root().one("resourceType") == resourceType, "Content-Type %q, want a %s in %s", a.header.Get("Content-Type"), resourceType, mediaType)
}

// isEmpty checks that there is no body.
func (a *answer) isEmpty() *answer {
	a.s.t.Helper()
	return a.check(a.body == "", "want no body")
}

// at checks the values at a path, all of them in order; none given: that there is nothing.
func (a *answer) at(path string, want ...string) *answer {
	a.s.t.Helper()
	got := a.root().at(path)
	return a.check(slices.Equal(got, want), "%s: %q, want %q", path, got, want)
}

// among checks that a value is among those at a path.
func (a *answer) among(path string, want ...string) *answer {
	a.s.t.Helper()
	got := a.root().at(path)
	for _, value := range want {
		a.check(slices.Contains(got, value), "%s: %q, want %q among them", path, got, value)
	}
	return a
}

// contains checks for a part of the body as it was sent.
func (a *answer) contains(part string) *answer {
	a.s.t.Helper()
	return a.check(strings.Contains(a.body, part), "want %q in it", part)
}

// internals are words that no client must see.
var internals = regexp.MustCompile(`goroutine |panic|runtime error|\.go:\d|pebble|firth/server|/tmp/|nil pointer`)

// refused checks a refusal as a whole: the status, and an OperationOutcome in the format of the request with an error of the code (empty for any) that says why
// and tells nothing of the inside.
func (a *answer) refused(status int, code string) *answer {
	a.s.t.Helper()
	root := a.root()
	sound := a.status == status && a.mediaType() == a.format && root.one("resourceType") == "OperationOutcome" &&
		(root.one("issue.severity") == "error" || root.one("issue.severity") == "fatal") && root.one("issue.diagnostics") != "" &&
		(code == "" || root.one("issue.code") == code) && root.one("issue.code") != "" && a.header.Get("X-Request-Id") != "" && !internals.MatchString(a.body)
	return a.check(sound, "want %d and an OperationOutcome in %s with an error of code %q that says why", status, a.format, code)
}

// naming checks that an issue names what is wrong.
func (a *answer) naming(part string) *answer {
	a.s.t.Helper()
	said := strings.Join(slices.Concat(a.root().at("issue.diagnostics"), a.root().at("issue.expression")), "\n")
	return a.check(strings.Contains(said, part), "want %q in diagnostics or expression", part)
}

// entries returns the ids of the entries of a search mode, in order.
func (a *answer) entries(mode string) []string {
	var ids []string
	for _, entry := range a.root().nodes("entry") {
		if entry.one("search.mode") == mode {
			ids = append(ids, entry.one("resource.id"))
		}
	}
	return ids
}

// finds checks the ids of the matches of a search, whatever their order; they are given behind one another with spaces between.
func (a *answer) finds(want string) *answer {
	a.s.t.Helper()
	got, wanted := a.entries("match"), strings.Fields(want)
	slices.Sort(got)
	slices.Sort(wanted)
	return a.check(a.status == http.StatusOK && a.root().one("type") == "searchset" && slices.Equal(got, wanted), "found %q, want %q", got, wanted)
}

// lists checks the ids of the matches in their order.
func (a *answer) lists(want string) *answer {
	a.s.t.Helper()
	got := strings.Join(a.entries("match"), " ")
	return a.check(a.status == http.StatusOK && got == want, "listed %q, want %q", got, want)
}

// includes checks the Type/ids of the included resources, whatever their order.
func (a *answer) includes(want string) *answer {
	a.s.t.Helper()
	var got []string
	for _, entry := range a.root().nodes("entry") {
		if entry.one("search.mode") == "include" {
			got = append(got, entry.one("resource.resourceType")+"/"+entry.one("resource.id"))
		}
	}
	wanted := strings.Fields(want)
	slices.Sort(got)
	slices.Sort(wanted)
	return a.check(a.status == http.StatusOK && slices.Equal(got, wanted), "included %q, want %q", got, wanted)
}

// totals checks Bundle.total.
func (a *answer) totals(want int) *answer {
	a.s.t.Helper()
	return a.at("total", strconv.Itoa(want))
}

// warns checks that a searchset holds an outcome entry about something.
func (a *answer) warns(about string) *answer {
	a.s.t.Helper()
	for _, entry := range a.root().nodes("entry") {
		if entry.one("search.mode") == "outcome" && entry.one("resource.resourceType") == "OperationOutcome" && strings.Contains(strings.Join(entry.at("resource.issue.diagnostics"), "\n"), about) {
			return a.check(true, "")
		}
	}
	return a.check(false, "no entry of mode outcome about %q", about)
}

// link is the URL of a link; empty for none.
func (a *answer) link(relation string) string {
	for _, link := range a.root().nodes("link") {
		if link.one("relation") == relation {
			return link.one("url")
		}
	}
	return ""
}

// selfHas checks the parameters of the self link, decoded and sorted, with & between them.
func (a *answer) selfHas(want string) *answer {
	a.s.t.Helper()
	self, err := url.Parse(a.link("self"))
	if err != nil {
		return a.check(false, "self link: %v", err)
	}
	var got []string
	for name, values := range self.Query() {
		for _, value := range values {
			got = append(got, name+"="+value)
		}
	}
	slices.Sort(got)
	return a.check(strings.Join(got, "&") == want, "self link has %q, want %q", strings.Join(got, "&"), want)
}
