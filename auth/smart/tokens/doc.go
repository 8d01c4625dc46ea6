// Package tokens keeps what was authorized and the secrets that stand for it: codes, access tokens, refresh tokens, and what assertions were seen.
//
// It owns their lives, that a code is used once and a refresh token rotates, and what follows when one is used again. It knows no HTTP and does not decide who may have what: package smart does, and asks it.
//
// An authorization ("smart-authorization") is what somebody consented to; deleting it makes void all that came of it. Codes ("smart-code"), access tokens ("smart-access") and refresh tokens
// ("smart-refresh") are records under the hash of their secret that point to it. Clients that act for themselves have access tokens without an authorization. Of two requests that use one code or refresh token at
// once, one comes second at the record's revision, and counts as a reuse.
package tokens
