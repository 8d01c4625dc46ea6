package server

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firth-health/firth/fhir"
)

// hosts are the names a request may call the server by: those of this machine, and this one, that of the base URL. Empty allows all.
type hosts string

func ownHosts(base string) hosts {
	u, err := url.Parse(base)
	if err != nil {
		return "localhost" // cannot be: New has parsed it
	}
	return hosts(strings.ToLower(u.Hostname()))
}

// allow reports whether a Host header is right. The port is not looked at: it is another one behind a tunnel, and who can choose it is here already.
func (o hosts) allow(host string) bool {
	if o == "" {
		return true
	}
	u := url.URL{Host: host}
	name := strings.ToLower(u.Hostname())
	return name != "" && (name == string(o) || isLoopbackHost(name))
}

// isLoopbackHost reports whether a name or an address without brackets is this machine whoever resolves it.
func isLoopbackHost(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// checkHost refuses requests that are meant for another host (RFC 9110 section 15.5.20).
func (s *Server) checkHost(c *gin.Context) {
	if s.hosts.allow(c.Request.Host) {
		return
	}
	in := &interaction{name: "none", level: operational, open: true, handle: func(x *exchange) (reply, error) {
		return reply{}, refuse(http.StatusMisdirectedRequest, fhir.CodeSecurity, "http.Host",
			"this server runs without authorization and answers requests to this machine only (localhost, 127.0.0.1, [::1] or the host of its base URL), not to %q", printable(c.Request.Host))
	}}
	s.serve(c.Writer, c.Request, &exchange{interaction: in})
	c.Abort()
}
