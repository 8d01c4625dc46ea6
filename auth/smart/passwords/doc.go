// Package passwords hashes and verifies passwords with Argon2id (RFC 9106).
//
// It owns the parameters, the encoded form, the rules for new passwords, and the bound on how many are hashed at once: a hash takes a core for about 0.1 s and 64 MiB, so [Hasher] lets few run, a few
// more wait, and refuses the rest with [ErrBusy]; requests that carry tokens never come here. Accounts call it.
package passwords
