// Package transport secures connections: TLS from files that may change while the server runs, client certificates, the response headers that browsers obey, where requests come from, and how many of them.
//
// It does not know what is served. cmd/firth calls it; server and auth/smart count requests with it.
package transport
