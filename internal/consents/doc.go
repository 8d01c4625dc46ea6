// Package consents keeps [auth.Consents] in step with the Consent resources of a store.
//
// It owns the wrapper through which a server writes, so that a Consent binds before its write is answered, and the look at what other servers on the same store wrote. It knows
// nothing of what a Consent means: package auth does. Only cmd/firth calls it.
package consents
