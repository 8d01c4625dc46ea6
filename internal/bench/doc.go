// Package bench measures a server over loopback TCP and, in the same run, the ceiling it could reach on this machine: the store's engine without a server, or a bare
// HTTP handler that serves the same bytes. A figure without its ceiling says more about the machine than about Firth.
//
// It owns the load generator, the data sent, the statistics and their output. What is measured comes in as a [System]: cmd/firth makes one, and
// this package knows neither the server nor the store.
package bench
