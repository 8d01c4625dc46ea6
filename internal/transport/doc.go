// Package transport secures connections: TLS from files that may change while the server runs, client certificates, and the response headers that browsers obey.
//
// It does not know what is served. cmd/firth calls it.
package transport
