// Package testfiles reads the files that tests of several packages read: packed ones, the public data beside the project, and the search corpus of testdata/search. Tests of
// all packages may call it; it knows nothing of what is in the files.
package testfiles
