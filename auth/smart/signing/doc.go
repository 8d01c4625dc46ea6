// Package signing keeps the keys that sign id_tokens (RS256): made here, sealed in the store, replaced before they grow old.
//
// It owns rotation. A key is published some time before it signs and for some time after, so that nobody who caches the JWK Set meets a key it has not. Keys are numbered, and the number is
// the record's id: of several servers that make the next key at once, one succeeds and the others use its.
package signing
