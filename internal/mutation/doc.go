// Command mutation tells whether the tests of package search would notice a mistake: it flips one comparison, one logical operator, one condition or one
// step of 1 at a time, runs the tests that should notice, and reports the mutants that survive. `make mutate` calls it; it is no part of the server.
//
// The tree is never touched. All mutants are compiled into one test binary (go test -overlay): each mutated expression is written in both forms, and an
// environment variable says which mutant is alive. A mutant then costs one run of the tests, not one build.
//
// equivalent.tsv lists the mutants that no test can kill, each with its reason. They do not count.
package main
