package pages

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"strings"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed pages.css
var style []byte

// Name is a page.
type Name string

// Pages, by the template that each has.
const (
	Login     Name = "login"
	Code      Name = "code"
	Patient   Name = "patient"
	Consent   Name = "consent"
	Emergency Name = "emergency"
	Welcome   Name = "welcome"
	Account   Name = "account"
	Password  Name = "password"
	OneTime   Name = "onetime"
	Message   Name = "message"
)

func names() []Name {
	return []Name{Login, Code, Patient, Consent, Emergency, Welcome, Account, Password, OneTime, Message}
}

// Pages renders pages. It is safe for concurrent use.
type Pages struct {
	service string
	prefix  string
	version string
	pages   map[Name]*template.Template
}

// New reads the templates. The service's name is on every page; the prefix is the path that a proxy adds before /auth.
func New(service, prefix string) (*Pages, error) {
	sum := fnv.New64a()
	sum.Write(style) // never fails
	p := &Pages{service: service, prefix: prefix, version: hex.EncodeToString(sum.Sum(nil)), pages: map[Name]*template.Template{}}
	for _, name := range names() {
		parsed, err := template.New("layout.html").ParseFS(templates, "templates/layout.html", "templates/"+string(name)+".html")
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		p.pages[name] = parsed
	}
	return p, nil
}

// View is what every page shows.
type View struct {
	Title   string
	Problem string // what was wrong with the form before; read out at once
	Notice  string // what was done
	CSRF    string
	Request string // of the authorization that the person is in the middle of; empty for none
	Account string // name of who is logged in; empty for nobody
	Wide    bool
	Data    any // of the template

	// FormTarget is the origin, or the scheme with a colon, to which an answer to the page's form may lead on: a browser stops at others. Empty: this server only.
	FormTarget string
}

// frame is what the layout gets.
type frame struct {
	View
	Service, Prefix, Version string
}

// Write sends a page.
func (p *Pages) Write(w http.ResponseWriter, status int, name Name, view View) error {
	page, ok := p.pages[name]
	if !ok {
		return fmt.Errorf("no page %s", name)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, frame{View: view, Service: p.service, Prefix: p.prefix, Version: p.version}); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy(view.FormTarget))
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	return err
}

// policy allows nothing but the style sheet and the page's own forms (Content Security Policy Level 3). Browsers apply form-action to redirects after a form as well, so the app's address is named.
func policy(target string) string {
	const fixed = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
	if target == "" || strings.ContainsAny(target, " ;,\t\r\n") {
		return fixed
	}
	return fixed + " " + target
}

// Style sends the style sheet. Its address has the version of its content, so it may be kept.
func (p *Pages) Style(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if _, err := w.Write(style); err != nil {
		return // the browser is gone
	}
}
