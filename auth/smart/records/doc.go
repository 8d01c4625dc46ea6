// Package records keeps values of one Go type as JSON in a [store.State], by kind and id.
//
// It owns reading, changing on the condition of a revision, and sweeping away what has ended. What the values mean is the business of the packages of auth/smart that call it. Several
// servers may share the store: whoever loses a race reads again.
package records
