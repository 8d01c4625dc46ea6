// Package storecopy moves everything from one store to another: all versions of all resources under their ids, version ids and instants, with index keys made anew.
//
// It owns the loop, where it stands when it is interrupted, and the proof at the end. What a version is belongs to store, what its keys are to search; both come in. It is
// called by `firth store copy`.
package storecopy
