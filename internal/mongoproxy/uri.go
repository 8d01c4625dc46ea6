package mongoproxy

import (
	"errors"
	"net/url"
	"strings"
)

const scheme = "mongodb://"

var (
	errScheme = errors.New("mongoproxy: the URI does not begin with " + scheme)
	errTLS    = errors.New("mongoproxy: what is said over TLS cannot be read")
)

// Through returns a connection string that leads to address instead of the hosts it names, and to nowhere else: what the server says of other members is not
// followed, and messages are not compressed.
func Through(uri, address string) (string, error) {
	rest, ok := strings.CutPrefix(uri, scheme)
	if !ok {
		return "", errScheme
	}
	rest, options, _ := strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	user := ""
	if at := strings.LastIndexByte(hosts, '@'); at >= 0 {
		user = hosts[:at+1]
	}
	values, err := url.ParseQuery(options)
	if err != nil {
		return "", err
	}
	for name, all := range values {
		switch strings.ToLower(name) {
		case "tls", "ssl":
			if len(all) > 0 && all[0] == "true" {
				return "", errTLS
			}
		case "replicaset", "compressors", "directconnection", "loadbalanced":
			values.Del(name)
		}
	}
	values.Set("directConnection", "true")
	return scheme + user + address + "/" + path + "?" + values.Encode(), nil
}
