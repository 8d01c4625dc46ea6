// Package soak holds tests of many clients at once against the built program: random readers and writers of everything the API can do (TestSoak), and walks
// through pages while others write (TestPagingUnderWrites). It owns no code besides its tests and knows the program by its command line and HTTP only; the
// store is opened at the end, when the program has stopped, to check it.
//
// FIRTH_SOAK (a duration) makes TestSoak run that long with FIRTH_SOAK_CLIENTS (200) clients against a program built with the race detector; `make soak` sets
// it, and SOAK_GUARDED=1 has authorization and an audit trail on. Without it the test takes two seconds each way.
package soak
