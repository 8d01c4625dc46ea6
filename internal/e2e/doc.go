// Package e2e drives the real binary as a user does: it builds cmd/firth once, starts it, talks HTTP and MLLP to it, kills it, and reads what it prints. It has no
// code of its own. FIRTH_KILL_ROUNDS sets how often the durability test kills the server (3).
package e2e
