package e2e

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default
	"encoding/base32"
	bytesof "encoding/binary"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// person uses the pages of a server with a browser: forms, cookies, and no scripts. Where an app takes over it stops.
type person struct {
	*testing.T
	origin string
	client *http.Client
	jar    *cookiejar.Jar
	told   map[string]string // values of hidden fields and cookies: what the server gave this browser alone
}

func (g *guarded) person() *person {
	g.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	g.Cleanup(client.CloseIdleConnections)
	return &person{T: g.T, origin: g.origin, client: client, jar: jar, told: map[string]string{}}
}

// sees is what a browser shows; away is where an app took over.
type sees struct {
	status int
	body   string
	away   *url.URL
}

var (
	formOf   = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">(.*?)</form>`)
	fieldsOf = regexp.MustCompile(`<input type="(hidden|checkbox)" name="([^"]+)" value="([^"]*)"`)
)

// get opens an address.
func (p *person) get(target string) sees {
	p.Helper()
	if strings.HasPrefix(target, "/") {
		target = p.origin + target
	}
	r, err := http.NewRequestWithContext(p.Context(), http.MethodGet, target, nil)
	if err != nil {
		p.Fatal(err)
	}
	return p.follow(r)
}

// send fills in the form of a page for an action, and sends it. Fields are pairs.
func (p *person) send(page sees, action string, fields ...string) sees {
	p.Helper()
	values := url.Values{}
	found := false
	for _, form := range formOf.FindAllStringSubmatch(page.body, -1) {
		if form[1] != action {
			continue
		}
		found = true
		for _, field := range fieldsOf.FindAllStringSubmatch(form[2], -1) {
			value := html.UnescapeString(field[3])
			values.Add(field[2], value)
			if field[1] == "hidden" {
				p.told[field[2]] = value
			}
		}
		break
	}
	if !found {
		p.Fatalf("no form for %s (%d):\n%s", action, page.status, page.body)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.origin+action, strings.NewReader(values.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.follow(r)
}

func (p *person) follow(r *http.Request) sees {
	p.Helper()
	for {
		response, err := p.client.Do(r)
		if err != nil {
			p.Fatal(err)
		}
		for _, c := range response.Cookies() {
			if c.Value != "" {
				p.told["cookie "+c.Name+" "+fmt.Sprint(len(p.told))] = c.Value
			}
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			p.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			p.Fatal(err)
		}
		target, err := response.Location()
		if err != nil {
			return sees{status: response.StatusCode, body: string(body)}
		}
		if target.Scheme+"://"+target.Host != p.origin {
			return sees{status: response.StatusCode, away: target}
		}
		if r, err = http.NewRequestWithContext(p.Context(), http.MethodGet, target.String(), nil); err != nil {
			p.Fatal(err)
		}
	}
}

// oneTimeCode is what an authenticator app shows now (RFC 6238), or some steps of 30 seconds later.
func oneTimeCode(t *testing.T, secret string, later int) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha1.New, key)
	h.Write(bytesof.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()/30+int64(later))))
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", bytesof.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}
