// Package store says what keeping resources means: the interface every back end fulfils, the vocabulary of its errors, and
// the few extras a back end may offer.
//
// It owns [Store], [Op], the sentinels and [Contract], which wraps a back end in tests and reports whatever breaks the interface's
// promises. It knows no engine, no URL and no HTTP status, and gives no meaning to an index key: keys and plans come from
// package search, and [search.Match] says what a plan means.
//
// It is called by the server and the command line; back ends live in store/pebble and store/mongo, and both are proven by the one
// suite in store/storetest.
package store
