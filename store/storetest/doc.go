// Package storetest is the one conformance suite that every store passes: [Run] for the contract of [store.Store], [RunPersistent] for what must
// survive a restart, [Differential] for random resources and queries against the reference meaning of package search.
//
// It owns no store. A back end's own test is a dozen lines that pass a constructor; what a back end cannot do yet is an expected failure with
// its reason in that test, never a skip here.
package storetest
