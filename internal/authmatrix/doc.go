// Package authmatrix holds the assembled server against what SMART scopes promise: nobody learns of anything beyond the reach of his token, by any path.
//
// The oracle is a second world. The seed says by hand which patient each version belongs to; for each caller a server is filled with nothing but what that caller may
// see, and asked without limits. What the caller is told by the server that has everything must be the same to the byte: resources, totals, pages, links,
// headers and refusals. What a caller may write, or may not ask at all, a table says. The table of what was asked is docs/conformance/authorization.md; `go test
// ./internal/authmatrix -update` writes it. The package has no code of its own.
package authmatrix
