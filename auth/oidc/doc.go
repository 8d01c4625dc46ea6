// Package oidc knows the access tokens of foreign issuers: OpenID providers that the operator trusts.
//
// It owns discovery (OpenID Connect Discovery 1.0), JWTs as access tokens (RFC 9068) and introspection (RFC 7662), and what their claims mean here. It does not decide what they allow: package auth does.
// auth/bearer calls it.
package oidc
