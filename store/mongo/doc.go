// Package mongo keeps resources in MongoDB: a replica set or a sharded cluster, server 4.4 or newer.
//
// It owns the layout of the documents (document.go), the codec between a resource's JSON and BSON (encode.go, decode.go), the translation of a
// search.Plan into one filter (compile.go), and the order of the steps of each write (single.go, transaction.go), which docs/adr/0010 argues crash
// point by crash point. It gives no meaning to an index key beyond its order, except for what search.HotIndexes declares. It is called through package
// store; only cmd/firth opens it.
//
// # Documents
//
// A collection per resource type holds the newest version of each resource, "history" the older ones. The resource is real BSON, so that people can
// query it with MongoDB's own tools; what BSON cannot give back byte for byte is kept as text beside it and served from there.
//
// # Order
//
// Every version has a sequence number from a hybrid logical clock (clock.go): milliseconds, a counter, a process. meta.lastUpdated is its millisecond,
// so the order of history is the order of sequence numbers, and the first version's number is a resource's place in the order of creation.
package mongo
