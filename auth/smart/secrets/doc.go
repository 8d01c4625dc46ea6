// Package secrets makes the random strings that the authorization server hands out (access tokens, codes, cookies, links, client secrets) and the ids by which it finds their records again.
//
// It owns their shape. A store holds only ids: the instant of the end and the SHA-256 of the secret, so that who reads a store or a backup of it gets nothing that can be used, and
// so that what has ended lies in front and can be swept without reading the rest. Every secret has 256 random bits, for which a plain hash is enough.
package secrets
