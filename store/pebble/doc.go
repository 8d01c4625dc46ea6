// Package pebble is the embedded store: one directory, one process, everything in ordered keys of a Pebble LSM tree.
//
// It owns the layout of the key spaces (format.go), the committer that gives every write its place, version and instant, and the planner that
// turns a search.Plan into scans. It gives no meaning to an index key beyond its order. It is called through package store; only
// cmd/firth opens it.
//
// # Writes
//
// Callers of Apply bring everything prepared. One committer takes the calls in order, checks their preconditions against the store and against
// what is pending, and writes a group of them as one batch, in the order of its keys, with one sync. While one group is being synced the next is
// built. A call is answered after its sync, so what was answered survives the death of the process. What the keeper of the journal has to say of a group is part of its batch.
//
// # Rows
//
// Each resource has a row number in its type, given at creation and kept for ever, through deletion and resurrection. Rows are dense,
// and their order is the order of creation. The postings of an index key are rows in order, so And is a join of sorted lists.
package pebble
