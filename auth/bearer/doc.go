// Package bearer finds out what the access token of a request says (RFC 6750).
//
// It owns the Authorization header and the order in which issuers are asked: this server's own tokens first, foreign issuers next. It does not decide what the token allows. The server asks it before every
// interaction.
package bearer
